"""`carillon campaign`: one notification to an audience."""

from typing import Annotated

import typer

from ops.cli import options
from ops.cli.asking import NOW, Asked, duration_ms, names, schedule_of, variables
from ops.cli.carrying import carry_out
from ops.cli.errors import BadRequest
from ops.cli.output import AsJson
from ops.cli.overriding import overrides_of

EVENT_TYPE = "campaign"

Expression = Annotated[
    str | None,
    typer.Argument(metavar="[AUDIENCE]", help="An expression, as in `all` or `tag:vip and not platform:web`.", show_default=False),
]
Name = Annotated[str | None, typer.Option("--name", help="What analysts group by. Default: the template's name.")]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Print the id and go; `carillon status ID` shows how far it is.")]


def campaign(
    template: options.Template,
    audience: Expression = None,
    users_file: options.UsersFile = None,
    data: options.Data = None,
    name: Name = None,
    channel: options.Channels = None,
    category: options.Category = "promotional",
    priority: options.Priority = "low",
    expires: options.Expires = None,
    at: options.At = None,
    delay: options.Delay = None,
    at_local: options.AtLocal = None,
    overrides: options.OverridesFile = None,
    attach: options.Attach = None,
    key: options.Key = None,
    template_version: options.TemplateVersion = None,
    no_wait: NoWait = False,
    timeout: options.Timeout = 600.0,
    as_json: AsJson = False,
) -> None:
    """Send one notification to an audience, and show how far it is until every recipient has an outcome; not when it is for later."""
    if audience is not None and users_file is not None:
        raise BadRequest("an audience and --users-file: one of them")
    if not audience and users_file is None:
        raise BadRequest("the audience is empty: `all`, or an expression such as `tag:vip and platform:ios`; or --users-file")
    asked = Asked(
        event_type=EVENT_TYPE,
        template=template,
        category=category,
        priority=priority,
        expression=audience or "",
        campaign=name or template,
        channels=names(channel or []),
        data=variables(data or []),
        version=template_version,
        expires_after_ms=None if expires is None else duration_ms(expires),
        schedule=schedule_of(at, delay, at_local),
        overrides=overrides_of(overrides, attach or []),
    )
    carry_out(asked, key, wait=not no_wait and asked.schedule == NOW, timeout_s=timeout, as_json=as_json, users_file=users_file)
