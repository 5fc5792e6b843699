"""One line of a user's history, as a value that only grows: joining is commutative, associative and idempotent (a join-semilattice).

So statuses may come in any order, more than once, from a row per user or from a blob, and the line is the same. The rows in Cassandra
hold exactly these cells under exactly these write times, so the store's own last-write-wins is the same join.
"""

from typing import NamedTuple
from zlib import crc32

import msgspec

Value = str | int

MILESTONES = (
    "queued", "deferred", "unknown", "shed", "cancelled", "expired", "suppressed", "failed", "sent", "bounced", "delivered", "opened",
    "clicked", "complained",
)  # fmt: skip
"""Statuses with a column of their own, in the order that breaks ties: of two at the same ms the later in this list is the newer."""

_RANK = {status: rank for rank, status in enumerate(MILESTONES)}
_SLOTS = 60  # 15 ranks of 60 slots fit into the 1000 us of a millisecond


class Key(NamedTuple):
    """What a line is about. `created_at`: when the notification was accepted, epoch ms."""

    user_id: str
    created_at: int
    notification_id: str
    channel: str


class About(NamedTuple):
    """What a line says of its notification, whatever became of it."""

    event_type: str
    campaign: str
    category: str
    priority: str
    template_id: str
    template_version: int


class Told(NamedTuple):
    """One status of one user. `profile_offset` -1, `attempt` 0 and empty texts: not known."""

    status: str
    reason: str
    detail: str
    at: int
    status_id: str
    provider: str = ""
    provider_message_id: str = ""
    attempt: int = 0
    profile_offset: int = -1
    policy_version: str = ""


class Cell(NamedTuple):
    """A value and its write time (us since the epoch)."""

    written_us: int
    value: Value


class Entry(msgspec.Struct, frozen=True):
    """A line of history. `milestones`: by status, epoch ms of its latest occurrence; `details`: by column, the newest known value."""

    key: Key
    about: About
    milestones: dict[str, int]
    details: dict[str, Cell]


def written_us(at: int, status: str, status_id: str) -> int:
    """The write time of a status: its time, then its rank, then a digest, so that two different statuses (almost) never tie."""
    rank = _RANK.get(status, len(MILESTONES))
    return at * 1000 + rank * _SLOTS + crc32(status_id.encode()) % _SLOTS


def details(told: Told) -> dict[str, Value]:
    """What a status writes: always what happened and why; who carried it and what it was decided on only where that is known."""
    known: dict[str, Value] = {"status": told.status, "reason": told.reason, "detail": told.detail}
    if told.provider:
        known["provider"] = told.provider
    if told.provider_message_id:
        known["provider_message_id"] = told.provider_message_id
    if told.attempt > 0:
        known["attempt"] = told.attempt
    if told.profile_offset >= 0:
        known["profile_offset"] = told.profile_offset
    if told.policy_version:
        known["policy_version"] = told.policy_version
    return known


def entry(key: Key, about: About, told: Told) -> Entry:
    """The line that one status alone makes."""
    us = written_us(told.at, told.status, told.status_id)
    return Entry(key, about, {told.status: told.at}, {name: Cell(us, value) for name, value in details(told).items()})


def join(one: Entry, other: Entry) -> Entry:
    """Both lines in one; they must have the same key."""
    milestones = dict(one.milestones)
    for status, at in other.milestones.items():
        milestones[status] = max(at, milestones.get(status, at))
    cells = dict(one.details)
    for name, cell in other.details.items():
        cells[name] = max(cell, cells.get(name, cell), key=_order)
    return Entry(one.key, max(one.about, other.about), milestones, cells)


def _order(cell: Cell) -> tuple[int, bytes]:
    # at equal write times Cassandra keeps the greater bytes
    value = cell.value
    return cell.written_us, value.encode() if isinstance(value, str) else value.to_bytes(8, "big", signed=True)
