"""What goes into a step and what comes out."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from schemas.errors import RecordRefused
from schemas.records import Output, Write

MAX_RECORD_BYTES = 1_000_000
"""Key and value of one record: what every topic takes (schemas.topics), with room for Kafka's own bytes."""


MAX_EFFECTS_BYTES = 7_000_000
"""Of all that one record comes to: what a record of a journal takes (8 MiB), with room for the names of topics and tables."""


class TooLarge(RecordRefused):
    """A record that asks for another one that no topic takes."""

    reason = "too_large"


class Input(NamedTuple):
    """One record as it arrived; `timestamp` is Kafka's, epoch ms."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Mapping[str, bytes]


def back_to(record: Input, key: bytes, value: bytes) -> Output:
    """A record to where `record` came from: its topic and partition."""
    return Output(topic=record.topic, partition=record.partition, key=key, value=value)


@dataclass(slots=True)
class Effects:
    """What a step wants done: records to write, and new values of its own tables."""

    outputs: list[Output] = field(default_factory=list)
    writes: list[Write] = field(default_factory=list)

    def add(self, other: "Effects") -> None:
        """Do what `other` wants, after this."""
        self.outputs += other.outputs
        self.writes += other.writes

    def __bool__(self) -> bool:
        return bool(self.outputs or self.writes)


def last_writes(writes: Iterable[Write]) -> list[Write]:
    """The last write of each key: what is left when all are done."""
    return list({(write.table, write.key): write for write in writes}.values())


def require_writable(effects: Effects) -> Effects:
    """The effects. Raises TooLarge when one of their records is larger than the topics take."""
    records: list[Output | Write] = [*effects.outputs, *effects.writes]
    for each in records:
        size = len(each.key) + len(each.value or b"")
        if size > MAX_RECORD_BYTES:
            where = each.topic if isinstance(each, Output) else each.table
            raise TooLarge(f"it would take a record of {size} bytes in {where}; the limit is {MAX_RECORD_BYTES}")
    return effects


def require_journalable(effects: Effects) -> Effects:
    """The effects of one record. Raises TooLarge when a record of the journal can't hold them, with those of small ones beside it."""
    records: list[Output | Write] = [*effects.outputs, *effects.writes]
    size = sum(len(each.key) + len(each.value or b"") for each in records)
    if size > MAX_EFFECTS_BYTES:
        raise TooLarge(f"it would take {len(records)} records of {size} bytes together; the limit is {MAX_EFFECTS_BYTES}")
    return effects
