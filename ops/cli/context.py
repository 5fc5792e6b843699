"""What commands need to talk to a running Carillon, made from the endpoints."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ops.endpoints import Endpoints
from ops.fleet.provision import registry
from ops.fleet.settings import worker_settings
from schemas.codec import Codec
from schemas.provision import subjects

if TYPE_CHECKING:
    from projections.cassandra.reader import Reader
    from projections.clickhouse.reader import Analytics


@contextmanager
def codec(endpoints: Endpoints) -> Iterator[Codec]:
    """The codec, for the time of the block."""
    with registry(endpoints) as schemas:
        yield Codec(schemas, subjects(worker_settings().topics))


@contextmanager
def reader(endpoints: Endpoints) -> Iterator["Reader"]:
    """What Cassandra knows, for the time of the block. Raises StoreUnavailable."""
    from projections.cassandra.connect import Contact
    from projections.cassandra.reader import Reader  # a driver of 20 MB, which a worker's process would carry along

    contact = Contact(endpoints.cassandra_hosts, endpoints.cassandra_port)
    opened = Reader.open(contact, partitions=worker_settings().partitions)
    try:
        yield opened
    finally:
        opened.close()


@contextmanager
def analytics(endpoints: Endpoints) -> Iterator["Analytics"]:
    """What ClickHouse knows, for the time of the block. Raises StoreUnavailable, EngineBusy."""
    from projections.clickhouse.engine import Engine
    from projections.clickhouse.reader import Analytics  # as above: 40 MB

    opened = Analytics.open(Engine(endpoints.clickhouse), endpoints.home)
    try:
        yield opened
    finally:
        opened.close()
