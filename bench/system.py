"""The whole system for a benchmark, on the local stack."""

from collections.abc import Iterator
from contextlib import contextmanager

from bench.campaign.log import Log
from ops.endpoints import Endpoints
from ops.fleet import fleet
from ops.fleet.provision import provision
from ops.fleet.settings import worker_settings
from ops.local import stack


@contextmanager
def running() -> Iterator[tuple[Endpoints, Log]]:
    """Stack and fleet, ready. What was running before goes on running, what was started here is stopped."""
    workers = worker_settings()
    began_stack = any(part.state != "running" for part in stack.status())
    began_fleet = not fleet.running()
    try:
        endpoints = stack.up()
        provision(endpoints, workers.aggregates, workers.partitions)
        fleet.up()
        yield endpoints, Log(endpoints, workers.partitions)
    finally:
        if began_fleet:
            fleet.down()
        if began_stack:
            stack.down()
