"""What became of one notification, from its timeline rows. Pure."""

from collections.abc import Iterable
from typing import Any

import msgspec

from projections.cassandra.blobs import find, unpack
from projections.cassandra.lines import moment_ms
from schemas.topics import STATUS

Counts = dict[str, dict[str, int]]
"""Distinct recipients by channel, by status."""
DEFERRED = "deferred"
MAY_BE_REOPENED = ("failed", "unknown")


class Event(msgspec.Struct, frozen=True):
    """One status batch. `tally`: users by `status` or `status:reason`. The record is at (topic, partition, offset)."""

    at: int
    channel: str
    tally: dict[str, int]
    users: int
    provider: str
    attempt: int
    policy_version: str
    batch_id: str
    status_id: str
    topic: str
    partition: int
    offset: int
    caused_by_topic: str
    caused_by_partition: int
    caused_by_offset: int


class Why(msgspec.Struct, frozen=True):
    """One status of one user, with the record that says so."""

    status: str
    reason: str
    detail: str
    profile_offset: int
    provider_message_id: str
    event: Event


class Progress(msgspec.Struct, frozen=True):
    """How far an audience was expanded. `queued`, `suppressed`: recipients by channel; of those who were held neither."""

    users: int
    chunks: int
    complete: bool
    queued: dict[str, int]
    suppressed: dict[str, int]


def event_of(row: Any) -> Event:
    """A row of notification_events."""
    return Event(
        moment_ms(row.at), row.channel, dict(row.tally), row.users, row.provider, row.attempt, row.policy_version, row.batch_id,
        row.status_id, row.record_topic, row.partition, row.record_offset, row.caused_by_topic, row.caused_by_partition,
        row.caused_by_offset,
    )  # fmt: skip


def why(rows: Iterable[Any], user_id: str) -> list[Why]:
    """All that the rows say of a user, in order of time."""
    said = [Why(*it, event_of(row)) for row in rows for it in find(row.recipients, user_id)]
    return sorted(said, key=lambda it: (it.event.at, it.event.offset, it.status))


def add_counts(counts: Counts, rows: Iterable[Any]) -> None:
    """Add the recipients of one partition. Users of different partitions are different, so only one partition's are held at a time.

    Deferred are those of whom nothing else is known. What was told of those whom a replay reopened (a status that a status caused) is no
    end any more, whichever row comes first.
    """
    seen: dict[tuple[str, str], set[str]] = {}
    ends: dict[tuple[str, str, str], set[str]] = {}
    reopened: dict[str, set[str]] = {}
    for row in rows:
        columns = unpack(row.recipients)
        if row.caused_by_topic == STATUS:
            reopened.setdefault(row.batch_id, set()).update(columns.users)
        met = [_met(seen, ends, row, status) for status, _, _ in columns.outcomes]
        if len(met) == 1:
            met[0].update(columns.users)
            continue
        for user, k in zip(columns.users, columns.outcome_of, strict=True):
            met[k].add(user)
    for (channel, status, batch_id), users in ends.items():
        seen.setdefault((channel, status), set()).update(users - reopened.get(batch_id, set()))
    for (channel, status), users in seen.items():
        if status == DEFERRED:
            users.difference_update(*(others for place, others in seen.items() if place[0] == channel and place[1] != DEFERRED))
        if users:
            of_channel = counts.setdefault(channel, {})
            of_channel[status] = of_channel.get(status, 0) + len(users)


def _met(seen: dict[tuple[str, str], set[str]], ends: dict[tuple[str, str, str], set[str]], row: Any, status: str) -> set[str]:
    """Where the users of one outcome are noted: by batch, if it may be taken back."""
    if status in MAY_BE_REOPENED and row.batch_id:
        return ends.setdefault((row.channel, status, row.batch_id), set())
    return seen.setdefault((row.channel, status), set())


def progress(rows: Iterable[Any]) -> Progress:
    """The sum over the rows of notification_expansions."""
    users, chunks, finished, partitions = 0, 0, set(), 0
    queued: dict[str, int] = {}
    suppressed: dict[str, int] = {}
    for row in rows:
        users, chunks, partitions = users + row.users, chunks + 1, max(partitions, row.partitions)
        finished |= {row.partition} if row.last else set()
        _add(queued, row.queued)
        _add(suppressed, row.suppressed)
    return Progress(users, chunks, 0 < partitions <= len(finished), queued, suppressed)


def _add(total: dict[str, int], more: dict[str, int] | None) -> None:
    for name, number in (more or {}).items():
        total[name] = total.get(name, 0) + number
