"""A user's inbox from its three sources: rows, campaigns, and what was read. Pure."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from projections.cassandra.blobs import find
from projections.cassandra.lines import Order, millis, moment_ms, order_of
from projections.cassandra.status_rows import IN_APP, SHOWN


class Message(msgspec.Struct, frozen=True):
    """One in-app message. Times in epoch ms; `read_at` None: unread."""

    notification_id: str
    created_at: int
    template_id: str
    template_version: int
    category: str
    data: dict[str, str]
    expires_at: int | None
    read_at: int | None = None


def message_of_row(row: Any) -> Message:
    """A row of `inbox`."""
    return Message(
        row.notification_id, moment_ms(row.created_at), row.template_id, row.template_version, row.category, dict(row.data or {}),
        millis(row.expires_at),
    )  # fmt: skip


def message_of_blob(row: Any, user_id: str, not_before: int) -> Message | None:
    """A row of campaign_outcomes: a message if it was shown to the user at or after `not_before`. Its data is in the header."""
    if moment_ms(row.at) < not_before or not any(it.status in SHOWN for it in find(row.recipients, user_id)):
        return None
    created_at = moment_ms(row.created_at)
    return Message(row.notification_id, created_at, row.template_id, row.template_version, row.category, {}, millis(row.expires_at))


def visible(messages: Iterable[Message], reads: Mapping[str, datetime], now: int) -> list[Message]:
    """Newest first, each once, without the expired, with the time it was read."""
    # a row comes before a blob of the same notification: it has the data
    found: dict[Order, Message] = {}
    for message in messages:
        if message.expires_at is None or message.expires_at > now:
            found.setdefault(place_of(message), message)
    return [_read(found[place], reads) for place in sorted(found)]


def place_of(message: Message) -> Order:
    """Where a message stands: newest first."""
    return order_of(message.created_at, message.notification_id, IN_APP)


def _read(message: Message, reads: Mapping[str, datetime]) -> Message:
    return msgspec.structs.replace(message, read_at=millis(reads.get(message.notification_id)))
