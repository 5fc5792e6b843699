"""Debezium on the real stack: outbox rows arrive as they were written, table rows as Avro with our registry's ids."""

import io
import json
import time
import uuid
from collections.abc import Iterator
from urllib.parse import urlsplit

import psycopg
import pytest
from confluent_kafka import Consumer, Message
from confluent_kafka.schema_registry import SchemaRegistryClient
from fastavro import schemaless_reader
from fastavro.schema import parse_schema
from psycopg import sql

from ops.endpoints import Endpoints
from ops.local import connectors
from ops.local.errors import ConnectorFailed


@pytest.fixture
def database(stack: Endpoints, topic_prefix: str) -> Iterator[psycopg.Connection]:
    """A schema of the test's own, with no trace left of it, its publications and slots."""
    with psycopg.connect(stack.postgres, autocommit=True, connect_timeout=5) as connection:
        connection.execute(sql.SQL("CREATE SCHEMA {0}").format(sql.Identifier(topic_prefix)))
        connection.execute(sql.SQL("SET search_path TO {0}").format(sql.Identifier(topic_prefix)))
        yield connection
        connectors.delete_connector(topic_prefix)
        until_gone = time.monotonic() + 10
        while connection.execute("SELECT 1 FROM pg_replication_slots WHERE slot_name = %s AND active", [topic_prefix]).fetchone():
            assert time.monotonic() < until_gone
        connection.execute("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = %s", [topic_prefix])
        connection.execute(sql.SQL("DROP PUBLICATION IF EXISTS {0}").format(sql.Identifier(topic_prefix)))
        connection.execute(sql.SQL("DROP SCHEMA {0} CASCADE").format(sql.Identifier(topic_prefix)))


def config(stack: Endpoints, prefix: str, table: str) -> dict[str, str]:
    address = urlsplit(stack.postgres)
    return {
        "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
        "database.hostname": str(address.hostname),
        "database.port": str(address.port),
        "database.user": str(address.username),
        "database.dbname": address.path.strip("/"),
        "plugin.name": "pgoutput",
        "publication.autocreate.mode": "filtered",
        "publication.name": prefix,
        "slot.name": prefix,
        "topic.prefix": prefix,
        "table.include.list": f"{prefix}.{table}",
        "poll.interval.ms": "10",
        "key.converter": "org.apache.kafka.connect.storage.StringConverter",
    }


def read(stack: Endpoints, topic: str, count: int) -> list[Message]:
    consumer = Consumer({"bootstrap.servers": stack.kafka, "group.id": f"{topic}-{uuid.uuid4()}", "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    found: list[Message] = []
    deadline = time.monotonic() + 20
    while len(found) < count:
        assert time.monotonic() < deadline, f"{len(found)} of {count} records"
        message = consumer.poll(0.2)
        if message is not None and message.error() is None:
            found.append(message)
    consumer.close()
    return found


def test_outbox_payload_passes_through_untouched_and_offsets_survive_a_restart(  # type: ignore[no-untyped-def]
    stack: Endpoints, database: psycopg.Connection, topic_prefix: str, new_topic
) -> None:
    topic = new_topic("order")
    database.execute("CREATE TABLE outbox (id uuid PRIMARY KEY, aggregatetype text, aggregateid text, type text, payload bytea)")
    insert = "INSERT INTO outbox VALUES (%s, 'order', 'user-1', 'OrderPlaced', %s)"
    status = connectors.put_connector(
        topic_prefix,
        config(stack, topic_prefix, "outbox")
        | {
            "snapshot.mode": "no_data",
            "value.converter": "io.debezium.converters.BinaryDataConverter",
            "transforms": "outbox",
            "transforms.outbox.type": "io.debezium.transforms.outbox.EventRouter",
            "transforms.outbox.route.topic.replacement": f"{topic_prefix}.${{routedByValue}}",
            "transforms.outbox.table.fields.additional.placement": "type:header:eventType",
        },
    )
    assert status.running
    first, second = uuid.uuid4(), uuid.uuid4()
    database.execute(insert, [first, b"\0\0\0\0\7\xff\xfe"])
    (message,) = read(stack, topic, 1)
    assert (message.key(), message.value()) == (b"user-1", b"\0\0\0\0\7\xff\xfe")
    headers = dict(message.headers() or [])
    assert (headers["id"], headers["eventType"]) == (str(first).encode(), b"OrderPlaced")

    assert connectors.restart_connector(topic_prefix).running
    database.execute(insert, [second, b"x"])
    ids = [dict(m.headers() or [])["id"] for m in read(stack, topic, 2)]
    assert ids == [str(first).encode(), str(second).encode()]


def test_table_rows_arrive_as_avro_in_confluents_framing(  # type: ignore[no-untyped-def]
    stack: Endpoints, database: psycopg.Connection, topic_prefix: str, new_topic
) -> None:
    topic = new_topic(f"{topic_prefix}.prefs")
    database.execute("CREATE TABLE prefs (user_id text PRIMARY KEY, channels text[], quiet_from time)")
    database.execute("INSERT INTO prefs VALUES ('u1', '{push,sms}', '22:00')")
    registry = "value.converter.apicurio.registry"
    connectors.put_connector(
        topic_prefix,
        config(stack, topic_prefix, "prefs")
        | {
            "value.converter": "io.apicurio.registry.utils.converter.AvroConverter",
            f"{registry}.url": stack.registry_native,
            f"{registry}.as-confluent": "true",
            f"{registry}.use-id": "contentId",
            f"{registry}.headers.enabled": "false",
            f"{registry}.auto-register": "true",
            f"{registry}.find-latest": "true",
            "transforms": "unwrap,key",
            "transforms.unwrap.type": "io.debezium.transforms.ExtractNewRecordState",
            "transforms.key.type": "org.apache.kafka.connect.transforms.ExtractField$Key",
            "transforms.key.field": "user_id",
        },
    )
    (message,) = read(stack, topic, 1)
    payload = message.value()
    assert message.key() == b"u1"
    assert payload is not None
    assert payload[0] == 0
    with SchemaRegistryClient({"url": stack.registry}) as client:
        written = client.get_schema(int.from_bytes(payload[1:5])).schema_str
        client.delete_subject(f"{topic}-value")
    row = schemaless_reader(io.BytesIO(payload[5:]), parse_schema(json.loads(written)), None)
    assert row == {"user_id": "u1", "channels": ["push", "sms"], "quiet_from": 22 * 3600 * 1_000_000}


def test_a_refused_connector_is_told(stack: Endpoints, topic_prefix: str) -> None:
    with pytest.raises(ConnectorFailed, match="no.such.Connector"):
        connectors.put_connector(topic_prefix, {"connector.class": "no.such.Connector"})
    assert connectors.connector_status(topic_prefix) is None
    assert connectors.delete_connector(topic_prefix) is False


def test_no_connect_is_told(topic_prefix: str) -> None:
    with pytest.raises(ConnectorFailed, match="ConnectError"):
        connectors.connector_status(topic_prefix, connect="http://127.0.0.1:9")
