"""Use all of Carillon for a while, as tests and benches do: reuse what runs, start what does not, and stop only what was started."""

from collections.abc import Iterator
from contextlib import contextmanager

from ops.fleet import fleet
from ops.fleet.provision import provision
from ops.fleet.settings import FleetSettings, worker_settings
from ops.local import borrowing


@contextmanager
def borrowed() -> Iterator[FleetSettings]:
    """Where all is: stack, topics, schemas and every member of the fleet, ready.

    Raises a StackError when it cannot be had; what was started is stopped then too.
    """
    worker = worker_settings()
    with borrowing.borrowed() as endpoints:
        provision(endpoints, worker.topics, worker.partitions)
        settings = FleetSettings.load()  # not before: the stack writes where it is
        with borrowed_members(settings):
            yield settings


@contextmanager
def borrowed_members(settings: FleetSettings) -> Iterator[None]:
    """Every member, ready. Raises a StackError when that cannot be had; what was started is stopped then too."""
    started = [one.name for one in fleet.status(settings=settings) if one.pid is None]
    try:
        fleet.up(settings=settings)
        yield
    finally:
        fleet.down(only=started, settings=settings)
