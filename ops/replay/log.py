"""The log as a replay needs it: spans of partitions, and records that are durable when a call returns."""

from collections.abc import Callable, Sequence
from typing import Protocol

from confluent_kafka import Consumer, Message

from ops.cli.logtail import first_since, marks, read_all, watermarks
from ops.cli.producing import LogProducer
from schemas.records import Output

Visit = Callable[[int, bytes, bytes | None], None]
"""Is told offset, key and value of each record."""


class Log(Protocol):
    """Positions are of one partition of one topic."""

    def partitions(self, topic: str) -> int:
        """How many there are."""
        ...

    def end(self, topic: str, partition: int) -> int:
        """The offset of the next record."""
        ...

    def since(self, topic: str, partition: int, at: int) -> int:
        """The first offset of the records of `at` (epoch ms), or later."""
        ...

    def read(self, topic: str, partition: int, start: int, stop: int, visit: Visit) -> None:
        """Every record from `start` up to `stop` (not included) that is there, in order."""
        ...

    def write(self, records: Sequence[Output]) -> None:
        """Return when all are durable. Order is kept within a partition."""
        ...


class KafkaLog:
    """The real one. Raises KafkaException, GaveUp."""

    def __init__(self, bootstrap: str, consumer: Consumer) -> None:
        self._consumer = consumer
        self._producer = LogProducer(bootstrap)

    def partitions(self, topic: str) -> int:
        return len(watermarks(self._consumer, topic))

    def end(self, topic: str, partition: int) -> int:
        return marks(self._consumer, topic, partition)[1]

    def since(self, topic: str, partition: int, at: int) -> int:
        return first_since(self._consumer, topic, partition, at)

    def read(self, topic: str, partition: int, start: int, stop: int, visit: Visit) -> None:
        def note(message: Message) -> None:
            visit(int(message.offset() or 0), message.key() or b"", message.value())

        place, low = (topic, partition), marks(self._consumer, topic, partition)[0]
        read_all(self._consumer, {place: max(start, low)}, {place: stop}, note)

    def write(self, records: Sequence[Output]) -> None:
        self._producer.send_all(records)
