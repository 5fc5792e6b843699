"""How commands answer: tables for people, one JSON document for programs (`--json`)."""

import sys
from collections.abc import Iterable, Sequence
from typing import Annotated, Any

import msgspec
import typer
from rich import box
from rich.console import Console
from rich.table import Table

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, for programs.")]


WIDE = 200
"""Columns when the output goes to a file or another program."""


def console() -> Console:
    """For people, on stdout; plain and wide when that is no terminal."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else WIDE)


def progress_console() -> Console:
    """For what happens meanwhile, on stderr."""
    return Console(stderr=True, highlight=False, width=None if sys.stderr.isatty() else WIDE)


def tell(name: str, event: str) -> None:
    """One line about one part, in one write: several report at once."""
    sys.stderr.write(f"{name:<22} {event}\n")
    sys.stderr.flush()


def write_json(value: Any) -> None:
    """The document; bytes in it are hex."""
    encoded = msgspec.json.encode(value, enc_hook=_plain)
    sys.stdout.write(msgspec.json.format(encoded, indent=2).decode() + "\n")


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], right: Iterable[str] = ()) -> Table:
    """A table; columns named in `right` are numbers."""
    numbers = set(right)
    made = Table(title=title or None, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for column in columns:
        made.add_column(column, justify="right" if column in numbers else "left", overflow="fold")
    for row in rows:
        made.add_row(*map(cell, row))
    return made


def cell(value: object) -> str:
    """A value in a table: thousands with commas, nothing for None."""
    if value is None or value == "":
        return "-"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _plain(value: object) -> object:
    if hasattr(value, "_asdict"):
        return value._asdict()
    raise NotImplementedError(f"no JSON for {type(value).__name__}")
