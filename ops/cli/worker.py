"""`carillon worker ROLE...`: stream workers in the foreground."""

import gc
from pathlib import Path
from typing import Annotated

import typer

from ops.cli.children import run_together
from ops.cli.errors import BadRequest
from ops.endpoints import Endpoints
from ops.fleet.settings import WORKERS as ROLES
from ops.fleet.settings import worker_settings

Roles = Annotated[list[str], typer.Argument(metavar="ROLE...", help=f"One or more of {', '.join(ROLES)}.")]


def worker(roles: Roles) -> None:
    """Run one role in this process, several in a child process each, until SIGTERM or SIGINT, or for good until SIGUSR2.

    Settings: CARILLON_... variables.
    """
    if unknown := sorted(set(roles) - set(ROLES)):
        raise BadRequest(f"no such role: {', '.join(unknown)}; there are {', '.join(ROLES)}")
    if len(roles) > 1:
        raise typer.Exit(run_together([("worker", role) for role in dict.fromkeys(roles)]))
    gc.disable()  # until run_worker has made what stays: a quarter of the imports' time
    from streams.worker import run_worker  # faust and rocksdb: a second to import, for this command only

    endpoints = Endpoints.load()
    run_worker(roles[0], endpoints.kafka, endpoints.registry, Path(endpoints.home), worker_settings())
