"""A small log that adds up, made by hand, and what the audit says of it. No Kafka, no code of the steps."""

from collections.abc import Callable
from typing import Any

import msgspec

from ops.audit.model import Entry, Place, Terms
from ops.audit.partition import PartitionAudit, concluded
from ops.audit.profiles import Version
from ops.audit.report import Findings, Report
from ops.audit.requests import Expansions, Requests
from schemas import ids
from schemas.partition import partition_of
from schemas.records import (
    Audience,
    AudienceExpanded,
    DeliverBatch,
    ExpandAudience,
    LedgerEntry,
    Notification,
    NotificationRequested,
    Outcome,
    Priority,
    StatusBatch,
)
from schemas.topics import EXPANSIONS, PROFILES, REQUESTS, STATUS, deliver_topic, fanout_topic, ledger_topic

PARTITIONS = 4
CHUNK = 3
T0 = 1_800_000_000_000
NOW = T0 + 3_600_000
USERS = [f"user-{number}" for number in range(60)]
HOME = {user: partition_of(user, PARTITIONS) for user in USERS}


class World:
    """Topics with their entries; `write` appends, `swap` and `drop` falsify."""

    def __init__(self) -> None:
        self.topics: dict[str, list[Entry]] = {}
        self._next: dict[tuple[str, int], int] = {}
        self.profile_of: dict[str, int] = {}

    def write(self, topic: str, partition: int, at: int, key: str, record: Any) -> int:
        """Append; returns the offset."""
        offset = self._next.get((topic, partition), 0)
        self._next[topic, partition] = offset + 1
        entry = Entry(Place(topic, partition, offset), at, key.encode(), record, digest(record))
        self.topics.setdefault(topic, []).append(entry)
        return offset

    def again(self, entry: Entry, **fields: Any) -> Entry:
        """Write an entry's record once more, with other fields if any are given; returns the copy."""
        record = msgspec.structs.replace(entry.record, **fields)
        place = entry.place
        offset = self.write(place.topic, place.partition, entry.timestamp, entry.key.decode(), record)
        return next(one for one in self.topics[place.topic] if one.place == place._replace(offset=offset))

    def swap(self, entry: Entry, **fields: Any) -> Place:
        """Replace fields of an entry's record, in place."""
        record = msgspec.structs.replace(entry.record, **fields)
        return self.put(entry, entry._replace(record=record, digest=digest(record)))

    def put(self, entry: Entry, other: Entry) -> Place:
        """Replace an entry."""
        entries = self.topics[entry.place.topic]
        entries[entries.index(entry)] = other
        return entry.place

    def drop(self, entry: Entry) -> Place:
        """Remove an entry."""
        self.topics[entry.place.topic].remove(entry)
        return entry.place

    def find(self, topic: str, test: Callable[[Any], bool] = lambda record: True) -> Entry:
        """The first entry whose record passes."""
        return next(entry for entry in self.topics[topic] if test(entry.record))

    def of(self, topic: str, partition: int) -> list[Entry]:
        """The entries of a partition."""
        return [entry for entry in self.topics.get(topic, []) if entry.place.partition == partition]


def digest(record: Any) -> int:
    """What the reader makes of the bytes."""
    return hash(msgspec.msgpack.encode(record))


def notification(name: str, channels: list[str], priority: Priority) -> Notification:
    """One that was accepted a while ago."""
    return Notification(ids.notification_id("test", name), "e", "test", "", "t", 1, "news", priority, channels, {}, T0, T0 + 1000)


SALE = notification("sale", ["push", "in_app"], Priority.NORMAL)
CODE = notification("code", ["email"], Priority.CRITICAL)
NAMED = USERS[:7]


def consistent(world: World | None = None) -> World:
    """Sixty users with a profile; a sale to all in chunks of three, a code to seven of them; every fifth user wants neither."""
    world = world or World()
    for user in USERS:
        world.profile_of[user] = world.write(PROFILES, HOME[user], T0, user, user)
    for wanted, audience in ((SALE, Audience(expression="all")), (CODE, Audience(users=NAMED))):
        request = NotificationRequested(wanted, audience, wanted.notification_id)
        at = partition_of(wanted.notification_id, PARTITIONS)
        world.write(REQUESTS, at, T0 + 1000, wanted.notification_id, request)
    for partition in range(PARTITIONS):
        mine = [user for user in USERS if HOME[user] == partition]
        chunks = [mine[start : start + CHUNK] for start in range(0, len(mine), CHUNK)]
        for number, users in enumerate(chunks):
            last = number == len(chunks) - 1
            command = ExpandAudience(notification=SALE, expression="all", cursor=users[0], chunk=number, partitions=PARTITIONS)
            expand(world, partition, command, users, PARTITIONS, last)
    homes = sorted({HOME[user] for user in NAMED})
    for partition in homes:
        users = [user for user in NAMED if HOME[user] == partition]
        expand(world, partition, ExpandAudience(notification=CODE, users=users, partitions=len(homes)), users, len(homes), True)
    return world


def expand(world: World, partition: int, command: ExpandAudience, users: list[str], partitions: int, last: bool) -> None:
    """A command and all that follows from it."""
    wanted = command.notification
    key, lane = wanted.notification_id, fanout_topic(wanted.priority)
    offset = world.write(lane, partition, T0 + 2000, key, command)
    send = [user for user in users if int(user.split("-")[1]) % 5]
    refuse = [user for user in users if user not in send]
    for channel in wanted.channels:
        batch_id = ids.batch_id(key, partition, command.chunk, channel)
        if refuse:
            world.write(STATUS, partition, T0 + 3000, key, refused(world, wanted, channel, batch_id, refuse, (lane, partition, offset)))
        if send:
            deliver(world, partition, DeliverBatch(batch_id, wanted, channel, send, profiles(world, send), "p1", T0 + 3000, offset))
    counts = dict.fromkeys(wanted.channels, len(send)), dict.fromkeys(wanted.channels, len(refuse))
    told = AudienceExpanded(key, partition, command.chunk, partitions, last, len(users), *counts, T0 + 3000, offset)
    world.write(EXPANSIONS, partition_of(key, PARTITIONS), T0 + 3000, key, told)


def refused(world: World, wanted: Notification, channel: str, batch_id: str, users: list[str], cause: tuple[str, int, int]) -> StatusBatch:
    """The status of those who are not sent to."""
    return StatusBatch(
        status_id=ids.status_id(batch_id, "suppressed"),
        notification=wanted,
        channel=channel,
        users=users,
        outcomes=[Outcome("suppressed", "channel_disabled")],
        outcome_of=[0] * len(users),
        profile_offsets=profiles(world, users),
        at=T0 + 3000,
        caused_by_topic=cause[0],
        caused_by_partition=cause[1],
        caused_by_offset=cause[2],
    )


def deliver(world: World, partition: int, batch: DeliverBatch) -> None:
    """A batch, its ledger and its status: the last of three or more fails; in-app messages are sent without an intent."""
    topic = deliver_topic(batch.channel, batch.notification.priority)
    offset = world.write(topic, partition, T0 + 3000, batch.batch_id, batch)
    many, provider = len(batch.users), "inbox" if batch.channel == "in_app" else "sandbox"
    entry = LedgerEntry(offset, intended=many, done=0, provider=provider)
    if provider == "sandbox":
        world.write(ledger_topic(topic), partition, T0 + 4000, batch.batch_id, entry)
    outcomes = [Outcome("sent"), Outcome("failed", "refused")] if many > 2 else [Outcome("sent")]
    numbers = [0] * (many - 1) + [len(outcomes) - 1]
    message_ids = [f"m-{user}" for user in batch.users]
    done = LedgerEntry(offset, many, many, outcomes, numbers, message_ids, batch.profile_offsets, provider, 1, T0 + 5000)
    world.write(ledger_topic(topic), partition, T0 + 5000, batch.batch_id, done)
    world.write(STATUS, partition, T0 + 5000, batch.notification.notification_id, delivered(batch, done, topic, partition))


def delivered(batch: DeliverBatch, done: LedgerEntry, topic: str, partition: int) -> StatusBatch:
    """The status of a batch that is done."""
    return StatusBatch(
        status_id=ids.status_id(batch.batch_id, "delivered"),
        notification=batch.notification,
        channel=batch.channel,
        batch_id=batch.batch_id,
        provider=done.provider,
        attempt=batch.attempts + done.attempt,
        users=batch.users,
        outcomes=done.outcomes,
        outcome_of=done.outcome_of,
        provider_message_ids=done.provider_message_ids,
        profile_offsets=done.profile_offsets,
        at=done.finished_at or 0,
        caused_by_topic=topic,
        caused_by_partition=partition,
        caused_by_offset=done.source_offset,
    )


def profiles(world: World, users: list[str]) -> list[int]:
    """The offsets of their profiles."""
    return [world.profile_of[user] for user in users]


def judge(world: World, **terms: Any) -> Report:
    """What the audit says; by default of a log where nothing is under way."""
    by = Terms(**{"now_ms": NOW, "settled": True, **terms})
    findings = Findings()
    requests = Requests(by, findings, PARTITIONS)
    for entry in world.topics[REQUESTS]:
        requests.note(entry)
    expansions = Expansions(by, findings, requests.asked)
    for entry in world.topics[EXPANSIONS]:
        expansions.note(entry)
    results = []
    for partition in range(PARTITIONS):
        mine = {name: asked for name, asked in requests.asked.items() if partition in asked.planned}
        results.append(
            fed(world, PartitionAudit(partition, PARTITIONS, by, mine, expansions.chunks.get(partition, {})), partition).result()
        )
    return concluded(by, findings, requests.asked, results)


def fed(world: World, audit: PartitionAudit, partition: int) -> PartitionAudit:
    """Every entry of a partition, topic by topic."""
    for entry in world.of(PROFILES, partition):
        audit.profile(entry.key.decode(), Version(entry.place.offset, entry.timestamp, entry.record is None))
    for prefix, feed in (("notify.fanout", audit.command), ("notify.deliver.", audit.batch), ("notify.ledger.", audit.ledger)):
        for topic in sorted(world.topics):
            for entry in world.of(topic, partition) if topic.startswith(prefix) else ():
                feed(entry)
    for entry in world.of(STATUS, partition):
        audit.status(entry)
    return audit
