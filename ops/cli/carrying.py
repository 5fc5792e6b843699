"""What `send` and `campaign` do with what was asked for: check it, send it, wait for it when that is wanted, and say what came of it."""

import typer

from ops.cli import requesting
from ops.cli.asking import Asked
from ops.cli.output import console, write_json
from ops.cli.progress import bar, summary
from ops.cli.tally import Tally
from ops.endpoints import Endpoints
from schemas.records import NotificationRequested


def carry_out(asked: Asked, key: str | None, *, wait: bool, timeout_s: float, as_json: bool) -> None:
    """Raises BadRequest, GaveUp. A request that was made before is made again, which changes nothing, and not waited for."""
    endpoints = Endpoints.load()
    request, repeated = requesting.prepare(asked, key, endpoints)
    notification_id = request.notification.notification_id
    if wait and not repeated:
        _show(notification_id, _watched(asked, request, endpoints, timeout_s), as_json)
        return
    requesting.send(request, endpoints)
    if as_json:
        write_json({"notification_id": notification_id, "repeated": repeated})
    else:
        typer.echo(notification_id)


def _watched(asked: Asked, request: NotificationRequested, endpoints: Endpoints, timeout_s: float) -> Tally:
    with bar(asked.campaign or asked.template) as show:
        return requesting.send_and_watch(request, endpoints, timeout_s, show)


def _show(notification_id: str, tally: Tally, as_json: bool) -> None:
    if as_json:
        write_json({"notification_id": notification_id, "repeated": False, "users": tally.users, "channels": tally.counts})
    else:
        console().print(summary(notification_id, tally))
