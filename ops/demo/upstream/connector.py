"""Debezium's connector for the shop's outbox.

Nothing is lost: Postgres keeps its log from what the replication slot has confirmed, and the slot confirms what Connect has stored as
written to Kafka. Killed in between, Connect writes some records again, with the same id header. Should slot or offsets be gone,
`when_needed` reads the outbox table again, and all rows still in it are written again: it is pruned to less than the idempotency window
(`Shop.prune`), so that none of them is news to Carillon.

A row of an aggregate that has no topic yet would block the connector for good, for everybody and with a status of RUNNING (measured): hence
`topic.creation`. The events wait in the new topic until Carillon is told of the aggregate.
Source: https://debezium.io/documentation/reference/3.3/transformations/outbox-event-router.html
"""

from psycopg.conninfo import conninfo_to_dict

from schemas.topics import DEFAULT_PARTITIONS

NAME = "shop-outbox"
PUBLICATION = "shop_outbox"
"""Made by shop.sql: inserts into the outbox, and nothing else."""


def outbox_connector(
    dsn: str, *, name: str = NAME, topics: str = "events.", partitions: int = DEFAULT_PARTITIONS, replicas: int = 1
) -> dict[str, str]:
    """The connector's configuration, for Connect's REST API. Events of an aggregate go to `<topics><aggregatetype>`.

    A topic that is missing is created with so many partitions and replicas; partitions must be as many as Carillon's topics have.

    `name` also names the slot and the metrics: two connectors must differ in it, or the second hangs. Its password, if there is one in
    the DSN, is in the configuration as text; use a Connect config provider (`${env:...}`) in production.
    """
    database = conninfo_to_dict(dsn)
    return {
        "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
        "tasks.max": "1",
        "database.hostname": str(database["host"]),
        "database.port": str(database.get("port", 5432)),
        "database.user": str(database["user"]),
        "database.password": str(database.get("password", "")),
        "database.dbname": str(database["dbname"]),
        "topic.prefix": name,
        "slot.name": name.replace("-", "_"),
        "plugin.name": "pgoutput",
        "publication.name": PUBLICATION,
        "publication.autocreate.mode": "disabled",
        "table.include.list": r"public\.outbox",
        "snapshot.mode": "when_needed",
        "tombstones.on.delete": "false",
        "poll.interval.ms": "10",
        "retriable.restart.connector.wait.ms": "1000",
        "producer.override.compression.type": "lz4",
        "topic.creation.default.partitions": str(partitions),
        "topic.creation.default.replication.factor": str(replicas),
        "key.converter": "org.apache.kafka.connect.storage.StringConverter",
        "value.converter": "io.debezium.converters.BinaryDataConverter",
        "header.converter": "org.apache.kafka.connect.storage.StringConverter",
        **_event_router(topics),
    }


def _event_router(topics: str) -> dict[str, str]:
    settings = {
        "type": "io.debezium.transforms.outbox.EventRouter",
        "route.by.field": "aggregatetype",
        "route.topic.replacement": topics + "${routedByValue}",
        "table.field.event.id": "id",
        "table.field.event.key": "aggregateid",
        "table.field.event.payload": "payload",
        # the record's time is the row's, also when the connector was down for an hour: expiry counts from it
        "table.field.event.timestamp": "created_at",
        "table.fields.additional.placement": "type:header:eventType",
    }
    return {"transforms": "outbox", **{f"transforms.outbox.{setting}": value for setting, value in settings.items()}}
