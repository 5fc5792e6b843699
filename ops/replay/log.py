"""The log as a replay needs it: spans of partitions, and records that are durable when a call returns."""

from collections.abc import Callable, Sequence
from typing import Protocol

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from ops.cli.errors import GaveUp
from ops.cli.logtail import TIMEOUT_S, read_all, watermarks
from schemas.clients import producer_config
from schemas.delivery_report import not_written
from schemas.records import Output

FLUSH_S = 30.0
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
        self._producer = Producer({**producer_config(bootstrap), "log_level": 0})

    def partitions(self, topic: str) -> int:
        return len(watermarks(self._consumer, topic))

    def end(self, topic: str, partition: int) -> int:
        return self._marks(topic, partition)[1]

    def since(self, topic: str, partition: int, at: int) -> int:
        (found,) = self._consumer.offsets_for_times([TopicPartition(topic, partition, max(0, at))], timeout=TIMEOUT_S)
        return found.offset if found.offset >= 0 else self.end(topic, partition)

    def read(self, topic: str, partition: int, start: int, stop: int, visit: Visit) -> None:
        def note(message: Message) -> None:
            visit(int(message.offset() or 0), message.key() or b"", message.value())

        place, low = (topic, partition), self._marks(topic, partition)[0]
        read_all(self._consumer, {place: max(start, low)}, {place: stop}, note)

    def write(self, records: Sequence[Output]) -> None:
        answers: list[tuple[KafkaError | None, Message]] = []
        for one in records:
            self._producer.produce(
                one.topic, one.value, one.key, one.partition, on_delivery=lambda error, message: answers.append((error, message))
            )
        self._producer.flush(FLUSH_S)
        for answer in answers:
            if refusal := not_written(*answer):
                raise KafkaException(refusal)
        if len(answers) < len(records):
            raise GaveUp(f"{len(records) - len(answers)} records were not taken within {FLUSH_S:.0f} s; is Kafka up?")

    def _marks(self, topic: str, partition: int) -> tuple[int, int]:
        low, high = self._consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=TIMEOUT_S)
        return int(low), int(high)
