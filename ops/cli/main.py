"""The console script `carillon`."""

import sys
from importlib import import_module

import typer

from ops.cli.errors import EXPECTED, message
from ops.cli.output import progress_console

INTERRUPTED = 130
HELP = "One domain event in, a million people told once. Endpoints come from the running stack, or from CARILLON_... variables."

COMMANDS = {
    "demo": "demo",
    "up": "system",
    "down": "system",
    "ps": "system",
    "topics": "topics",
    "policy": "policy",
    "worker": "worker",
    "project": "project",
    "gateway": "gateway",
    "send": "send",
    "campaign": "campaign",
    "pause": "control",
    "resume": "control",
    "cancel": "control",
    "rate": "control",
    "audience": "audience",
    "status": "status",
    "why": "why",
    "inbox": "inbox",
    "stats": "stats",
    "audit": "audit",
    "dlq": "dlq",
    "unknown": "unknown",
    "replay": "replay",
}
"""Command -> the module of `ops.cli` it is in, in the order of the help."""
GROUPS = ("topics", "policy", "dlq", "unknown", "replay")


def app() -> None:
    """Run what the arguments say. The command they begin with is the only one imported: all of them cost 0.2 s of CPU more."""
    first = sys.argv[1] if len(sys.argv) > 1 else ""
    made = typer.Typer(name="carillon", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=HELP)
    made.callback()(lambda: None)  # or a command that is alone would be taken for the whole
    for name in [first] if first in COMMANDS else COMMANDS:
        _add(made, name)
    made()


def _add(to: typer.Typer, name: str) -> None:
    module = import_module(f"ops.cli.{COMMANDS[name]}")
    if name in GROUPS:
        to.add_typer(module.app, name=name)
    else:
        to.command(name)(getattr(module, name))


def main() -> None:
    """Run a command; an expected error is one line on stderr and exit code 1."""
    try:
        app()
    except BrokenPipeError:  # `carillon ... | head`
        sys.stderr.close()
        sys.exit(0)
    except EXPECTED as error:
        progress_console().print("[red]error:[/red]", end=" ")
        progress_console().print(message(error), markup=False, soft_wrap=True)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
