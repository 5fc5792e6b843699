"""`carillon send`: one notification to named users."""

from typing import Annotated

import typer

from ops.cli import options, requesting
from ops.cli.asking import Asked, duration_ms, names, variables
from ops.cli.output import AsJson, console, write_json
from ops.cli.progress import bar, summary
from ops.endpoints import Endpoints

EVENT_TYPE = "direct"

Users = Annotated[list[str], typer.Option("--user", "-u", help="May be repeated, or hold several with commas between.")]
Wait = Annotated[bool, typer.Option("--wait", help="Wait until every recipient has an outcome, and show them.")]


def send(
    template: options.Template,
    user: Users,
    data: options.Data = None,
    channel: options.Channels = None,
    category: options.Category = "transactional",
    priority: options.Priority = "normal",
    expires: options.Expires = None,
    key: options.Key = None,
    template_version: options.TemplateVersion = None,
    wait: Wait = False,
    timeout: options.Timeout = 60.0,
    as_json: AsJson = False,
) -> None:
    """Send one notification to named users; prints its id. Everything is checked before anything is sent."""
    asked = Asked(
        event_type=EVENT_TYPE,
        template=template,
        category=category,
        priority=priority,
        users=names(user),
        channels=names(channel or []),
        data=variables(data or []),
        version=template_version,
        expires_after_ms=None if expires is None else duration_ms(expires),
    )
    endpoints = Endpoints.load()
    request, repeated = requesting.prepare(asked, key, endpoints)
    notification_id = request.notification.notification_id
    if wait and not repeated:
        with bar(template) as show:
            tally = requesting.send_and_watch(request, endpoints, timeout, show)
        if as_json:
            write_json({"notification_id": notification_id, "users": tally.users, "channels": tally.counts})
        else:
            console().print(summary(notification_id, tally))
        return
    requesting.send(request, endpoints)
    if as_json:
        write_json({"notification_id": notification_id, "repeated": repeated})
    else:
        typer.echo(notification_id)
