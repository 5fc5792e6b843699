"""The benchmark's own look at the log: it writes requests and profiles, and asks how far each consumer group is."""

import time
from collections.abc import Callable, Mapping, Sequence

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaError, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from bench.campaign.people import batches
from ops.endpoints import Endpoints
from schemas.clients import producer_config
from schemas.codec import Codec
from schemas.delivery_report import not_written
from schemas.provision import subjects
from schemas.records import AudienceExpanded, NotificationRequested
from schemas.registry import ConfluentRegistry
from schemas.topics import EXPANSIONS, PROFILE_EVENTS, REQUESTS, catalogue

TIMEOUT_S = 15.0
FLUSH_S = 60.0


class Log:
    """One producer, one consumer that is assigned by hand, one admin client."""

    def __init__(self, endpoints: Endpoints, partitions: int) -> None:
        self.partitions = partitions
        self.codec = Codec(ConfluentRegistry(endpoints.registry), subjects(catalogue()))
        self._producer = Producer(dict(producer_config(endpoints.kafka)))
        self._admin = AdminClient({"bootstrap.servers": endpoints.kafka})
        self._consumer = Consumer({"bootstrap.servers": endpoints.kafka, "group.id": "bench", "enable.auto.commit": False})

    def request(self, request: NotificationRequested) -> None:
        """Ask for a notification; it is on its way at once."""
        key = request.notification.notification_id.encode()
        self._producer.produce(REQUESTS, key=key, value=self.codec.encode(request), on_delivery=_written)
        self._producer.poll(0)

    def flush(self) -> None:
        """Return when everything written is durable. Raises TimeoutError after 60 s."""
        if self._producer.flush(FLUSH_S):
            raise TimeoutError("Kafka did not take the benchmark's records within 60 s")

    def load(self, users: int, sizes: tuple[int, ...], now: int, tell: Callable[[int], None]) -> None:
        """Write everybody's profile events."""
        written = 0
        for partition, record in batches(users, sizes, self.partitions, now):
            key = record.changes[0].user_id.encode()
            value = self.codec.encode(record)
            while True:
                try:
                    self._producer.produce(PROFILE_EVENTS, key=key, value=value, partition=partition, on_delivery=_written)
                    break
                except BufferError:
                    self._producer.poll(0.1)
            written += len(record.changes)
            tell(written)
        self.flush()

    def lag(self, group: str, topics: Sequence[str]) -> int:
        """How many records the group has not committed yet."""
        return self.behind(group, self.marks(topics))

    def marks(self, topics: Sequence[str]) -> dict[tuple[str, int], int]:
        """The end of each partition of these topics, now."""
        places = [TopicPartition(topic, partition) for topic in topics for partition in range(self.partitions)]
        # asked all at once, and not of the consumer: there each would wait for the fetch that is under way
        asked = self._admin.list_offsets({place: OffsetSpec.latest() for place in places}, request_timeout=TIMEOUT_S)
        return {(place.topic, place.partition): future.result(TIMEOUT_S).offset for place, future in asked.items()}

    def behind(self, group: str, marks: Mapping[tuple[str, int], int]) -> int:
        """How many records before the marks the group has not committed yet."""
        places = [TopicPartition(topic, partition) for topic, partition in marks]
        asked = self._admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group, places)], request_timeout=TIMEOUT_S)
        committed = asked[group].result(TIMEOUT_S).topic_partitions
        return sum(max(0, marks[(place.topic, place.partition)] - max(0, place.offset)) for place in committed)

    def ends(self, topic: str) -> list[int]:
        """The end of each partition."""
        marks = self.marks([topic])
        return [marks[topic, partition] for partition in range(self.partitions)]

    def expansions(self, since: Sequence[int], notification: str, deadline_s: float) -> list[AudienceExpanded]:
        """All chunks of a notification, once it is complete. Raises TimeoutError after `deadline_s`."""
        self._consumer.assign([TopicPartition(EXPANSIONS, p, offset) for p, offset in enumerate(since)])
        found: dict[tuple[int, int], AudienceExpanded] = {}
        deadline = time.monotonic() + deadline_s
        while time.monotonic() < deadline:
            for message in self._consumer.consume(1000, timeout=0.2):
                if message.error() is None:
                    record = self.codec.decode(message.value(), AudienceExpanded)
                    if record.notification_id == notification:
                        found[(record.partition, record.chunk)] = record
            if found and sum(r.last for r in found.values()) == next(iter(found.values())).partitions:
                self._consumer.unassign()
                return list(found.values())
        raise TimeoutError(f"notification {notification} was not expanded within {deadline_s:.0f} s")


def _written(error: KafkaError | None, message: Message) -> None:
    if refusal := not_written(error, message):
        raise RuntimeError(f"the benchmark's record can't be written: {refusal}")
