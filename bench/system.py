"""The whole system for a benchmark, on the local stack."""

from collections.abc import Iterator
from contextlib import contextmanager

from bench.campaign.log import Log
from ops.endpoints import Endpoints
from ops.fleet.borrowing import borrowed
from ops.fleet.settings import worker_settings


@contextmanager
def running() -> Iterator[tuple[Endpoints, Log]]:
    """Stack and fleet, ready. What was running before goes on running, what was started here is stopped."""
    with borrowed() as settings:
        yield settings.endpoints, Log(settings.endpoints, worker_settings().partitions)
