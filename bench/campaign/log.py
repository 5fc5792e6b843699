"""The benchmark's own look at the log: it writes requests and profiles, and asks how far each consumer group is (`groups`)."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from confluent_kafka import Consumer, KafkaError, Message, Producer, TopicPartition

from bench.campaign.people import batches
from ops.cli.lag import Groups
from ops.cli.logtail import Position
from ops.endpoints import Endpoints
from schemas.clients import producer_config
from schemas.codec import Codec
from schemas.delivery_report import not_written
from schemas.provision import subjects
from schemas.records import AudienceExpanded, NotificationRequested, ProfilesChanged
from schemas.registry import ConfluentRegistry
from schemas.topics import EXPANSIONS, PROFILE_EVENTS, REQUESTS, catalogue
from streams.step.reader import LogReader

FLUSH_S = 60.0


class Log:
    """One producer, one consumer that is assigned by hand, one client for questions about groups."""

    def __init__(self, endpoints: Endpoints, partitions: int) -> None:
        self.partitions, self._bootstrap = partitions, endpoints.kafka
        self.codec = Codec(ConfluentRegistry(endpoints.registry), subjects(catalogue()))
        self._producer = Producer(dict(producer_config(endpoints.kafka)))
        self.groups = Groups(endpoints.kafka)  # not of the consumer: there each question would wait for the fetch that is under way
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
            self.change(partition, record)
            written += len(record.changes)
            tell(written)
        self.flush()

    def change(self, partition: int, record: ProfilesChanged) -> None:
        """Write changes of users of one partition."""
        key, value = record.changes[0].user_id.encode(), self.codec.encode(record)
        while True:
            try:
                self._producer.produce(PROFILE_EVENTS, key=key, value=value, partition=partition, on_delivery=_written)
                return
            except BufferError:
                self._producer.poll(0.1)

    def ends(self, topic: str) -> list[int]:
        """The end of each partition."""
        marks = self.groups.ends([topic])
        return [marks[topic, partition] for partition in range(self.partitions)]

    def written_since(self, since: Mapping[Position, int], topic: str) -> Iterator[Message]:
        """What is on a topic from these offsets to its end, one partition after the other. Raises ReadError, KafkaException."""
        reader, found = LogReader(self._bootstrap, "bench"), list[Message]()
        try:
            for place, start in since.items():
                if place[0] == topic:
                    reader.read_to_end(*place, start, lambda messages, _: found.extend(messages))
                    yield from found
                    found.clear()
        finally:
            reader.close()

    def expansions(self, since: Sequence[int], notification: str, deadline_s: float) -> list[AudienceExpanded]:
        """All chunks of a notification, once it is complete. Raises TimeoutError after `deadline_s`."""
        self._consumer.assign([TopicPartition(EXPANSIONS, p, offset) for p, offset in enumerate(since)])
        found: dict[tuple[int, int], AudienceExpanded] = {}
        deadline = time.monotonic() + deadline_s
        while time.monotonic() < deadline:
            for message in self._consumer.consume(1000, timeout=0.2):
                if message.error() is None:
                    record = self.codec.decode(message.value(), AudienceExpanded)
                    if record.notification_id == notification and not record.hold_id:
                        found[(record.partition, record.chunk)] = record
            if found and sum(r.last for r in found.values()) == next(iter(found.values())).partitions:
                self._consumer.unassign()
                return list(found.values())
        raise TimeoutError(f"notification {notification} was not expanded within {deadline_s:.0f} s")


def _written(error: KafkaError | None, message: Message) -> None:
    if refusal := not_written(error, message):
        raise RuntimeError(f"the benchmark's record can't be written: {refusal}")
