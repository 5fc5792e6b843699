"""The topic catalogue, the one place for it: each topic with its name, key, partitions, retention, schema, owner and dead-letter topic."""

from collections.abc import Iterator
from dataclasses import dataclass

from schemas.records import (
    AudienceExpanded,
    ChannelEnded,
    ChannelOverdue,
    ControlCampaign,
    DeadLetter,
    DeliverBatch,
    DigestWindowEnded,
    ExpandAudience,
    FeedbackReceived,
    FeedbacksReceived,
    LedgerEntry,
    NotificationRequested,
    PolicyPublished,
    Priority,
    Profile,
    ProfilesChanged,
    Record,
    ReplayEnded,
    ReplayStarted,
    SendsEnded,
    SetTimer,
    StatusBatch,
    StepCommitted,
    UserSeen,
)

CHANNELS = ("push", "email", "sms", "in_app")
PRIORITIES = tuple(Priority)
URGENT = (Priority.CRITICAL, Priority.HIGH)
"""These have lanes, and processes, of their own to the provider; critical ones from the planner on."""
BULK = (Priority.NORMAL, Priority.LOW)
DEFAULT_PARTITIONS = 8

REQUESTS = "notify.requests"
PROFILE_EVENTS = "notify.profile-events"
PROFILES = "notify.profiles"
FANOUT = "notify.fanout"
FANOUT_URGENT = "notify.fanout.urgent"
FANOUTS = (FANOUT, FANOUT_URGENT)
ON_URGENT: tuple[type[Record], ...] = (ExpandAudience, ControlCampaign, ChannelEnded, ChannelOverdue)
ON_FANOUT: tuple[type[Record], ...] = (*ON_URGENT, DigestWindowEnded, UserSeen, SendsEnded)
"""What the urgent lane carries, and the common one, which has what needs state; commands first."""
CANCELS = "notify.cancels"
EXPANSIONS = "notify.expansions"
STATUS = "notify.status"
FEEDBACK = "notify.feedback"
DLQ = "notify.dlq"
POLICY = "notify.policy"
REPLAYS = "notify.replays"
CHANGELOG_FEEDBACK = "notify.changelog.feedback"
CHANGELOG_CURSORS = "notify.changelog.feedback.cursors"
CHANGELOG_PLANNER = "notify.changelog.planner"
CHANGELOG_SCHEDULED = "notify.changelog.planner.scheduled"
TIMERS = "notify.timers"
CHANGELOG_TIMERS = "notify.changelog.timers"
CHANGELOG_DAYS = "notify.changelog.days"
CHANGELOG_CAPS = "notify.changelog.caps"
CHANGELOG_DIGESTS = "notify.changelog.digests"
CHANGELOG_ENDED = "notify.changelog.caps.ended"
CHANGELOG_DELETED = "notify.changelog.profiles.deleted"

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
FOREVER = -1
TOMBSTONE_KEPT_MS = DAY_MS
"""In what is compacted: a copy that was away for longer may still have what was removed, and must begin anew (twice `STALE_S`)."""
DELIVER_KEPT_MS = 7 * DAY_MS
CAMPAIGN_KEPT_MS = 90 * DAY_MS
"""How long control of a campaign is known, and what waits in it is kept."""
TRIED_KEPT_MS = 90 * DAY_MS
"""How long it is known which channel of several was tried: people may be held so long between two."""
SCHEDULE_KEPT_MS = 90 * DAY_MS
"""How long it is known that a request for later was planned."""


@dataclass(frozen=True)
class Topic:
    """One topic. `partitions` None: the common count; `compacted` keeps the last record of a key; `retention_ms` -1: no limit by time.

    `broker_time`: its records bear the time they were appended, whenever they were made: for what is compared with the log's order.
    `record` None: any schema (upstream events), or bytes private to the owner (changelogs). `others`: records it carries beside that one.
    `dlq` "": whatever is wrong in it is a bug of its owner.
    """

    name: str
    key: str
    owner: str
    record: type[Record] | None = None
    partitions: int | None = None
    retention_ms: int = 7 * DAY_MS
    compacted: bool = False
    dlq: str = DLQ
    max_message_bytes: int = 1_048_588
    broker_time: bool = False
    others: tuple[type[Record], ...] = ()

    @property
    def records(self) -> tuple[type[Record], ...]:
        """Every record type it carries, the commonest first."""
        return (self.record, *self.others) if self.record else ()

    def config(self) -> dict[str, str]:
        """Kafka's topic settings, as text."""
        kinds = ["compact"] if self.compacted else []
        kinds += ["delete"] if self.retention_ms != FOREVER or not kinds else []
        return {
            **({"delete.retention.ms": str(TOMBSTONE_KEPT_MS)} if self.compacted else {}),
            "cleanup.policy": ",".join(kinds),
            "retention.ms": str(self.retention_ms),
            "max.message.bytes": str(self.max_message_bytes),
            "min.insync.replicas": "1",
            "message.timestamp.type": "LogAppendTime" if self.broker_time else "CreateTime",
        }


def fanout_topic(priority: str) -> str:
    """Where the commands to expand notifications of a priority wait. High ones are bound by caps, which the common lane counts."""
    return FANOUT_URGENT if priority == Priority.CRITICAL else FANOUT


def audience_topics(fanout: str) -> tuple[str, str]:
    """The changelog and the journal of the audience step that reads `fanout`."""
    return fanout.replace("notify.fanout", "notify.changelog.audience", 1), fanout.replace("notify.fanout", "notify.journal.audience", 1)


def campaigns_topic(fanout: str) -> str:
    """The changelog of what the audience step that reads `fanout` knows of campaigns under control, and of what waits in them."""
    return fanout.replace("notify.fanout", "notify.changelog.campaigns", 1)


def tried_topic(fanout: str) -> str:
    """The changelog of what the audience step that reads `fanout` knows of notifications that try one channel after the other."""
    return fanout.replace("notify.fanout", "notify.changelog.tried", 1)


def deliver_topic(channel: str, priority: str) -> str:
    """Where batches of a channel and priority wait for delivery."""
    return f"notify.deliver.{channel}.{priority}"


def ledger_topic(deliver: str) -> str:
    """The changelog of the ledger of one deliver topic."""
    return deliver.replace("notify.deliver.", "notify.ledger.", 1)


def events_topic(aggregate: str) -> str:
    """Where upstream events about an aggregate arrive, e.g. `events.order`."""
    return f"events.{aggregate}"


def table_topic(table: str) -> str:
    """Where Debezium's records of an upstream table's rows arrive, e.g. `cdc.customers`."""
    return f"cdc.{table}"


def catalogue(aggregates: tuple[str, ...] = (), channels: tuple[str, ...] = CHANNELS, tables: tuple[str, ...] = ()) -> list[Topic]:
    """Every topic Carillon uses: the core, two fan-out lanes, deliver and ledger by channel and priority, one by upstream aggregate, one by
    upstream table.
    """
    return [*_core(), *_fanouts(), *_lanes(channels), *_upstream(aggregates, tables)]


def _core() -> Iterator[Topic]:
    week = 7 * DAY_MS
    yield Topic(REQUESTS, "notification_id", "intake", NotificationRequested, retention_ms=week)
    yield Topic(PROFILE_EVENTS, "user_id", "gateway, cdc, feedback", ProfilesChanged, retention_ms=week)
    yield Topic(PROFILES, "user_id", "profiles", Profile, compacted=True, retention_ms=FOREVER, broker_time=True)
    yield Topic(EXPANSIONS, "notification_id", "audience", AudienceExpanded, retention_ms=week)
    yield Topic(STATUS, "notification_id; the users' partition", "audience, delivery", StatusBatch, retention_ms=week)
    yield Topic(FEEDBACK, "ref; explicit partition", "gateway", FeedbackReceived, others=(FeedbacksReceived,), retention_ms=week)
    # larger than any source topic's limit: a dead letter carries the whole record and its story
    yield Topic(DLQ, "topic/partition/offset", "every step", DeadLetter, retention_ms=30 * DAY_MS, dlq="", max_message_bytes=12_582_912)
    # longer than an old change can come back: a dead letter is replayed for 30 days
    yield Topic(CHANGELOG_DELETED, "user_id", "profiles", compacted=True, retention_ms=35 * DAY_MS, dlq="")
    # 48 h: twice the idempotency window that is promised
    yield Topic(CHANGELOG_PLANNER, "notification_id", "planner", compacted=True, retention_ms=2 * DAY_MS, dlq="")
    # 48 h: what was counted holds for a day
    yield Topic(CHANGELOG_CAPS, "part of a user bucket", "audience", compacted=True, retention_ms=2 * DAY_MS, dlq="")
    # 7 d: a daily digest waits for a day, and twice as long where its user moves
    yield Topic(CHANGELOG_DIGESTS, "user_id, category, digest_key", "audience", compacted=True, retention_ms=week, dlq="")
    # 48 h: what was sent counts for a day. Not compacted: the last records are read, in whichever order they came
    yield Topic(CHANGELOG_DAYS, "role; the users' partition", "delivery", retention_ms=2 * DAY_MS, dlq="")
    yield Topic(CHANGELOG_ENDED, "notification_id and the decision", "audience", compacted=True, retention_ms=2 * DAY_MS, dlq="")
    # longer than the longest schedule
    yield Topic(CHANGELOG_SCHEDULED, "notification_id", "planner", compacted=True, retention_ms=SCHEDULE_KEPT_MS, dlq="")
    # as long as the batches that it is about
    yield Topic(CHANGELOG_FEEDBACK, "place of a deliver batch", "feedback", compacted=True, retention_ms=week, dlq="")
    # how far each feed of a provider's events was fetched: the gateway reads it once, at its start
    yield Topic(CHANGELOG_CURSORS, "feed; partition 0", "gateway", compacted=True, retention_ms=FOREVER, dlq="")
    # every worker reads it: what can't be used is said in their logs, and passed over
    yield Topic(POLICY, "policy; partition 0", "operators", PolicyPublished, compacted=True, retention_ms=FOREVER, dlq="")
    # only people read it
    replayed = (ReplayEnded,)
    yield Topic(REPLAYS, "replay_id; partition 0", "operators", ReplayStarted, others=replayed, retention_ms=90 * DAY_MS, dlq="")
    yield Topic(TIMERS, "timer_id; the users' partition", "every step", SetTimer, retention_ms=week)
    # no limit by time: a timer may be due in 90 days
    yield Topic(CHANGELOG_TIMERS, "timer_id", "timers", compacted=True, retention_ms=FOREVER, dlq="")


def _fanouts() -> Iterator[Topic]:
    for name in FANOUTS:
        changelog, journal = audience_topics(name)
        yield Topic(
            name,
            "notification_id, user_id; explicit partition",
            "planner, audience, delivery",
            ExpandAudience,
            others=(ON_FANOUT if name == FANOUT else ON_URGENT)[1:],
        )
        yield Topic(changelog, "notification_id", "audience", compacted=True, retention_ms=2 * DAY_MS, dlq="")
        # 90 d, as the read side: whoever pauses a campaign has so long to come back to it, and people may be held as long
        yield Topic(campaigns_topic(name), "notification_id", "audience", compacted=True, retention_ms=CAMPAIGN_KEPT_MS, dlq="")
        yield Topic(tried_topic(name), "notification_id, user_id", "audience", compacted=True, retention_ms=TRIED_KEPT_MS, dlq="")
        # compacted without a limit by time: the last record of a partition says where its step stands
        yield Topic(journal, "step", "audience", StepCommitted, compacted=True, retention_ms=FOREVER, dlq="", max_message_bytes=8_388_608)
    # as long as a batch waits; only its keys are read
    cancels = "notification_id; explicit partition"
    yield Topic(CANCELS, cancels, "audience", ControlCampaign, compacted=True, retention_ms=DELIVER_KEPT_MS, dlq="")


def _lanes(channels: tuple[str, ...]) -> Iterator[Topic]:
    for channel in channels:
        for priority in PRIORITIES:
            name = deliver_topic(channel, priority)
            yield Topic(name, "batch_id; the users' partition", "audience", DeliverBatch, retention_ms=DELIVER_KEPT_MS)
            ledger = ledger_topic(name)
            yield Topic(ledger, "batch_id", "delivery", LedgerEntry, compacted=True, retention_ms=2 * DAY_MS, dlq="", broker_time=True)


def _upstream(aggregates: tuple[str, ...], tables: tuple[str, ...]) -> Iterator[Topic]:
    for aggregate in aggregates:
        yield Topic(events_topic(aggregate), "aggregate id", "upstream", retention_ms=7 * DAY_MS)
    for table in tables:
        yield Topic(table_topic(table), "the row's primary key", "upstream", retention_ms=7 * DAY_MS)
