"""`carillon send`: one notification to named users."""

from typing import Annotated

import typer

from ops.cli import options
from ops.cli.asking import Asked, duration_ms, names, schedule_of, variables
from ops.cli.carrying import carry_out
from ops.cli.errors import BadRequest
from ops.cli.output import AsJson
from ops.cli.overriding import overrides_of

EVENT_TYPE = "direct"

Users = Annotated[list[str] | None, typer.Option("--user", "-u", help="May be repeated, or hold several with commas between.")]
Wait = Annotated[bool, typer.Option("--wait", help="Wait until every recipient has an outcome, and show them.")]


def send(
    template: options.Template,
    user: Users = None,
    users_file: options.UsersFile = None,
    data: options.Data = None,
    channel: options.Channels = None,
    category: options.Category = "transactional",
    priority: options.Priority = "normal",
    expires: options.Expires = None,
    at: options.At = None,
    delay: options.Delay = None,
    at_local: options.AtLocal = None,
    overrides: options.OverridesFile = None,
    attach: options.Attach = None,
    key: options.Key = None,
    template_version: options.TemplateVersion = None,
    wait: Wait = False,
    timeout: options.Timeout = 60.0,
    as_json: AsJson = False,
) -> None:
    """Send one notification to named users; prints its id. Everything is checked before anything is sent."""
    if (user is None) == (users_file is None):
        raise BadRequest("whom? --user, or --users-file: one of them")
    asked = Asked(
        event_type=EVENT_TYPE,
        template=template,
        category=category,
        priority=priority,
        users=names(user or []),
        channels=names(channel or []),
        data=variables(data or []),
        version=template_version,
        expires_after_ms=None if expires is None else duration_ms(expires),
        schedule=schedule_of(at, delay, at_local),
        overrides=overrides_of(overrides, attach or []),
    )
    carry_out(asked, key, wait=wait, timeout_s=timeout, as_json=as_json, users_file=users_file)
