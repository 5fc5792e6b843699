"""`carillon up`, `down`, `ps`: the stack and Carillon's own processes."""

from typing import Annotated

import typer

from ops.cli.output import AsJson, console, table, tell, write_json
from ops.fleet import fleet
from ops.fleet.health import MemberStatus
from ops.fleet.provision import Provisioned, provision
from ops.fleet.settings import FleetSettings, worker_settings
from ops.local import stack
from ops.local.errors import StackError

StackOnly = Annotated[bool, typer.Option("--stack-only", help="Only Kafka, registry, Cassandra, Postgres and Connect.")]


Supervised = Annotated[bool, typer.Option("--supervisor/--no-supervisor", help="Leave a process behind that starts again what dies.")]


def up(stack_only: StackOnly = False, supervised: Supervised = True, as_json: AsJson = False) -> None:
    """Start what is not running: the stack, topics and schemas, workers, projections, the sandbox provider, and who watches them."""
    endpoints = stack.up(None, tell)
    if not stack_only:
        settings = FleetSettings.load()
        worker = worker_settings()
        require_as_written(provision(endpoints, worker.topics, worker.partitions))
        fleet.up(tell, settings=settings, supervised=supervised)
    if as_json:
        write_json(dict(endpoints.__rich_repr__()))
    elif not stack_only:
        console().print("Carillon is up. Next: `carillon send`, `carillon campaign`, or `carillon --help`; `carillon down` stops it.")


def down(
    names: Annotated[list[str] | None, typer.Argument(metavar="[MEMBER]...", help="Only these, for good: a scale-down.")] = None,
    keep_stack: Annotated[bool, typer.Option("--keep-stack", help="Stop only Carillon's own processes.")] = False,
    as_json: AsJson = False,
) -> None:
    """Stop what `carillon up` started, and nothing else."""
    stopped = fleet.down(tell, only=names or None)
    if names and (absent := sorted(set(names) - set(stopped))):
        raise StackError(f"not running: {', '.join(absent)}; `carillon ps` says what is")
    if not (keep_stack or names):
        stopped += stack.down(None, tell)
    if as_json:
        write_json(stopped)
    else:
        console().print(f"stopped: {', '.join(stopped) or 'nothing was running'}")


def ps(as_json: AsJson = False) -> None:
    """How every process is; exit code 0 only when all of them run."""
    settings = FleetSettings.load()
    parts, own = stack.status(settings=settings.local), [*fleet.status(settings=settings), *fleet.supervisor(settings=settings)]
    everything: list[stack.PartStatus | MemberStatus] = [*parts, *own]
    if as_json:
        write_json({"stack": parts, "fleet": own})
    else:
        columns = ("name", "state", "pid", "MB", "restarts", "log")
        rows = [(one.name, one.state, str(one.pid or ""), one.memory_mb, getattr(one, "restarts", 0) or "", one.log) for one in everything]
        console().print(table("", columns, rows, right=("pid", "MB", "restarts")))
    if not all(one.state == "running" for one in everything):
        raise typer.Exit(1)


def require_as_written(found: Provisioned) -> None:
    """Raises StackError when topics are there that differ from the catalogue: nothing may run on those."""
    if found.differences:
        lines = "; ".join(f"{one.topic}: {one.what}" for one in found.differences[:5])
        raise StackError(f"{len(found.differences)} differences between topics and catalogue ({lines}); see `carillon topics check`")
