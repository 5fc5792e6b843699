"""`carillon project`: projections in the foreground."""

import json
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ops.cli.errors import BadRequest
from ops.endpoints import Endpoints
from ops.fleet.settings import PROJECTIONS, worker_settings
from schemas.clock import now_ms
from streams.give_way import Manners, give_way

if TYPE_CHECKING:
    from ops.fleet.projection_health import ProjectionHealth

READY_FILE = "CARILLON_READY_FILE"
"""The environment variable by which the fleet asks to be told."""

Stores = Annotated[list[str] | None, typer.Argument(metavar="STORE...", help=f"Default: {' and '.join(PROJECTIONS)}.")]
Rebuild = Annotated[bool, typer.Option("--rebuild", help="Begin again at offset 0 (stop the projection first).")]
UntilEnd = Annotated[bool, typer.Option("--until-end", help="End when everything that is on the topics now is written.")]


def project(store: Stores = None, rebuild: Rebuild = False, until_end: UntilEnd = False) -> None:
    """Write the read side from the log, until SIGTERM or SIGINT."""
    names = list(dict.fromkeys(store or PROJECTIONS))
    if unknown := sorted(set(names) - set(PROJECTIONS)):
        raise BadRequest(f"no such store: {', '.join(unknown)}; there are {', '.join(PROJECTIONS)}")
    from ops.fleet.projection_health import ProjectionHealth
    from projections.metrics import Pulse
    from projections.rebuild import rebuild as start_over
    from projections.run import run  # drivers and an engine: a second to import, for this command only

    endpoints = Endpoints.load()
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for name in names if rebuild else ():
        typer.echo(f"{name}: {start_over(name, endpoints)} partitions go back to offset 0", err=True)
    if worker_settings().give_way:
        give_way(Manners.LAST)
    pulse = Pulse()
    health = ProjectionHealth(names, pulse, os.environ)
    wrote = run(names, endpoints, until_end=until_end, ready=lambda: _say_ready(health), pulse=pulse)
    typer.echo("; ".join(f"{name}: {number:,} records" for name, number in wrote.items()), err=True)


def _say_ready(health: "ProjectionHealth") -> None:
    health.ready()
    logging.getLogger("carillon.project").info("ready")
    if path := os.environ.get(READY_FILE):
        fresh = Path(path).with_suffix(".new")
        fresh.write_text(json.dumps({"pid": os.getpid(), "at": now_ms()}))
        fresh.replace(path)
