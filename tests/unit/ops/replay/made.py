"""A log of one partition in memory, and what is on it."""

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from ops.replay.log import Visit
from ops.replay.model import Chosen
from ops.replay.run import Replay
from schemas.records import DeliverBatch, Outcome, Output, Record, StatusBatch
from schemas.topics import PROFILES, STATUS, deliver_topic
from streams.delivery.ledger import Result, finished, opened, recorded, status_of
from streams.policy.loader import load_policy
from tests.unit.streams.make import NOW, batch, codec, profile

CODEC = codec()
POLICY = load_policy()
DOWN = Outcome("failed", "provider_unavailable", "down")
CHOSEN = Chosen(since=NOW - 1, until=NOW + 1_000)


class MemoryLog:
    """As `KafkaLog`."""

    def __init__(self) -> None:
        self.topics: dict[str, list[tuple[bytes, bytes | None]]] = {}

    def partitions(self, topic: str) -> int:
        return 1

    def end(self, topic: str, partition: int) -> int:
        return len(self.topics.get(topic, []))

    def since(self, topic: str, partition: int, at: int) -> int:
        return 0

    def read(self, topic: str, partition: int, start: int, stop: int, visit: Visit) -> None:
        for offset, (key, value) in list(enumerate(self.topics.get(topic, [])))[start:stop]:
            visit(offset, key, value)

    def write(self, records: Sequence[Output]) -> None:
        for one in records:
            self.topics.setdefault(one.topic, []).append((one.key, one.value))

    def put(self, topic: str, key: str, record: Record | None) -> int:
        """Returns its offset."""
        self.write([Output(topic=topic, key=key.encode(), value=CODEC.encode(record) if record else None)])
        return self.end(topic, 0) - 1

    def all(self, topic: str, kind: type[Record]) -> list[Record]:
        """Its records."""
        return [CODEC.decode(value, kind) for _, value in self.topics.get(topic, [])]


def handed(log: MemoryLog, *users: str, **changed: Any) -> tuple[DeliverBatch, int]:
    """Users with a profile, in a batch that was handed to delivery; and where it is."""
    one = replace(batch(*users, **changed), partitions=1)
    for user in users:
        log.put(PROFILES, user, profile(user))
    return one, log.put(deliver_topic(one.channel, one.notification.priority), one.batch_id, one)


def told(log: MemoryLog, place: tuple[DeliverBatch, int], *outcomes: Outcome, at: int = NOW) -> StatusBatch:
    """What became of its users."""
    one, offset = place
    entry = recorded(opened(None, offset), [Result(outcome, "", 7) for outcome in outcomes], ["acme"] * len(outcomes))
    topic = deliver_topic(one.channel, one.notification.priority)
    status = status_of(one, finished(entry, at), topic, 0)
    log.put(STATUS, one.notification.notification_id, status)
    return status


def replay(log: MemoryLog, name: str = "r", chosen: Chosen = CHOSEN) -> Replay:
    """One, to be looked at or sent."""
    return Replay(log, CODEC, POLICY, chosen, name, lambda: NOW + 10)


def sent(log: MemoryLog, name: str = "r", chosen: Chosen = CHOSEN, rate: int = 0) -> dict[str, int]:
    """What a replay came to."""
    one = replay(log, name, chosen)
    return dict(one.send(one.look(), "ann", {}, rate, lambda seconds: None, lambda done: None))


def whys(log: MemoryLog, chosen: Chosen = CHOSEN) -> dict[str, int]:
    """How many are sent again, and why the others are not."""
    found: dict[str, int] = {}
    for line, number in replay(log, chosen=chosen).look().lines.items():
        found[line.why] = found.get(line.why, 0) + number
    return found
