"""`carillon pause|resume|cancel|rate NOTIFICATION`: control of a campaign that is under way."""

import uuid
from typing import Annotated

import typer

from ops.cli.asking import rate_of
from ops.cli.context import codec, reader
from ops.cli.controlling import write
from ops.cli.errors import NotFound
from ops.cli.output import AsJson, console, write_json
from ops.cli.producing import LogProducer
from ops.cli.status import NotificationId, absence
from ops.endpoints import Endpoints
from ops.fleet.settings import worker_settings
from schemas.clock import now_ms
from schemas.records import ControlCampaign

By = Annotated[str, typer.Option("--by", envvar="USER", help="Who asks; it is kept on the log.")]
Rate = Annotated[str, typer.Argument(metavar="RATE", help="Users a second over all partitions, as in `500/s`; `off`: no limit.")]
SAID = {
    "pause": "paused; who was handed to delivery before is sent",
    "resume": "goes on",
    "cancel": "cancelled; everyone who was not sent to before is told `cancelled`",
    "rate": "rate set",
}


def pause(notification: NotificationId, by: By = "", as_json: AsJson = False) -> None:
    """Let a campaign wait: nobody more is handed to delivery until it is resumed, for 90 days at most."""
    _control(notification, "pause", 0, by, as_json)


def resume(notification: NotificationId, by: By = "", as_json: AsJson = False) -> None:
    """Let a paused campaign go on where it stopped."""
    _control(notification, "resume", 0, by, as_json)


def cancel(notification: NotificationId, by: By = "", as_json: AsJson = False) -> None:
    """End a campaign: whoever was not sent to yet is told `cancelled`. It can't be taken back."""
    _control(notification, "cancel", 0, by, as_json)


def rate(notification: NotificationId, per_second: Rate, by: By = "", as_json: AsJson = False) -> None:
    """Slow a campaign down, or let it go as fast as it can."""
    _control(notification, "rate", rate_of(per_second), by, as_json)


def _control(notification: str, action: str, per_second: int, by: str, as_json: bool) -> None:
    endpoints = Endpoints.load()
    expanded = _expanded(notification, endpoints)
    command = ControlCampaign(
        notification_id=notification, command_id=str(uuid.uuid4()), action=action, per_second=per_second, by=by, at=now_ms()
    )
    with codec(endpoints) as wire:
        write(command, LogProducer(endpoints.kafka), wire, worker_settings().partitions)
    if as_json:
        write_json({"command": command, "expanded": expanded})
        return
    console().print(f"{notification}: {SAID[action]}", markup=False)
    if expanded:
        console().print("its audience is decided already: nobody is left whom this is about", markup=False)


def _expanded(notification: str, endpoints: Endpoints) -> bool:
    """Whether all of its audience is decided, as far as Cassandra knows. Raises NotFound when there is no such notification."""
    with reader(endpoints) as stored:
        if stored.header(notification) is not None:
            return stored.progress(notification).complete
    raise NotFound(absence(notification, endpoints))
