"""The projections there are, and how each is opened."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

from projections.base import Projection
from projections.cassandra.connect import Contact
from projections.cassandra.projection import CassandraProjection
from projections.clickhouse.answers import Answers
from projections.clickhouse.engine import Engine
from projections.clickhouse.projection import ClickHouseProjection
from projections.clickhouse.serve import Door
from projections.errors import EngineBusy, StoreUnavailable
from projections.retry import Sleep, retried
from projections.settings import Addresses, Settings

NAMES = ("cassandra", "clickhouse")


def contact(addresses: Addresses, settings: Settings) -> Contact:
    """Where Cassandra is."""
    return Contact(
        tuple(addresses.cassandra_hosts), addresses.cassandra_port, settings.keyspace, settings.datacenter, settings.replication
    )  # fmt: skip


def engine(addresses: Addresses, settings: Settings) -> Engine:
    """Where ClickHouse is."""
    return Engine(addresses.clickhouse, settings.database)


@contextmanager
def opened(name: str, addresses: Addresses, settings: Settings, sleep: Sleep) -> Iterator[Projection]:
    """A projection, migrated and ready, for the time of the block. Raises ProjectionError."""
    if name == "cassandra":
        with closing(_cassandra(addresses, settings, sleep)) as projection:
            yield projection
    else:
        with closing(_clickhouse(addresses, settings, sleep)) as projection, _door(addresses, settings):
            yield projection


def _cassandra(addresses: Addresses, settings: Settings, sleep: Sleep) -> CassandraProjection:
    place = contact(addresses, settings)
    return retried(
        lambda: CassandraProjection.open(place, settings.policy, settings.writes, sleep), StoreUnavailable, settings.start_backoff, sleep
    )


def _clickhouse(addresses: Addresses, settings: Settings, sleep: Sleep) -> ClickHouseProjection:
    place = engine(addresses, settings)
    return retried(
        lambda: ClickHouseProjection.open(place, settings.inserts, sleep), (StoreUnavailable, EngineBusy), settings.start_backoff, sleep
    )


@contextmanager
def _door(addresses: Addresses, settings: Settings) -> Iterator[None]:
    """The embedded engine is asked through this process; a server has its own door."""
    place = engine(addresses, settings)
    if not place.embedded:
        yield
        return
    door = Door(Answers.open(place, settings.queries), addresses.home, place.path, settings.clickhouse_port)
    door.open()
    try:
        yield
    finally:
        door.close()
