"""A shop with a database, a connector and topics of its own, on the local stack."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from uuid import uuid4

import psycopg
import pytest
from confluent_kafka import Consumer, Message, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from ops.demo.upstream.connector import outbox_connector
from ops.demo.upstream.events import AGGREGATES
from ops.demo.upstream.shop import Shop
from ops.endpoints import Endpoints
from ops.local.connectors import delete_connector, put_connector
from schemas.clients import consumer_config
from schemas.provision import create
from schemas.registry import ConfluentRegistry

PARTITIONS = 4
TIMEOUT_S = 60.0


def wait_until(condition: Callable[[], bool], what: str, timeout_s: float = TIMEOUT_S) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"after {timeout_s} s still not: {what}"
        time.sleep(0.05)


@dataclass
class Upstream:
    """What the tests hold of one upstream."""

    name: str
    endpoints: Endpoints
    dsn: str
    registry: ConfluentRegistry
    shop: Shop
    seen: list[Message] = field(default_factory=list)
    topics: list[str] = field(default_factory=list)

    def connector(self) -> dict[str, str]:
        return outbox_connector(self.dsn, name=self.name, topics=f"{self.name}.events.", partitions=PARTITIONS)

    def start(self) -> None:
        put_connector(self.name, self.connector(), connect=self.endpoints.connect, timeout_s=TIMEOUT_S)

    def stop(self) -> None:
        """Without the connector; its slot and its offsets stay."""
        delete_connector(self.name, connect=self.endpoints.connect, timeout_s=TIMEOUT_S)
        wait_until(lambda: not self.slot("active"), "the slot is free")

    def slot(self, column: str) -> object:
        """A column of the slot's row; None without a slot."""
        with psycopg.connect(self.dsn, autocommit=True) as db:
            query = psycopg.sql.SQL("SELECT {} FROM pg_replication_slots WHERE slot_name = %s").format(psycopg.sql.Identifier(column))
            row = db.execute(query, (self.name,)).fetchone()
        return row[0] if row else None

    def ids(self) -> list[str]:
        """The id header of every record so far, duplicates too."""
        return [dict(message.headers() or [])["id"].decode() for message in self.seen]

    def listen(self, wanted: set[str]) -> None:
        """Read until every wanted id was seen, and then to the end of the topics."""
        consumer = Consumer(consumer_config(self.endpoints.kafka, f"{self.name}-test"))
        parts = [(topic, number) for topic in self.topics for number in range(PARTITIONS)]
        read = {part: 1 + max((m.offset() for m in self.seen if (m.topic(), m.partition()) == part), default=-1) for part in parts}
        consumer.assign([TopicPartition(topic, number, read[topic, number]) for topic, number in parts])
        missing = wanted - set(self.ids())
        deadline = time.monotonic() + TIMEOUT_S

        def behind() -> bool:
            return any(consumer.get_watermark_offsets(TopicPartition(*part), timeout=10)[1] > read[part] for part in parts)

        try:
            while missing or behind():
                assert time.monotonic() < deadline, (
                    f"after {TIMEOUT_S} s {len(missing)} of {len(wanted)} events are missing: {sorted(missing)[:3]}"
                )
                for message in consumer.consume(1000, 0.2):
                    assert message.error() is None
                    self.seen.append(message)
                    read[message.topic(), message.partition()] = message.offset() + 1
                missing = wanted - set(self.ids())
        finally:
            consumer.close()


@pytest.fixture(scope="session")
def registry(stack: Endpoints) -> Iterator[ConfluentRegistry]:
    registry = ConfluentRegistry(stack.registry)
    yield registry
    registry.close()


@pytest.fixture
def upstream(stack: Endpoints, registry: ConfluentRegistry) -> Iterator[Upstream]:
    name = f"t{uuid4().hex[:8]}"
    dsn = f"{stack.postgres.rpartition('/')[0]}/{name}"
    admin = AdminClient({"bootstrap.servers": stack.kafka, "log_level": 3})
    with psycopg.connect(stack.postgres, autocommit=True) as db:
        db.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(psycopg.sql.Identifier(name)))
    shop = Shop(dsn, registry)
    made = Upstream(name, stack, dsn, registry, shop, topics=[f"{name}.events.{aggregate}" for aggregate in AGGREGATES])
    create(admin, [NewTopic(topic, PARTITIONS, 1) for topic in made.topics])
    try:
        yield made
    finally:
        delete_connector(name, connect=stack.connect, timeout_s=TIMEOUT_S)
        wait_until(lambda: not made.slot("active"), "the slot is free")
        shop.close()
        with psycopg.connect(stack.postgres, autocommit=True) as db:
            db.execute("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = %s", (name,))
            db.execute(psycopg.sql.SQL("DROP DATABASE {} WITH (FORCE)").format(psycopg.sql.Identifier(name)))
        left = [topic for topic in admin.list_topics(timeout=30).topics if topic.startswith(f"{name}.")]
        for future in admin.delete_topics(left).values():
            future.result(30)
