"""Reads the log outside any consumer group: from a moment on, from one position, or all of a topic."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from ops.cli.errors import GaveUp
from schemas.clients import consumer_config

TIMEOUT_S = 15.0
POLL_S = 0.1
BATCH = 1000
Position = tuple[str, int]
Starts = Mapping[Position, int]
"""The offset to begin with, by (topic, partition)."""


@contextmanager
def consumer(bootstrap: str) -> Iterator[Consumer]:
    """A consumer that commits nothing, for the time of the block."""
    config = {**consumer_config(bootstrap, "carillon.cli"), "enable.partition.eof": True, "log_level": 0}
    reader = Consumer(config)
    try:
        yield reader
    finally:
        reader.close()


def watermarks(reader: Consumer, topic: str) -> dict[int, tuple[int, int]]:
    """(first offset, next offset) of each partition. Raises KafkaException, also when there is no such topic."""
    found = reader.list_topics(topic, timeout=TIMEOUT_S).topics[topic]
    if found.error is not None:
        raise KafkaException(found.error)
    return {number: marks(reader, topic, number) for number in found.partitions}


def marks(reader: Consumer, topic: str, partition: int) -> tuple[int, int]:
    """(first offset, next offset) of one partition. Raises KafkaException."""
    low, end = reader.get_watermark_offsets(TopicPartition(topic, partition), timeout=TIMEOUT_S)
    return int(low), int(end)


def first_since(reader: Consumer, topic: str, partition: int, at: int) -> int:
    """The first offset of the records of `at` (epoch ms) or later; the next offset when there are none. Raises KafkaException."""
    (found,) = reader.offsets_for_times([TopicPartition(topic, partition, max(0, at))], timeout=TIMEOUT_S)
    return int(found.offset) if found.offset >= 0 else marks(reader, topic, partition)[1]


def ends(reader: Consumer, topics: Iterable[str]) -> dict[Position, int]:
    """Where the next record of each partition will be: what is written after this call is found from there."""
    return {(topic, number): end for topic in topics for number, (_, end) in watermarks(reader, topic).items()}


class Follow:
    """Follows partitions from given offsets on, for as long as it is asked."""

    def __init__(self, reader: Consumer, starts: Starts) -> None:
        self._reader = reader
        reader.assign([TopicPartition(topic, number, offset) for (topic, number), offset in starts.items()])

    def poll(self, timeout_s: float) -> list[Message]:
        """What has arrived, after at most that long. Raises KafkaException."""
        return list(records(self._reader.consume(BATCH, timeout=timeout_s)))


def records(messages: Iterable[Message]) -> Iterator[Message]:
    """Messages without the ends of partitions. Raises KafkaException for any other event."""
    for message in messages:
        error = message.error()
        if error is None:
            yield message
        elif error.code() != KafkaError._PARTITION_EOF:
            raise KafkaException(error)


def read_at(reader: Consumer, topic: str, partition: int, offset: int) -> Message | None:
    """The record at a position; None when it is not there (any more)."""
    low, end = marks(reader, topic, partition)
    if not low <= offset < end:
        return None
    reader.assign([TopicPartition(topic, partition, offset)])
    message = next(records(reader.consume(1, timeout=TIMEOUT_S)), None)
    reader.unassign()
    return message if message is not None and message.offset() == offset else None


def read_since(reader: Consumer, topic: str, partition: int, at: int) -> list[Message]:
    """The records of a partition from those of `at` (epoch ms) to its end. Raises KafkaException, GaveUp."""
    start, (_, end) = first_since(reader, topic, partition, at), marks(reader, topic, partition)
    found: list[Message] = []
    read_all(reader, {(topic, partition): start}, {(topic, partition): end}, found.append)
    return found


def read_all(reader: Consumer, starts: Starts, stops: Starts, visit: Callable[[Message], None]) -> None:
    """Hand every record from `starts` up to `stops` (not included) to `visit`. Raises GaveUp when nothing arrives for 15 s."""
    left = {place: stops[place] for place, start in starts.items() if start < stops[place]}
    reader.assign([TopicPartition(*place, starts[place]) for place in left])
    deadline = time.monotonic() + TIMEOUT_S
    while left:
        # it waits for as many as are asked for, or for the whole time
        messages = reader.consume(BATCH, timeout=POLL_S)
        for message in messages:
            _one(message, left, visit)
        if messages:
            deadline = time.monotonic() + TIMEOUT_S
        elif time.monotonic() > deadline:
            raise GaveUp(f"nothing arrived from {', '.join(sorted({topic for topic, _ in left}))} for {TIMEOUT_S:.0f} s")
    reader.unassign()


def _one(message: Message, left: dict[Position, int], visit: Callable[[Message], None]) -> None:
    place = (str(message.topic()), int(message.partition() or 0))
    if message.error() is not None and message.error().code() != KafkaError._PARTITION_EOF:
        raise KafkaException(message.error())
    if message.error() is not None:  # compaction may have removed the last offsets before the end
        left.pop(place, None)
    elif place in left:
        if message.offset() < left[place]:
            visit(message)
        if message.offset() + 1 >= left[place]:
            del left[place]
