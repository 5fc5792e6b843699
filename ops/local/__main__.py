"""``python -m ops.local up|down|status|setup|clean|lend``: the local stack from the command line."""

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from typing import TextIO

import msgspec

from ops.local import jars, stack, tools
from ops.local.borrowing import borrowed, give_back_on_sigterm
from ops.local.errors import StackError
from ops.local.parts import PARTS
from ops.local.settings import Settings


def main(argv: list[str] | None = None) -> int:
    """Run one command. Returns the exit code: 0, or 1 with a message on stderr."""
    arguments = _parser().parse_args(argv)
    commands: dict[str, Callable[[argparse.Namespace], int]] = {
        "up": _up,
        "down": _down,
        "status": _status,
        "setup": _setup,
        "clean": _clean,
        "lend": _lend,
    }
    try:
        return commands[arguments.command](arguments)
    except StackError as error:
        _say(f"{type(error).__name__}: {error}", sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ops.local", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in {
        "up": "start what is not running and wait until it is healthy",
        "down": "stop what was started from this home",
        "status": "say how each part is",
        "setup": "check Java and Maven, fetch the jars",
        "clean": "stop everything; remove data, logs and pid files, not the jars",
    }.items():
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("--json", action="store_true", help="one JSON document on stdout")
        if name in ("up", "down"):
            command.add_argument("parts", nargs="*", metavar="part", help=f"default: all of {', '.join(PARTS)}")
    text = "run a command while everything runs; what was started for it is stopped after it"
    lend = commands.add_parser("lend", help=text, description=text)
    lend.add_argument("command_line", nargs=argparse.REMAINDER, metavar="COMMAND ...")
    return parser


def _up(arguments: argparse.Namespace) -> int:
    endpoints = stack.up(arguments.parts or None, _tell)
    if arguments.json:
        _say(msgspec.json.encode(endpoints).decode())
    else:
        _say("\n".join(f"{name:<16}{value}" for name, value in endpoints.__rich_repr__()))
    return 0


def _down(arguments: argparse.Namespace) -> int:
    stopped = stack.down(arguments.parts or None, _tell)
    _say(msgspec.json.encode(stopped).decode() if arguments.json else f"stopped: {', '.join(stopped) or 'nothing was running'}")
    return 0


def _status(arguments: argparse.Namespace) -> int:
    """Exit code 0 only when everything runs."""
    states = stack.status()
    if arguments.json:
        _say(msgspec.json.encode(states).decode())
    else:
        for s in states:
            ports = " ".join(str(port) for port in s.ports.values())
            _say(f"{s.name:<10} {s.state:<10} {ports:<12} pid {s.pid or '-':<8} {s.memory_mb or 0:>5} MB  {s.log}")
    return 0 if all(s.state == "running" for s in states) else 1


def _setup(arguments: argparse.Namespace) -> int:
    began = time.monotonic()
    home = Settings.load().home
    found = {"java": tools.java(), "maven": tools.maven(), "jars": str(home.jars), "fetched": jars.fetch(home)}
    if arguments.json:
        _say(msgspec.json.encode(found).decode())
    else:
        _say(f"jars in {home.jars}: {', '.join(jars.PARTS)} ({time.monotonic() - began:.1f} s)")
    return 0


def _clean(arguments: argparse.Namespace) -> int:
    stack.clean()
    return 0


def _lend(arguments: argparse.Namespace) -> int:
    """The command's exit code. SIGTERM ends the command, and then what was started for it."""
    give_back_on_sigterm()
    with borrowed(progress=_tell):
        child = subprocess.Popen(arguments.command_line)
        try:
            return child.wait()
        finally:
            child.terminate()
            child.wait()


def _say(text: str, stream: TextIO | None = None) -> None:
    """One line, in one write: several parts report at once."""
    stream = stream or sys.stdout
    stream.write(f"{text}\n")
    stream.flush()


def _tell(part: str, event: str) -> None:
    _say(f"{part:<10} {event}", sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
