"""Reads whole topics from their first offset, with a consumer and a codec of its own."""

from collections.abc import Iterable
from typing import NamedTuple

from confluent_kafka import Consumer, Message, TopicPartition

from ops.endpoints import Endpoints
from schemas.clients import consumer_config
from schemas.codec import Codec
from schemas.errors import RecordRefused
from schemas.records import Record
from schemas.registry import ConfluentRegistry
from schemas.topics import catalogue

BATCH = 1000
TIMEOUT_S = 15.0
KINDS = {topic.name: topic.record for topic in catalogue()}


class Entry(NamedTuple):
    """One record of the log; `record` is None when it has no value, or none that can be read."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    record: Record | None


class LogView:
    """What is in some topics so far. `poll` reads on; entries of a partition are in order."""

    def __init__(self, endpoints: Endpoints, topics: Iterable[str]) -> None:
        self._consumer = Consumer(consumer_config(endpoints.kafka, "oracle"))
        self._registry = ConfluentRegistry(endpoints.registry)
        self._codec = Codec(self._registry, {})
        self.entries: dict[str, list[Entry]] = {topic: [] for topic in topics}
        there = self._consumer.list_topics(timeout=TIMEOUT_S).topics
        places = [TopicPartition(topic, number, 0) for topic in self.entries for number in there[topic].partitions]
        self._consumer.assign(places)

    def poll(self, timeout_s: float = 0.0) -> int:
        """Read some of what has arrived, waiting at most so long; returns how many records, 0 when there were none."""
        messages = self._consumer.consume(BATCH, timeout=timeout_s)
        for message in messages:
            self._note(message)
        return len(messages)

    def read_to_end(self) -> None:
        """Read until nothing more arrives for a second."""
        while self.poll(1.0):
            pass

    def close(self) -> None:
        """Read no more."""
        self._consumer.close()
        self._registry.close()

    def _note(self, message: Message) -> None:
        if message.error():
            raise RuntimeError(f"the oracle can't read: {message.error()}")
        topic, value = str(message.topic()), message.value()
        kind, record = KINDS.get(topic), None
        if kind and value is not None:
            try:
                record = self._codec.decode(value, kind)
            except RecordRefused:
                record = None
        entry = Entry(
            topic, int(message.partition() or 0), int(message.offset() or 0), int(message.timestamp()[1]), message.key(), value, record
        )
        self.entries[topic].append(entry)


def lag(endpoints: Endpoints, group: str, topics: Iterable[str]) -> int:
    """How many records of these topics a consumer group has not committed."""
    consumer = Consumer(consumer_config(endpoints.kafka, group))
    try:
        there = consumer.list_topics(timeout=TIMEOUT_S).topics
        places = [TopicPartition(topic, number) for topic in topics for number in there[topic].partitions]
        return sum(_behind(consumer, place) for place in consumer.committed(places, timeout=TIMEOUT_S))
    finally:
        consumer.close()


def _behind(consumer: Consumer, place: TopicPartition) -> int:
    low, high = consumer.get_watermark_offsets(place, timeout=TIMEOUT_S)
    return int(high - max(place.offset, low))
