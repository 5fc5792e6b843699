"""What `send` and `campaign` do with what was asked for: check it, send it, wait for it when that is wanted, and say what came of it."""

from collections.abc import Iterable
from dataclasses import replace

import typer

from ops.cli import requesting
from ops.cli.asking import Asked, fitting
from ops.cli.listing import listed
from ops.cli.output import console, write_json
from ops.cli.progress import bar, summary
from ops.cli.tally import Tally
from ops.endpoints import Endpoints
from providers.catalogue import Templates
from schemas.records import Audience, NotificationRequested


def carry_out(asked: Asked, key: str | None, *, wait: bool, timeout_s: float, as_json: bool, users_file: str | None = None) -> None:
    """Raises BadRequest, GaveUp, OSError. What was asked for before is asked for again, which changes nothing, and not waited for.

    `users_file`: who is to be told, instead of whom `asked` names; `-`: stdin.
    """
    if users_file is None:
        _carry_out(asked, key, (), wait=wait, timeout_s=timeout_s, as_json=as_json)
        return
    with listed(users_file, fitting(asked, Templates.load())) as listing:
        if listing.lines > listing.users:
            typer.echo(f"{listing.lines:,} lines name {listing.users:,} users: each is told once", err=True)
        parts = listing.parts()
        first = next(parts)
        in_all = listing.users if listing.users > len(first.users) else 0
        begun = replace(asked, users=first.users, own=first.data, users_in_all=in_all)
        _carry_out(begun, key, parts, wait=wait, timeout_s=timeout_s, as_json=as_json)


def _carry_out(asked: Asked, key: str | None, rest: Iterable[Audience], *, wait: bool, timeout_s: float, as_json: bool) -> None:
    endpoints = Endpoints.load()
    request, repeated = requesting.prepare(asked, key, endpoints)
    notification_id = request.notification.notification_id
    if wait and not repeated:
        _show(notification_id, _watched(asked, request, rest, endpoints, timeout_s), as_json)
        return
    requesting.send(requesting.parts_of(request, rest), endpoints)
    if as_json:
        write_json({"notification_id": notification_id, "repeated": repeated})
    else:
        typer.echo(notification_id)


def _watched(asked: Asked, request: NotificationRequested, rest: Iterable[Audience], endpoints: Endpoints, timeout_s: float) -> Tally:
    with bar(asked.campaign or asked.template) as show:
        return requesting.send_and_watch(request, endpoints, timeout_s, show, rest)


def _show(notification_id: str, tally: Tally, as_json: bool) -> None:
    if as_json:
        write_json({"notification_id": notification_id, "repeated": False, "users": tally.users, "channels": tally.counts})
    else:
        console().print(summary(notification_id, tally))
