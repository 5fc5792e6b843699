"""Where a test's projections read and write: topics, keyspace and database of its own."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import msgspec
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient

from ops.endpoints import Endpoints
from projections.cassandra.connect import Contact
from projections.clickhouse.engine import Engine
from projections.settings import INPUTS, BatchLimits, Settings
from projections.sinks import contact, engine
from schemas.clients import producer_config
from schemas.codec import Codec
from schemas.provision import apply_topics, register_schemas, subjects
from schemas.records import DeadLetter, Record
from schemas.registry import ConfluentRegistry
from schemas.topics import DLQ, catalogue

PARTITIONS = 2


class Places:
    """The stack, as one test sees it."""

    def __init__(self, stack: Endpoints, prefix: str, folder: Path) -> None:
        self.prefix = prefix
        self.endpoints = msgspec.structs.replace(stack, clickhouse=f"chdb:///{folder}/engine", home=str(folder))
        inputs = {f"{prefix}.{topic}": kind for topic, kind in INPUTS.items()}
        self.settings = Settings(
            inputs=inputs, dlq=f"{prefix}.{DLQ}", group_prefix=prefix, keyspace=prefix, database=prefix, batch=BatchLimits(records=20)
        )  # fmt: skip
        self.admin = AdminClient({"bootstrap.servers": stack.kafka})
        self.registry = ConfluentRegistry(stack.registry)

    @property
    def contact(self) -> Contact:
        return contact(self.endpoints, self.settings)

    @property
    def engine(self) -> Engine:
        return engine(self.endpoints, self.settings)

    def make_topics(self) -> list[str]:
        """Topics and schemas; returns the topics."""
        register_schemas(self.registry, self.endpoints.registry, catalogue())
        ours = [replace(topic, name=f"{self.prefix}.{topic.name}") for topic in catalogue() if topic.name in {*INPUTS, DLQ}]
        return apply_topics(self.admin, ours, PARTITIONS)

    def codec(self) -> Codec:
        return Codec(self.registry, subjects(catalogue()))

    def topic_of(self, kind: type[Record]) -> str:
        return next(topic for topic, carried in self.settings.inputs.items() if carried is kind)

    def put(self, records: Iterable[Record | tuple[str, bytes]], partition: int = 0) -> None:
        """Records to the topics that carry them; (topic, bytes) as they are."""
        producer, codec = Producer(producer_config(self.endpoints.kafka)), self.codec()
        for it in records:
            topic, value = it if isinstance(it, tuple) else (self.topic_of(type(it)), codec.encode(it))
            producer.produce(topic, value, partition=partition)
        assert producer.flush(20) == 0

    def dead_letters(self, count: int) -> Sequence[DeadLetter]:
        """The first `count` dead letters."""
        consumer = Consumer(
            {"bootstrap.servers": self.endpoints.kafka, "group.id": f"{self.prefix}.dead", "auto.offset.reset": "earliest"}
        )  # fmt: skip
        consumer.subscribe([self.settings.dlq])
        codec = self.codec()
        try:
            return [codec.decode(message.value(), DeadLetter) for message in consumer.consume(count, timeout=20)]
        finally:
            consumer.close()

    def committed(self, name: str) -> int:
        """The sum of the committed offsets of a projection's group."""
        from confluent_kafka import ConsumerGroupTopicPartitions

        answer = self.admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(self.settings.group(name))])
        places = answer[self.settings.group(name)].result(20).topic_partitions
        return sum(max(place.offset, 0) for place in places)
