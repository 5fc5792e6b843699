"""Options that `send` and `campaign` share."""

from pathlib import Path
from typing import Annotated

import typer

Template = Annotated[str, typer.Option("--template", "-t", help="Which template renders it.")]
TemplateVersion = Annotated[int | None, typer.Option("--template-version", help="Default: the newest.")]
Channels = Annotated[list[str] | None, typer.Option("--channel", "-c", help="May be repeated. Default: all that the template has.")]
Category = Annotated[str, typer.Option("--category", help="transactional, engagement, promotional or system.")]
Priority = Annotated[str, typer.Option("--priority", "-p", help="critical, high, normal or low.")]
Data = Annotated[list[str] | None, typer.Option("--data", "-d", metavar="NAME=VALUE", help="A template variable; may be repeated.")]
Expires = Annotated[str | None, typer.Option("--expires", metavar="DURATION", help="Not sent so long after it is due, as in 6h.")]
Key = Annotated[str | None, typer.Option("--key", help="Idempotency key: the same key again sends nothing twice.")]
Timeout = Annotated[float, typer.Option("--timeout", min=1, help="How many seconds to wait at most.")]
At = Annotated[str | None, typer.Option("--at", metavar="TIME", help="Not before that time, as in 2026-12-01T09:00+01:00.")]
Delay = Annotated[str | None, typer.Option("--delay", metavar="DURATION", help="Not before that long from now, as in 2h.")]
AtLocal = Annotated[
    str | None,
    typer.Option("--at-local", metavar="HH:MM", help="At that time where each recipient is: the first one, from --at or --delay on."),
]
UsersFile = Annotated[
    str | None,
    typer.Option("--users-file", metavar="FILE", help="Users to tell, one a line (an id, or JSON with data of their own); `-`: stdin."),
]
OverridesFile = Annotated[
    Path | None,
    typer.Option(
        "--overrides", metavar="FILE", help="What its messages have beside their text, by channel: JSON or YAML (docs/overrides.md)."
    ),
]
Attach = Annotated[
    list[Path] | None, typer.Option("--attach", metavar="FILE", help="A file for the e-mail, 32 KiB at most; may be repeated.")
]
