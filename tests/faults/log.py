"""Reads whole topics from their first offset, with a consumer and a codec of its own."""

from collections.abc import Iterable
from hashlib import blake2b
from typing import NamedTuple

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from ops.endpoints import Endpoints
from schemas.clients import consumer_config
from schemas.codec import Codec
from schemas.errors import RecordRefused
from schemas.provision import subjects
from schemas.records import Record
from schemas.registry import ConfluentRegistry
from schemas.topics import PROFILE_EVENTS, PROFILES, catalogue
from tests.faults.lean import Lean

BATCH = 1000
TIMEOUT_S = 15.0
POISON = "poison"
"""The header of records that a run wrote to be refused; they are not read."""
DOWN = (KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN, KafkaError._TIMED_OUT, KafkaError.NOT_LEADER_FOR_PARTITION)
"""The broker is not there; reading goes on by itself when it is."""
KINDS = {topic.name: topic.records for topic in catalogue()}
DIGEST_BYTES = 8
UNCOMPARED = (PROFILE_EVENTS, PROFILES)


class Entry(NamedTuple):
    """One record of the log; `record` is None when it has no value, or none that can be read. `value`: in a lean view only of the first
    record of a topic; `digest` tells whether two values are the same, but for profiles and their events.
    """

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    record: Record | None
    digest: bytes = b""


class LogView:
    """What is in some topics so far. `poll` reads on; entries of a partition are in order."""

    def __init__(self, endpoints: Endpoints, topics: Iterable[str], *, lean: bool = False) -> None:
        """`lean`: for millions of records, of which only what is judged is kept."""
        self._lean = Lean() if lean else None
        self._consumer = Consumer(consumer_config(endpoints.kafka, "oracle"))
        self._registry = ConfluentRegistry(endpoints.registry)
        self._codec = Codec(self._registry, subjects(catalogue()))
        self._codec.warm()  # now: later the registry may be down, which is nothing to those who are watched
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
        if error := message.error():
            if error.code() not in DOWN:
                raise RuntimeError(f"the oracle can't read: {error}")
            return
        if any(name == POISON for name, _ in message.headers() or ()):
            return
        topic, value = str(message.topic()), message.value()
        kinds, record = KINDS.get(topic), None
        if kinds and value is not None:
            try:
                record = self._codec.decode_one_of(value, kinds)
            except RecordRefused:
                record = None
        self.entries[topic].append(self._entry(topic, message, record))

    def _entry(self, topic: str, message: Message, record: Record | None) -> Entry:
        key, value = message.key(), message.value()
        digest = b"" if topic in UNCOMPARED else blake2b(value or b"", digest_size=DIGEST_BYTES).digest()
        if self._lean:
            key, value, record = self._lean.key(key), None if self.entries[topic] else value, self._lean.record(record)
        return Entry(
            topic, int(message.partition() or 0), int(message.offset() or 0), int(message.timestamp()[1]), key, value, record, digest
        )
