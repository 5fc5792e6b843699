"""`carillon status NOTIFICATION`: how far it is, by channel."""

from typing import TYPE_CHECKING, Annotated

import typer
from confluent_kafka import Consumer
from rich.console import Group

from ops.cli import controlling
from ops.cli.context import codec, reader
from ops.cli.controlling import told
from ops.cli.errors import NotFound
from ops.cli.lag import Groups
from ops.cli.letters import dead_letters
from ops.cli.logtail import consumer
from ops.cli.missing import refused
from ops.cli.output import AsJson, console, table, write_json
from ops.cli.standing import FINAL, Standing, beside, scheduled, standing
from ops.cli.times import age, clock
from ops.endpoints import Endpoints
from schemas.topics import fanout_topic

if TYPE_CHECKING:
    from projections.cassandra.reader import Reader

EVENTS = 1_000_000
CASSANDRA = "carillon.cassandra"

NotificationId = Annotated[str, typer.Argument(metavar="NOTIFICATION")]


def status(notification: NotificationId, as_json: AsJson = False) -> None:
    """How one notification stands: per channel sent, suppressed and why, failed, unknown, pending, and held."""
    endpoints = Endpoints.load()
    with reader(endpoints) as stored, consumer(endpoints.kafka) as log:
        found = read(stored, notification, log)
    if found is None:
        raise NotFound(absence(notification, endpoints))
    if as_json:
        write_json(found)
    else:
        console().print(rendered(found))


def read(stored: "Reader", notification_id: str, log: Consumer | None = None) -> Standing | None:
    """How it stands by Cassandra; None when the request is not there. `log`: to say whether it is paused, too."""
    header = stored.header(notification_id)
    if header is None:
        return None
    progress, counts = stored.progress(notification_id), stored.counts(notification_id)
    control = controlling.read(log, notification_id, fanout_topic(header.priority)) if log else None
    return standing(header, progress, counts, stored.events(notification_id, EVENTS), control)


def absence(notification_id: str, endpoints: Endpoints) -> str:
    """Why nothing is known of a notification."""
    with codec(endpoints) as wire, dead_letters(endpoints, wire) as dead:
        if why := refused(notification_id, dead):
            return why
    from projections.settings import INPUTS

    behind = Groups(endpoints.kafka).lag(CASSANDRA, INPUTS)
    waiting = f"the Cassandra projection is {behind} records behind, try again" if behind else "nothing is waiting to be written"
    return f"no notification {notification_id}: no request of that id was planned, none is in the DLQ, and {waiting}"


def rendered(one: Standing) -> Group:
    """For people."""
    header = one.header
    about = (
        f"[bold]{one.notification_id}[/bold]  {header.event_type} · {header.template_id} v{header.template_version} · {header.category}"
        f" · {header.priority}" + (f" · campaign {header.campaign}" if header.campaign else "")
    )
    expansion = "complete" if one.expanded else "not complete yet"
    when = f"accepted {clock(header.accepted_at)} UTC{scheduled(header)}{_expiry(header.accepted_at, header.expires_at)}{beside(header)}"
    audience = f"audience {header.audience}: {one.users:,} users in {one.chunks} chunks, expansion {expansion}"
    columns = ("channel", "audience", *FINAL, "pending", "held")
    rows = [
        (channel, it.audience, *(it.outcomes.get(status, 0) for status in FINAL), it.pending, it.held)
        for channel, it in one.channels.items()
    ]
    reasons = [(channel, *name.split(":", 1), number) for channel, it in one.channels.items() for name, number in it.reasons.items()]
    tables = [table("", columns, rows, right=columns[1:])]
    if reasons:
        tables.append(table("", ("channel", "status", "reason", "recipients"), reasons, right=("recipients",)))
    control = [told(one.control)] if one.control else []
    return Group(about, when, audience, *control, *tables, verdict(one))


def verdict(one: Standing) -> str:
    """One line: whether the sums come out."""
    if not all(it.adds_up for it in one.channels.values()):
        return "[red]the sums do not come out: more outcomes than recipients[/red]"
    if one.waits:
        return f"[yellow]scheduled for {clock(one.header.not_before)} UTC: nobody was decided yet[/yellow]"
    if one.complete:
        return "[green]complete: every recipient has exactly one outcome[/green]"
    held = sum(it.held for it in one.channels.values())
    waiting = f", {held:,} of them are held until their quiet hours end" if held else ""
    return f"[yellow]going on: {sum(it.pending for it in one.channels.values()):,} recipients have no outcome yet{waiting}[/yellow]"


def _expiry(accepted_at: int, expires_at: int | None) -> str:
    return "" if expires_at is None else f", expires {age(expires_at - accepted_at)} later"
