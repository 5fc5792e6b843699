"""Each part of the shared stack answers its own clients, and is configured as Carillon needs it."""

import httpx
import psycopg
import pytest
from cassandra.cluster import Cluster
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient

from ops.endpoints import Endpoints
from ops.local import stack as local_stack
from ops.local.parts import PARTS


def test_every_part_runs_and_tells_its_memory(stack: Endpoints) -> None:
    states = local_stack.status()
    assert [state.name for state in states] == list(PARTS)
    for state in states:
        assert state.state == "running", state
        assert state.memory_mb is not None
        assert 10 < state.memory_mb < 2500


def test_up_twice_starts_nothing_anew(stack: Endpoints) -> None:
    before = {state.name: state.pid for state in local_stack.status()}
    told: list[tuple[str, str]] = []
    assert local_stack.up(progress=lambda part, event: told.append((part, event))) == stack
    assert sorted(told) == sorted((name, "already running") for name in PARTS)
    assert {state.name: state.pid for state in local_stack.status()} == before


def test_endpoints_of_the_running_stack_are_what_load_finds(stack: Endpoints) -> None:
    assert Endpoints.load() == stack


def test_kafka_creates_no_topic_by_accident(stack: Endpoints, topic_prefix: str) -> None:
    admin = AdminClient({"bootstrap.servers": stack.kafka})
    metadata = admin.list_topics(topic=f"{topic_prefix}.never-made", timeout=10)
    assert metadata.topics[f"{topic_prefix}.never-made"].error is not None
    resource = ConfigResource(ResourceType.BROKER, "1")
    config = admin.describe_configs([resource])[resource].result(10)
    assert config["auto.create.topics.enable"].value == "false"
    assert config["group.initial.rebalance.delay.ms"].value == "0"
    assert config["group.min.session.timeout.ms"].value == "1000"


def test_new_topic_makes_what_was_asked(stack: Endpoints, new_topic, topic_prefix: str) -> None:  # type: ignore[no-untyped-def]
    topic = new_topic("events", partitions=3, config={"cleanup.policy": "compact"})
    assert topic == f"{topic_prefix}.events"
    admin = AdminClient({"bootstrap.servers": stack.kafka})
    assert len(admin.list_topics(topic=topic, timeout=10).topics[topic].partitions) == 3
    with pytest.raises(KafkaException):
        new_topic("events")


def test_registry_speaks_confluents_api(stack: Endpoints, topic_prefix: str) -> None:
    subject = f"{topic_prefix}-value"
    schema = Schema('{"type":"record","name":"R","fields":[{"name":"a","type":"int"}]}', "AVRO")
    with SchemaRegistryClient({"url": stack.registry}) as client:
        number = client.register_schema(subject, schema)
        assert client.get_latest_version(subject).schema_id == number
        assert httpx.get(f"{stack.registry_native}/ids/contentIds/{number}", trust_env=False).is_success
        client.delete_subject(subject)


def test_cassandra_takes_rows(stack: Endpoints, topic_prefix: str) -> None:
    with Cluster(stack.cassandra_hosts, port=stack.cassandra_port, protocol_version=5, connect_timeout=10) as cluster:
        session = cluster.connect()
        assert session.execute("SELECT release_version FROM system.local").one().release_version == "5.0.6"
        session.execute(f"CREATE KEYSPACE {topic_prefix} WITH replication = {{'class':'SimpleStrategy','replication_factor':1}}")
        session.execute(f"CREATE TABLE {topic_prefix}.t (k text PRIMARY KEY, v int)")
        session.execute(f"INSERT INTO {topic_prefix}.t (k, v) VALUES ('a', 1)")
        assert session.execute(f"SELECT v FROM {topic_prefix}.t WHERE k = 'a'").one().v == 1
        session.execute(f"DROP KEYSPACE {topic_prefix}")


def test_postgres_decodes_logically_and_runs_unprivileged(stack: Endpoints) -> None:
    with psycopg.connect(stack.postgres, connect_timeout=5) as connection:
        assert connection.execute("SHOW wal_level").fetchone() == ("logical",)
        assert connection.execute("SHOW server_version").fetchone() == ("16.10",)
        assert connection.execute("SELECT current_user, current_database()").fetchone() == ("shop", "shop")


def test_connect_has_the_connector(stack: Endpoints) -> None:
    plugins = httpx.get(f"{stack.connect}/connector-plugins", trust_env=False, timeout=10).json()
    assert ("io.debezium.connector.postgresql.PostgresConnector", "3.3.1.Final") in {(p["class"], p["version"]) for p in plugins}
