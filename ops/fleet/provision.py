"""Topics and schemas, made and checked, for whoever starts Carillon."""

from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
from confluent_kafka.admin import AdminClient

from ops.endpoints import Endpoints
from schemas.provision import Difference, apply_topics, check_topics, register_schemas
from schemas.registry import ConfluentRegistry
from schemas.topics import DEFAULT_PARTITIONS, Topic


class Provisioned(msgspec.Struct, frozen=True):
    """`created`: topics that were not there; `schemas`: how many are registered; `differences`: what is not as the catalogue says."""

    created: list[str]
    schemas: int
    differences: list[Difference]


def provision(endpoints: Endpoints, topics: list[Topic], partitions: int = DEFAULT_PARTITIONS) -> Provisioned:
    """Create what is missing; never changes what is there. Raises KafkaException, RegistryUnavailable."""
    cluster = admin(endpoints)
    created = apply_topics(cluster, topics, partitions)
    with registry(endpoints) as schemas:
        count = register_schemas(schemas, endpoints.registry, topics)
    return Provisioned(created, count, check_topics(cluster, [t for t in topics if t.name not in set(created)], partitions))


def differences(endpoints: Endpoints, topics: list[Topic], partitions: int = DEFAULT_PARTITIONS) -> list[Difference]:
    """Where the cluster is not as the catalogue says. Raises KafkaException."""
    return check_topics(admin(endpoints), topics, partitions)


def admin(endpoints: Endpoints) -> AdminClient:
    """A client for topics and groups; it says nothing on stderr by itself."""
    return AdminClient({"bootstrap.servers": endpoints.kafka, "log_level": 0})


@contextmanager
def registry(endpoints: Endpoints) -> Iterator[ConfluentRegistry]:
    """The registry, for the time of the block."""
    client = ConfluentRegistry(endpoints.registry)
    try:
        yield client
    finally:
        client.close()
