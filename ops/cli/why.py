"""`carillon why USER NOTIFICATION`: the whole chain of decisions."""

from collections.abc import Iterator
from typing import Annotated

import typer
from rich.console import Group, RenderableType
from rich.markup import escape

from ops.cli.chain import Answer, Link, explain
from ops.cli.evidence import detective
from ops.cli.output import AsJson, console, table, write_json
from ops.cli.times import clock
from ops.endpoints import Endpoints
from ops.fleet.settings import worker_settings

User = Annotated[str, typer.Argument(metavar="USER")]
NotificationId = Annotated[str, typer.Argument(metavar="NOTIFICATION")]


def why(user: User, notification: NotificationId, as_json: AsJson = False) -> None:
    """Why a user got a notification, or did not: each step with its place on the log."""
    with detective(Endpoints.load(), worker_settings().partitions) as it:
        answer = explain(it.gather(user, notification))
    if as_json:
        write_json(answer)
    else:
        console().print(rendered(answer))


def rendered(answer: Answer) -> Group:
    """For people."""
    return Group(*_parts(answer))


def _parts(answer: Answer) -> Iterator[RenderableType]:
    yield f"[bold]{escape(answer.user_id)}[/bold] and notification [bold]{escape(answer.notification_id)}[/bold]"
    if answer.verdict:
        yield f"[yellow]{escape(answer.verdict)}[/yellow]"
    if not answer.links:
        return
    chain = table("", ("step", "when (UTC)", "place on the log", "what"), map(_row, answer.links))
    for fate in answer.channels:
        chain.add_section()
        colour = "green" if fate.verdict.startswith("sent") else "yellow"
        chain.add_row(f"[bold]{fate.channel}[/bold]", "", "", f"[{colour}]{escape(fate.verdict)}[/{colour}]")
        for link in fate.links:
            chain.add_row(*_row(link))
    yield chain


def _row(link: Link) -> tuple[str, str, str, str]:
    return link.what, clock(link.at)[11:] or "-", link.where, escape(link.said)
