"""Topics that were made are there for whoever writes to them at once."""

from collections.abc import Iterator

import pytest
from confluent_kafka import KafkaError, KafkaException, Message, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from ops.endpoints import Endpoints
from schemas.clients import producer_config
from schemas.delivery_report import not_written
from schemas.provision import create

PARTITIONS = 16


@pytest.fixture
def admin(stack: Endpoints) -> AdminClient:
    return AdminClient({"bootstrap.servers": stack.kafka})


@pytest.fixture
def topic(admin: AdminClient, topic_prefix: str) -> Iterator[str]:
    create(admin, [NewTopic(f"{topic_prefix}.new", PARTITIONS, 1)])
    yield f"{topic_prefix}.new"
    admin.delete_topics([f"{topic_prefix}.new"])[f"{topic_prefix}.new"].result(20)


def test_every_partition_takes_records_at_once(stack: Endpoints, topic: str) -> None:
    """Many small requests to each, by a producer that the broker does not know: none is passed by another."""
    refusals: list[KafkaError | None] = []

    def delivered(error: KafkaError | None, message: Message) -> None:
        refusals.append(not_written(error, message))

    producer = Producer(producer_config(stack.kafka) | {"batch.num.messages": 1})
    for _ in range(6):
        for partition in range(PARTITIONS):
            producer.produce(topic, value=b"v", partition=partition, on_delivery=delivered)
    assert producer.flush(30) == 0
    assert refusals == [None] * 6 * PARTITIONS


def test_nothing_to_make_is_nothing(admin: AdminClient) -> None:
    create(admin, [])


def test_a_topic_that_is_there_is_an_error(admin: AdminClient, topic: str) -> None:
    with pytest.raises(KafkaException, match="exists"):
        create(admin, [NewTopic(topic, PARTITIONS, 1)])
