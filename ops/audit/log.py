"""Reads the log with a consumer and a codec of its own, outside any group."""

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from ops.audit.model import Entry, Place
from schemas.clients import Config, consumer_config
from schemas.codec import Codec
from schemas.errors import RecordRefused
from schemas.provision import subjects
from schemas.records import Record
from schemas.registry import ConfluentRegistry
from schemas.topics import catalogue

TIMEOUT_S = 15.0
POLL_S = 0.01
BATCH = 250
QUICK: Config = {"fetch.wait.max.ms": 10, "fetch.queue.backoff.ms": 5, "fetch.message.max.bytes": 8_388_608, "fetch.max.bytes": 33_554_432}
"""An audit reads what is there and waits for nothing: librdkafka's own pauses (1 s when its queue is full) would be most of its time."""
Position = tuple[str, int]


class LogStalled(OSError):
    """Nothing arrives from the log."""


class Span(NamedTuple):
    """Offsets [start, stop) of a partition; `low`: the first that is still there."""

    low: int
    start: int
    stop: int


class Log:
    """Positions and records of one cluster."""

    def __init__(self, consumer: Consumer, codec: Codec) -> None:
        self._consumer, self._codec = consumer, codec

    def topics(self, prefix: str) -> dict[str, int]:
        """Topics whose names begin with `prefix`, with their partition counts. Raises KafkaException."""
        found = self._consumer.list_topics(timeout=TIMEOUT_S).topics
        return {name: len(topic.partitions) for name, topic in sorted(found.items()) if name.startswith(prefix)}

    def span(self, topic: str, partition: int) -> Span:
        """What there is now, all of it. Raises KafkaException."""
        low, high = self._consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=TIMEOUT_S)
        return Span(low, low, high)

    def since(self, spans: Mapping[Position, Span], moment_ms: int) -> dict[Position, Span]:
        """The same spans, from the records of a moment (epoch ms) on."""
        wanted = [TopicPartition(*place, max(0, moment_ms)) for place in spans]
        found = self._consumer.offsets_for_times(wanted, timeout=TIMEOUT_S) if wanted else []
        starts = {(one.topic, one.partition): one.offset for one in found}
        return {place: span._replace(start=starts[place] if starts[place] >= 0 else span.stop) for place, span in spans.items()}

    def messages(self, spans: Mapping[Position, Span]) -> Iterator[Message]:
        """Every record of the spans; each partition in order. Raises KafkaException, LogStalled when nothing arrives for 15 s."""
        left = {place: span.stop for place, span in spans.items() if span.start < span.stop}
        self._consumer.assign([TopicPartition(*place, spans[place].start) for place in left])
        deadline = time.monotonic() + TIMEOUT_S
        while left:
            messages = self._consumer.consume(BATCH, timeout=POLL_S)
            for message in messages:
                if _is_wanted(message, left):
                    yield message
            if messages:
                deadline = time.monotonic() + TIMEOUT_S
            elif time.monotonic() > deadline:
                raise LogStalled(f"nothing arrived from {', '.join(sorted({topic for topic, _ in left}))} for {TIMEOUT_S:.0f} s")
        self._consumer.unassign()

    def entries(self, spans: Mapping[Position, Span], *kinds: type[Record]) -> Iterator[Entry]:
        """The same, decoded: each of one of `kinds`."""
        for message in self.messages(spans):
            value = message.value()
            try:
                record = self._codec.decode_one_of(value, kinds)
            except RecordRefused:
                record = None
            yield Entry(place_of(message), int(message.timestamp()[1]), message.key() or b"", record, hash(value))


@contextmanager
def opened(kafka: str, registry: str) -> Iterator[Log]:
    """A log, for the time of the block. Raises KafkaException, RegistryUnavailable, NotRegistered."""
    consumer = Consumer({**consumer_config(kafka, "carillon.audit"), **QUICK, "enable.partition.eof": True, "log_level": 0})
    schemas = ConfluentRegistry(registry)
    try:
        codec = Codec(schemas, subjects(catalogue()))
        codec.warm()
        # a topic that librdkafka has not heard of waits for its scan, once a second: five seconds a partition
        consumer.list_topics(timeout=TIMEOUT_S)
        yield Log(consumer, codec)
    finally:
        consumer.close()
        schemas.close()


def place_of(message: Message) -> Place:
    """Where a record is."""
    return Place(str(message.topic()), int(message.partition() or 0), int(message.offset() or 0))


def only(spans: Mapping[Position, Span], topics: Iterable[str], partition: int | None = None) -> dict[Position, Span]:
    """The spans of some topics, of one partition or of all."""
    names = set(topics)
    return {place: span for place, span in spans.items() if place[0] in names and partition in (None, place[1])}


def _is_wanted(message: Message, left: dict[Position, int]) -> bool:
    """Whether it is a record before the stop of its partition; what is read whole is taken out of `left`."""
    place = (str(message.topic()), int(message.partition() or 0))
    error = message.error()
    if error is not None and error.code() != KafkaError._PARTITION_EOF:
        raise KafkaException(error)
    if error is not None:  # compaction may have removed the last offsets before the stop
        left.pop(place, None)
        return False
    stop = left.get(place, 0)
    offset = int(message.offset() or 0)
    if offset + 1 >= stop:
        left.pop(place, None)
    return offset < stop
