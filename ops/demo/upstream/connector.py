"""Debezium's connectors for the shop: one for its outbox, and one for the tables that say who its customers are.

Nothing is lost: Postgres keeps its log from what the replication slot has confirmed, and the slot confirms what Connect has stored as
written to Kafka. Killed in between, Connect writes some records again, with the same id header. Should slot or offsets be gone,
`when_needed` reads the outbox table again, and all rows still in it are written again: it is pruned to less than the idempotency window
(`Shop.prune`), so that none of them is news to Carillon.

A row of an aggregate that has no topic yet would block the connector for good, for everybody and with a status of RUNNING (measured): hence
`topic.creation`. The events wait in the new topic until Carillon is told of the aggregate.

Rows of tables go to `cdc.<table>` as Avro, in Debezium's envelope. They are two connectors because converters, publication and what may be
published twice differ. After a lost slot all rows are read again, and are no news where nothing changed; a row that was *deleted* meanwhile
is not heard of: its user stays, until somebody says otherwise.
Sources: https://debezium.io/documentation/reference/3.3/transformations/outbox-event-router.html,
https://www.apicur.io/registry/docs/apicurio-registry/2.6.x/getting-started/assembly-configuring-kafka-client-serdes.html
"""

from collections.abc import Sequence

from psycopg.conninfo import conninfo_to_dict

from schemas.topics import DEFAULT_PARTITIONS

NAME = "shop-outbox"
PUBLICATION = "shop_outbox"
"""Made by shop.sql: inserts into the outbox, and nothing else."""
TABLES_NAME = "shop-tables"
TABLES_PUBLICATION = "shop_tables"
"""Made by shop.sql: every change of TABLES."""
TABLES = ("customers", "preferences", "devices")


def outbox_connector(
    dsn: str, *, name: str = NAME, topics: str = "events.", partitions: int = DEFAULT_PARTITIONS, replicas: int = 1
) -> dict[str, str]:
    """The connector's configuration, for Connect's REST API. Events of an aggregate go to `<topics><aggregatetype>`.

    A topic that is missing is created with so many partitions and replicas; partitions must be as many as Carillon's topics have.

    `name` also names the slot and the metrics: two connectors must differ in it, or the second hangs. Its password, if there is one in
    the DSN, is in the configuration as text; use a Connect config provider (`${env:...}`) in production.
    """
    return {
        **_postgres(dsn, name, PUBLICATION, ("outbox",), partitions, replicas),
        "tombstones.on.delete": "false",
        "poll.interval.ms": "10",
        "value.converter": "io.debezium.converters.BinaryDataConverter",
        "header.converter": "org.apache.kafka.connect.storage.StringConverter",
        **_event_router(topics),
    }


def tables_connector(
    dsn: str,
    registry: str,
    *,
    name: str = TABLES_NAME,
    topics: str = "cdc.",
    tables: Sequence[str] = TABLES,
    publication: str = TABLES_PUBLICATION,
    partitions: int = DEFAULT_PARTITIONS,
    replicas: int = 1,
) -> dict[str, str]:
    """The connector's configuration. Rows of a table go to `<topics><table>`; first all that are there, then every change.

    `registry`: Apicurio's native API (`Endpoints.registry_native`), where it registers the tables' schemas. The rest as above.
    """
    return {
        **_postgres(dsn, name, publication, tables, partitions, replicas),
        "tombstones.on.delete": "true",
        "value.converter": "io.apicurio.registry.utils.converter.AvroConverter",
        **{f"value.converter.apicurio.registry.{setting}": value for setting, value in _avro(registry).items()},
        "transforms": "route",
        "transforms.route.type": "org.apache.kafka.connect.transforms.RegexRouter",
        "transforms.route.regex": r".*\.public\.(.*)",
        "transforms.route.replacement": topics + "$1",
    }


def _avro(registry: str) -> dict[str, str]:
    """Confluent's wire format, with the id by which Confluent's API of the registry knows the schema."""
    return {
        "url": registry,
        "as-confluent": "true",
        "use-id": "contentId",
        "headers.enabled": "false",
        "auto-register": "true",
        "find-latest": "true",
    }


def _postgres(dsn: str, name: str, publication: str, tables: Sequence[str], partitions: int, replicas: int) -> dict[str, str]:
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
        "publication.name": publication,
        "publication.autocreate.mode": "disabled",
        "table.include.list": ",".join(rf"public\.{table}" for table in tables),
        "snapshot.mode": "when_needed",
        "retriable.restart.connector.wait.ms": "1000",
        "producer.override.compression.type": "lz4",
        "topic.creation.default.partitions": str(partitions),
        "topic.creation.default.replication.factor": str(replicas),
        "key.converter": "org.apache.kafka.connect.storage.StringConverter",
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
