"""Rows of a real table, through Debezium as Avro, become the changes of profiles that the mapping says: enveloped and unwrapped alike."""

import time

import psycopg
import pytest
from confluent_kafka import Consumer, TopicPartition

from ops.demo.upstream.connector import tables_connector
from ops.local.connectors import put_connector
from schemas.clients import consumer_config
from schemas.codec import Codec
from schemas.records import Device, ProfileChanged, QuietHours
from schemas.table_changes import TableMapping, profile_change
from tests.integration.upstream.conftest import TIMEOUT_S, Upstream

pytestmark = pytest.mark.timeout(240)

UNWRAP = {
    "transforms": "unwrap,route",
    "transforms.unwrap.type": "io.debezium.transforms.ExtractNewRecordState",
    "transforms.unwrap.add.fields": "op,source.lsn,source.ts_ms",
    "transforms.unwrap.delete.tombstone.handling.mode": "rewrite",
}
MAPPING = TableMapping(
    source="cdc:preferences",
    user_id="user_id",
    fields={
        "email": "email",
        "channels": "channels",
        "phone_verified": "verified",
        "frequency_cap": "cap",
        "devices": "devices",
        "tags": "tags",
    },
    quiet_hours=("quiet_from", "quiet_to"),
)


def connector(upstream: Upstream, extra: dict[str, str]) -> dict[str, str]:
    made = tables_connector(
        upstream.dsn,
        upstream.endpoints.registry_native,
        name=upstream.name,
        topics=f"{upstream.name}.cdc.",
        tables=["of_all_types"],
        publication=upstream.name,
        partitions=1,
    )
    return made | {"publication.autocreate.mode": "filtered"} | extra


@pytest.mark.parametrize("extra", [{}, UNWRAP], ids=["enveloped", "unwrapped"])
def test_rows_become_changes(upstream: Upstream, extra: dict[str, str]) -> None:
    with psycopg.connect(upstream.dsn, autocommit=True) as db:
        db.execute(
            "CREATE TABLE of_all_types (user_id text PRIMARY KEY, email text, channels text[], verified boolean NOT NULL, cap integer,"
            " devices text[], tags text[], quiet_from time, quiet_to time, updated_at timestamptz NOT NULL, unmapped jsonb)"
        )
        insert = (
            "INSERT INTO of_all_types VALUES ('u-1', 'ann@example.org', '{push,sms}', true, 5, '{ios:a:b,web:c}', '{vip,NULL}',"
            " '22:00', '07:30', '2024-03-01T13:00:00.129+01', '{}')"
        )
        db.execute(insert)
        put_connector(upstream.name, connector(upstream, extra), connect=upstream.endpoints.connect, timeout_s=TIMEOUT_S)
        db.execute("UPDATE of_all_types SET email = NULL, cap = NULL, quiet_to = NULL, tags = '{}', updated_at = '2024-03-01T13:00:01Z'")
        db.execute("UPDATE of_all_types SET tags = (SELECT array_agg(md5(i::text)) FROM generate_series(1, 2000) i)")  # stored out of line
        db.execute("UPDATE of_all_types SET verified = false")  # the tags are not logged again
        db.execute("DELETE FROM of_all_types")
        db.execute(insert)
        changes = read(upstream, 6)

    common = {"user_id": "u-1", "source": "cdc:preferences"}
    first = ProfileChanged(
        source_position=changes[0].source_position,
        occurred_at=changes[0].occurred_at,
        email="ann@example.org",
        channels=["push", "sms"],
        phone_verified=True,
        frequency_cap=5,
        devices=[Device("ios", "a:b"), Device("web", "c")],
        tags=["vip"],
        quiet_hours=QuietHours(22 * 60, 7 * 60 + 30),
        whole=True,
        **common,
    )
    assert changes[0] == first
    assert (changes[1].reset, changes[1].tags, changes[1].whole) == (["email", "frequency_cap", "quiet_hours"], [], True)
    assert len(changes[2].tags or []) == 2000
    assert (changes[3].phone_verified, changes[3].tags, changes[3].whole) == (False, None, False)
    assert (changes[4].deleted, changes[4].reset, changes[4].whole) == (False, [*MAPPING.fields, "quiet_hours"], True)
    assert (changes[5].email, changes[5].tags) == ("ann@example.org", ["vip"])
    positions = [change.source_position for change in changes]
    assert positions == sorted(set(positions)), "each change of a row has a position of its own, after that of the one before it"
    moments = [change.occurred_at for change in changes[1:]]
    assert moments == sorted(moments), "the time is that of the transaction"


def read(upstream: Upstream, count: int) -> list[ProfileChanged]:
    """So many changes; tombstones among them say nothing."""
    codec = Codec(upstream.registry, {})
    consumer = Consumer(consumer_config(upstream.endpoints.kafka, f"{upstream.name}-cdc"))
    consumer.assign([TopicPartition(f"{upstream.name}.cdc.of_all_types", 0, 0)])
    found: list[ProfileChanged] = []
    deadline = time.monotonic() + TIMEOUT_S
    try:
        while len(found) < count:
            assert time.monotonic() < deadline, f"{len(found)} of {count} changes"
            for message in consumer.consume(10, 0.2):
                if message.error() is None:
                    change = profile_change(MAPPING, None if message.value() is None else codec.decode_any(message.value()).fields)
                    found += [change] if change else []
    finally:
        consumer.close()
    return found
