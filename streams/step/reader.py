"""Reads Kafka partitions outside the consumer group: tables catch up, journals find their last record, skipped offsets are looked at."""

import logging
import random
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from confluent_kafka import OFFSET_END, OFFSET_INVALID, Consumer, KafkaError, KafkaException, Message, TopicPartition

from schemas.clients import consumer_config

logger = logging.getLogger(__name__)

BATCH = 5000
POLL_S = 0.2
TIMEOUT_S = 15.0
STALLED_S = 60.0
ATTEMPTS = 20
BACKOFF_LIMIT_S = 2.0
PASSING = frozenset(
    {
        KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE, KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._TRANSPORT,
        KafkaError._ALL_BROKERS_DOWN, KafkaError._TIMED_OUT, KafkaError.REQUEST_TIMED_OUT,
    }
)  # fmt: skip
"""Errors that end by themselves, as when a topic was made a moment ago or a broker restarts: librdkafka goes on trying."""

T = TypeVar("T")
Apply = Callable[[Sequence[Message], int], None]


class ReadError(Exception):
    """A partition could not be read to its end."""


class LogReader:
    """One consumer that is assigned by hand and commits nothing, shared by the threads of a process one at a time. All calls block."""

    def __init__(self, bootstrap: str, group: str) -> None:
        # the end is where Kafka says it is: compaction may have removed the last offsets before the watermark
        self._consumer = Consumer({**consumer_config(bootstrap, group), "enable.partition.eof": True})
        self._lock = threading.Lock()

    def read_to_end(self, topic: str, partition: int, start: int, apply: Apply) -> int:
        """Hand every record from `start` to the end to `apply(records, next offset)`, in batches; returns the end.

        Raises ReadError when nothing arrives for 60 s, or Kafka's own error.
        """
        with self._lock:
            low, end = watermarks(self._consumer, topic, partition)
            position = max(start, low)
            if position < end:
                self._consumer.assign([TopicPartition(topic, partition, position)])
                self._read(topic, partition, position, end, apply)
                self._consumer.unassign()
            return end

    def last_record(self, topic: str, partition: int) -> Message | None:
        """The last record of a partition; None when it is empty."""
        found: list[Message] = []
        with self._lock:
            low, end = watermarks(self._consumer, topic, partition)
        if end > low:
            self.read_to_end(topic, partition, end - 1, lambda messages, _: found.extend(messages))
        return found[-1] if found else None

    def last_values(self, topic: str, partition: int, count: int) -> list[bytes | None]:
        """The values of the last records of a partition, `count` of them at most. Raises ReadError."""
        found: list[bytes | None] = []
        with self._lock:
            low, end = watermarks(self._consumer, topic, partition)
        start = max(low, end - count)
        self.read_to_end(topic, partition, start, lambda messages, _: found.extend(message.value() for message in messages))
        return found

    def committed(self, topic: str, partition: int) -> int:
        """Where the group stands: its committed offset, else the first offset there is."""
        with self._lock:
            (place,) = self._consumer.committed([TopicPartition(topic, partition)], timeout=TIMEOUT_S)
            return int(place.offset) if place.offset != OFFSET_INVALID else watermarks(self._consumer, topic, partition)[0]

    def first_at_or_after(self, topic: str, partition: int, start: int) -> int | None:
        """The offset of the first record at or after `start`; None when there is none, or none within 15 s."""
        with self._lock:
            self._consumer.assign([TopicPartition(topic, partition, start)])
            message = self._consumer.poll(TIMEOUT_S)
            self._consumer.unassign()
        return None if message is None or message.error() else int(message.offset() or 0)

    def value_at(self, topic: str, partition: int, offset: int) -> bytes | None:
        """The value of the record at an offset; None when it is not there (any more), or did not come within 15 s."""
        with self._lock:
            low, end = watermarks(self._consumer, topic, partition)
            if not low <= offset < end:
                return None
            self._consumer.assign([TopicPartition(topic, partition, offset)])
            message = self._consumer.poll(TIMEOUT_S)
            self._consumer.unassign()
        return message.value() if message is not None and not message.error() and message.offset() == offset else None

    def close(self) -> None:
        """Leave the cluster."""
        with self._lock:
            self._consumer.close()

    def _read(self, topic: str, partition: int, position: int, end: int, apply: Apply) -> None:
        deadline = time.monotonic() + STALLED_S
        at_end = False
        while position < end and not at_end:
            messages, ended = records_of(fetched(self._consumer, BATCH, POLL_S))
            at_end = bool(ended)
            if messages:
                position = int(messages[-1].offset() or 0) + 1
                apply(messages, position)
                deadline = time.monotonic() + STALLED_S
            elif time.monotonic() > deadline:
                raise ReadError(f"{topic}/{partition}: nothing between offset {position} and {end} for {STALLED_S:.0f} s")


def outlasting(ask: Callable[[], T]) -> T:
    """What `ask` returns, asked again with jitter while the error is a passing one. Raises KafkaException in the end (half a minute)."""
    for attempt in range(ATTEMPTS - 1):
        try:
            return ask()
        except KafkaException as error:
            if error.args[0].code() not in PASSING:
                raise
            time.sleep(random.uniform(0, min(BACKOFF_LIMIT_S, 0.1 * 2**attempt)))
    return ask()


def watermarks(consumer: Consumer, topic: str, partition: int) -> tuple[int, int]:
    """The first offset there is, and the next one. Raises KafkaException."""
    low, end = outlasting(lambda: consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=TIMEOUT_S))
    return int(low), int(end)


def ends(consumer: Consumer, places: Iterable[tuple[str, int]], timeout_s: float) -> list[TopicPartition]:
    """Where partitions (topic, number; one at least) end: of each the next offset, or an `error`. Raises KafkaException for no answer.

    One request for all; the watermarks of 48 partitions are 48 requests, and 100 ms instead of 4.
    """
    found: list[TopicPartition] = consumer.offsets_for_times([TopicPartition(*place, OFFSET_END) for place in places], timeout=timeout_s)
    return found


def fetched(consumer: Consumer, most: int, wait_s: float) -> list[Message]:
    """What a consumer has, `most` at most, as soon as there is anything; nothing after `wait_s`.

    `consume` alone waits until it has `most`, or time is up: each start and each change would be that late.
    """
    first: list[Message] = consumer.consume(1, timeout=wait_s)
    return first + consumer.consume(most, timeout=0) if first else []


def records_of(messages: Sequence[Message]) -> tuple[list[Message], list[Message]]:
    """The records among what a consumer gave, and the ends of partitions that it came to, each with the partition and its next offset.

    Passing errors are logged and left to pass. Raises KafkaException for any other event.
    """
    records: list[Message] = []
    ended: list[Message] = []
    for message in messages:
        error = message.error()
        if error is None:
            records.append(message)
        elif error.code() == KafkaError._PARTITION_EOF:
            ended.append(message)
        elif error.code() in PASSING:
            logger.warning("%s/%s: %s", message.topic(), message.partition(), error)
        else:
            raise KafkaException(error)
    return records, ended
