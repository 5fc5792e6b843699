"""A running Carillon for the time of the demo: what runs is used and left running, what had to be started is stopped again."""

from collections.abc import Iterator
from contextlib import contextmanager

from ops.demo.stages import Stages
from ops.endpoints import Endpoints
from ops.fleet import fleet
from ops.fleet.provision import provision
from ops.fleet.settings import FleetSettings, worker_settings
from ops.local import processes, stack
from ops.local.parts import PARTS
from ops.local.settings import Settings


@contextmanager
def borrowed(stages: Stages, keep: bool) -> Iterator[tuple[Endpoints, FleetSettings]]:
    """Where everything is. Raises a StackError when it can't be had; what was started is stopped then too. `keep`: leave it running."""
    local = Settings.load()
    parts = [name for name in PARTS if processes.running(local.home.pid(name)) is None]
    members: list[str] = []
    try:
        with stages.stage(f"stack: {', '.join(parts) or 'running already'}") as said:
            endpoints = stack.up(None, lambda part, event: said(f"{part} {event}"), settings=local)
        settings, worker = FleetSettings.load(), worker_settings()
        with stages.stage("topics and schemas"):
            provision(endpoints, worker.topics, worker.partitions)
        members = [one.name for one in fleet.status(settings=settings) if one.pid is None]
        with stages.stage("workers, projections, sandbox provider") as said:
            fleet.up(lambda member, event: said(f"{member} {event}"), settings=settings)
        yield endpoints, settings
    finally:
        parts = [name for name in parts if processes.running(local.home.pid(name))]
        if not keep and (parts or members):
            with stages.stage("stopped what the demo had started") as said:
                fleet.down(lambda member, event: said(f"{member} {event}"), only=members)
                stack.down(parts, lambda part, event: said(f"{part} {event}"), settings=local)
