"""Rows as they are read, back to history entries; and the two sources of a user's history merged into one, newest first. Pure."""

import base64
import heapq
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, NamedTuple

import msgspec

from projections.cassandra.blobs import find
from projections.cassandra.entries import MILESTONES, About, Cell, Entry, Key, Told, entry, join
from projections.cassandra.statements import DETAILS

Order = tuple[int, str, str]
"""Newest first: (-created_at, notification_id, channel), which is also the clustering order of both tables."""


class Line(NamedTuple):
    """A place in the order, and the entry that is there; None: a blob that says nothing of the user."""

    order: Order
    entry: Entry | None


def order_of(created_at: int, notification_id: str, channel: str) -> Order:
    return -created_at, notification_id, channel


def millis(moment: datetime | None) -> int | None:
    """Epoch ms of what the driver reads as a timestamp (naive, in UTC)."""
    return None if moment is None else round(moment.replace(tzinfo=UTC).timestamp() * 1000)


def moment_ms(moment: datetime) -> int:
    """The same for a column that is part of a key."""
    return round(moment.replace(tzinfo=UTC).timestamp() * 1000)


def about_of(row: Any) -> About:
    """The header columns of a row; empty where they have expired."""
    return About(
        row.event_type or "", row.campaign or "", row.category or "", row.priority or "", row.template_id or "", row.template_version or 0
    )  # fmt: skip


def line_of_row(row: Any) -> Line:
    """A row of notification_history."""
    key = Key(row.user_id, moment_ms(row.created_at), row.notification_id, row.channel)
    times = {status: at for status in MILESTONES if (at := millis(getattr(row, f"{status}_at"))) is not None}
    times |= {status: moment_ms(at) for status, at in (row.other_at or {}).items()}
    cells = {name: Cell(getattr(row, f"{name}_us"), value) for name in DETAILS if (value := getattr(row, name)) is not None}
    return Line(order_of(*key[1:]), Entry(key, about_of(row), times, cells))


def line_of_blob(row: Any, user_id: str) -> Line:
    """A row of campaign_outcomes, as far as it is about the user."""
    key = Key(user_id, moment_ms(row.created_at), row.notification_id, row.channel)
    about, at = about_of(row), moment_ms(row.at)
    joined: Entry | None = None
    for it in find(row.recipients, user_id):
        told = Told(
            it.status, it.reason, it.detail, at, row.status_id, row.provider, it.provider_message_id, row.attempt, it.profile_offset,
            row.policy_version,
        )  # fmt: skip
        new = entry(key, about, told)
        joined = new if joined is None else join(joined, new)
    return Line(order_of(*key[1:]), joined)


def merged(*sources: Iterable[Line]) -> Iterator[Entry]:
    """Entries in order, one per place. Reads no further into a source than the place it has come to."""
    for _, lines in groupby(heapq.merge(*sources, key=lambda line: line.order), key=lambda line: line.order):
        joined: Entry | None = None
        for line in lines:
            if line.entry is not None:
                joined = line.entry if joined is None else join(joined, line.entry)
        if joined is not None:
            yield joined


class BadCursor(ValueError):
    """A cursor that was not made here."""


def cursor_of(place: Order) -> str:
    """An opaque, URL-safe cursor: what follows this place."""
    raw = msgspec.json.encode(place)
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def read_cursor(cursor: str) -> Order:
    """The place a cursor names. Raises BadCursor."""
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        place: Order = msgspec.json.decode(raw, type=Order)
    except ValueError as error:
        raise BadCursor("not a cursor of this API") from error
    return place
