"""Records for the tests of projections: made by hand, and drawn by hypothesis."""

from collections.abc import Sequence

from hypothesis import strategies as st

from projections.base import Item, Position
from schemas.records import Audience, AudienceExpanded, Notification, NotificationRequested, Outcome, Priority, Record, StatusBatch
from schemas.topics import STATUS

NOW = 1_795_000_000_000
ACCEPTED = NOW - 60_000


def notification(notification_id: str = "n-1", **changes: object) -> Notification:
    """A campaign's notification, accepted a minute before NOW."""
    fields: dict[str, object] = {
        "notification_id": notification_id, "event_type": "sale.started", "source": "events.sale", "campaign": "spring",
        "template_id": "spring-sale", "template_version": 3, "category": "promotional", "priority": Priority.LOW,
        "channels": ["push", "in_app"], "data": {"title": "Spring"}, "occurred_at": ACCEPTED - 5, "accepted_at": ACCEPTED,
    }  # fmt: skip
    return Notification(**fields | changes)  # type: ignore[arg-type]


def status_batch(users: Sequence[str], status: str = "sent", **changes: object) -> StatusBatch:
    """All users met one status, a second before NOW."""
    fields: dict[str, object] = {
        "status_id": f"s-{status}", "notification": notification(), "channel": "push", "batch_id": "b-1", "provider": "fcm", "attempt": 1,
        "users": list(users), "outcomes": [Outcome(status)], "outcome_of": [0] * len(users),
        "provider_message_ids": [f"m-{user}" for user in users], "profile_offsets": list(range(len(users))), "policy_version": "p1",
        "at": NOW - 1000, "caused_by_topic": "notify.deliver.push.low", "caused_by_partition": 0, "caused_by_offset": 7,
    }  # fmt: skip
    return StatusBatch(**fields | changes)  # type: ignore[arg-type]


def requested(notification_id: str = "n-1", **changes: object) -> NotificationRequested:
    """A request for everybody."""
    return NotificationRequested(notification(notification_id, **changes), Audience(expression="all"), f"key-{notification_id}", "r1")


def expanded(
    partition: int = 0, chunk: int = 0, *, last: bool = True, partitions: int = 1, users: int = 10, held: int = 0, hold_id: str = ""
) -> AudienceExpanded:
    """A chunk of which a tenth is suppressed on push, and some are held."""
    queued, deferred = {"push": users - users // 10 - held}, {"push": held} if held else {}
    return AudienceExpanded(
        "n-1", partition, chunk, partitions, last, users, queued, {"push": users // 10}, NOW - 2000, 5, hold_id, deferred
    )  # fmt: skip


def items(records: Sequence[Record], topic: str = STATUS, partition: int = 0) -> list[Item]:
    """Records at successive offsets."""
    return [Item(record, Position(topic, partition, offset)) for offset, record in enumerate(records)]


STATUSES = ("queued", "sent", "delivered", "opened", "failed", "suppressed", "unknown", "seen_by_owl")
USERS = tuple(f"user-{i:02d}" for i in range(30))


@st.composite
def status_batches(draw: st.DrawFn, users: Sequence[str] = USERS) -> StatusBatch:
    """A batch about some of a few users, notifications and channels, with mixed outcomes and close times."""
    some = draw(st.lists(st.sampled_from(users), min_size=1, max_size=len(users), unique=True))
    outcomes = draw(
        st.lists(st.builds(Outcome, st.sampled_from(STATUSES), st.sampled_from(["", "quiet_hours", "no_address"])), min_size=1, max_size=3)
    )
    n = len(some)
    several = draw(st.booleans())
    return status_batch(
        some,
        status_id=draw(st.uuids(version=4).map(str)),
        notification=notification(draw(st.sampled_from(["n-1", "n-2"]))),
        channel=draw(st.sampled_from(["push", "in_app"])),
        provider="" if several else draw(st.sampled_from(["", "fcm", "apns"])),
        providers=["fcm", "apns"] if several else [],
        provider_of=draw(st.lists(st.integers(0, 1), min_size=n, max_size=n)) if several else [],
        attempt=draw(st.integers(0, 3)),
        outcomes=outcomes,
        outcome_of=draw(st.lists(st.integers(0, len(outcomes) - 1), min_size=n, max_size=n)),
        provider_message_ids=draw(st.just([]) | st.just([f"m-{user}" for user in some])),
        profile_offsets=draw(st.lists(st.integers(-1, 50), min_size=n, max_size=n)),
        policy_version=draw(st.sampled_from(["", "p1", "p2"])),
        at=NOW - draw(st.integers(0, 3)),
    )
