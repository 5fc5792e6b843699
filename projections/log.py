"""The log, as a projection reads it: batches of messages, commits after the work, and how far it is behind."""

import logging
import time
from collections.abc import Callable, Iterator, Sequence

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from projections.errors import TopicUnreadable
from projections.retry import Backoff, retried
from projections.settings import BatchLimits
from schemas.clients import Config, consumer_config

CALL_RECORDS = 20
"""Messages asked for in one call: what a batch may exceed its bytes by."""
CALL_WAIT_S = 0.1
FETCHING: Config = {
    "queued.max.messages.kbytes": 4096,
    "fetch.max.bytes": 4_194_304,
    "fetch.message.max.bytes": 262_144,
    "message.max.bytes": 2_097_152,
    "fetch.queue.backoff.ms": 10,
    "fetch.min.bytes": 65_536,
    "fetch.wait.max.ms": 200,
    "session.timeout.ms": 6_000,
    "heartbeat.interval.ms": 2_000,
}
"""Little is fetched ahead, as writing is slower than fetching, and soon again (librdkafka waits 1 s by default once its queue was full).
A trickle is left to gather at the broker, which has those to serve who wait for each record.
No topic read here carries records of more than 1 MiB. The partitions of a killed process are given on after 6 s: should it wake
again, it only writes the same rows once more.
"""
ADMIN_TIMEOUT_S = 15.0
_PASSING = (
    KafkaError._PARTITION_EOF, KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN, KafkaError._TIMED_OUT, KafkaError._RESOLVE,
    KafkaError._MAX_POLL_EXCEEDED, KafkaError.REQUEST_TIMED_OUT,
)  # fmt: skip
"""Errors after which librdkafka goes on by itself."""
_NO_LONGER_OURS = (
    KafkaError.ILLEGAL_GENERATION, KafkaError.UNKNOWN_MEMBER_ID, KafkaError.REBALANCE_IN_PROGRESS, KafkaError.FENCED_INSTANCE_ID,
    KafkaError._ASSIGNMENT_LOST, KafkaError._STATE, KafkaError.NOT_COORDINATOR, KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
)  # fmt: skip
"""Commits refused because the partitions, or their coordinator, moved on: their rows are written again, or the next commit covers them."""

Ends = dict[tuple[str, int], int]
"""By (topic, partition): the offset after the last record."""

_logger = logging.getLogger(__name__)


def open_consumer(bootstrap: str, group: str, topics: Sequence[str]) -> Consumer:
    """A consumer that has joined, or will."""
    consumer = Consumer(consumer_config(bootstrap, group) | FETCHING)
    consumer.subscribe(list(topics))
    return consumer


def gather(consumer: Consumer, limits: BatchLimits, stopped: Callable[[], bool]) -> list[Message]:
    """The next batch; empty when nothing came in `wait_s`, or when stopped. Raises TopicUnreadable."""
    messages: list[Message] = []
    size, deadline = 0, time.monotonic() + limits.wait_s
    while len(messages) < limits.records and size < limits.bytes and not stopped():
        left = deadline - time.monotonic()
        if left <= 0:
            break
        for message in _good(consumer.consume(min(CALL_RECORDS, limits.records - len(messages)), min(left, CALL_WAIT_S))):
            messages.append(message)
            size += len(message.value() or b"")
    return messages


def commit(consumer: Consumer, messages: Sequence[Message]) -> bool:
    """Commit what follows `messages`, and wait for it. False: their partitions belong to another consumer by now."""
    ends: dict[tuple[str, int], int] = {}
    for message in messages:
        ends[message.topic() or "", message.partition() or 0] = (message.offset() or 0) + 1
    try:
        consumer.commit(offsets=[TopicPartition(*place, end) for place, end in ends.items()], asynchronous=False)
    except KafkaException as error:
        if error.args[0].code() not in _NO_LONGER_OURS:
            raise
        _logger.warning("commit refused, the partitions have moved on: %s", error)
        return False
    return True


def lags(consumer: Consumer) -> Iterator[tuple[str, int, int]]:
    """(topic, partition, records not read yet) of each partition in hand, as of the last fetch."""
    for place in consumer.position(consumer.assignment()):
        low, high = consumer.get_watermark_offsets(place, cached=True)
        if high >= 0:
            yield place.topic, place.partition, max(0, high - (place.offset if place.offset >= 0 else low))


def ends(bootstrap: str, topics: Sequence[str]) -> Ends:
    """Where each partition of the topics ends now; 0 when nothing is left in it. Raises TopicUnreadable, KafkaException."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    places = partitions(admin, topics)
    first, after = (_offsets(admin, places, spec) for spec in (OffsetSpec.earliest(), OffsetSpec.latest()))
    return {place: end if end > first[place] else 0 for place, end in after.items()}


def _offsets(admin: AdminClient, places: Sequence[TopicPartition], spec: OffsetSpec) -> Ends:
    def ask() -> Ends:
        asked = admin.list_offsets(dict.fromkeys(places, spec), request_timeout=ADMIN_TIMEOUT_S)
        return {(place.topic, place.partition): future.result(ADMIN_TIMEOUT_S).offset for place, future in asked.items()}

    # a partition that was just made, or is changing its leader, has none to ask for a moment
    return retried(ask, KafkaException, Backoff(), time.sleep)


def partitions(admin: AdminClient, topics: Sequence[str]) -> list[TopicPartition]:
    """All partitions of the topics, at offset 0. Raises TopicUnreadable when one is not there."""
    known = admin.list_topics(timeout=ADMIN_TIMEOUT_S).topics
    absent = [topic for topic in topics if topic not in known]
    if absent:
        raise TopicUnreadable(f"{', '.join(absent)}: not there; run `carillon topics apply`")
    return [TopicPartition(topic, partition, 0) for topic in topics for partition in known[topic].partitions]


def is_read_to(consumer: Consumer, until: Ends) -> bool:
    """Whether all partitions in hand are read as far as `until`; not before there are any."""
    places = consumer.position(consumer.assignment())
    unread = [place for place in places if place.offset < 0]
    if unread:  # nothing came since the start: then the committed offset counts
        places = [place for place in places if place.offset >= 0] + consumer.committed(unread, timeout=ADMIN_TIMEOUT_S)
    return bool(places) and all(max(place.offset, 0) >= until.get((place.topic, place.partition), 0) for place in places)


def _good(messages: Sequence[Message]) -> Iterator[Message]:
    for message in messages:
        error = message.error()
        if error is None:
            yield message
        elif error.code() not in _PASSING:
            raise TopicUnreadable(f"{message.topic()}: {error.str()}")
        elif error.code() != KafkaError._PARTITION_EOF:
            _logger.warning("Kafka: %s", error.str())
