"""`carillon inbox USER`: what a user finds in the app."""

from typing import Annotated, Any

import msgspec
import typer

from ops.cli.context import reader
from ops.cli.output import AsJson, console, table, write_json
from ops.cli.times import clock
from ops.endpoints import Endpoints
from projections.cassandra.inboxes import Message
from providers.catalogue import Templates
from providers.errors import ProviderError

User = Annotated[str, typer.Argument(metavar="USER")]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, max=1000)]
Cursor = Annotated[str, typer.Option("--cursor", help="What `next_cursor` said: the page after that.")]
Language = Annotated[str, typer.Option("--language", help="In which the messages are shown.")]
MarkRead = Annotated[bool, typer.Option("--mark-read", help="Mark what is shown as read.")]


def inbox(
    user: User, limit: Limit = 20, cursor: Cursor = "", language: Language = "en", mark_read: MarkRead = False, as_json: AsJson = False
) -> None:
    """A user's in-app messages, newest first."""
    with reader(Endpoints.load()) as stored:
        page = stored.inbox(user, limit, cursor)
        if mark_read:
            stored.mark_read(user, [message.notification_id for message in page.messages])
    templates = Templates.load()
    shown = [rendered(message, templates, language) for message in page.messages]
    if as_json:
        write_json({"messages": shown, "unread_count": page.unread_count, "next_cursor": page.next_cursor})
        return
    rows = [(clock(one["created_at"]), "" if one["read_at"] else "new", one["title"], one["body"], one["notification_id"]) for one in shown]
    title = f"{user}: {page.unread_count} unread"
    console().print(table(title, ("when (UTC)", "", "title", "message", "notification"), rows) if rows else f"{user}: nothing")


def rendered(message: Message, templates: Templates, language: str) -> dict[str, Any]:
    """A message with its words in a language; in place of the words what keeps them from being rendered."""
    try:
        content = templates.render(message.template_id, "in_app", language, message.data, version=message.template_version)
        words = {"title": content.title, "body": content.body}
    except ProviderError as error:
        words = {"title": message.template_id, "body": f"can't be shown: {error}"}
    return {**msgspec.to_builtins(message), **words}
