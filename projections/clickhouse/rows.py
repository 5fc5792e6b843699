"""Records to Arrow tables, purely: what a record means as rows in ClickHouse. The columns are those of migrations/0001_tables.sql."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from projections.base import Item, Position
from projections.checks import storable, users_named
from projections.clickhouse.columns import TIME, Repeat, coded, counting, flat
from schemas.records import AudienceExpanded, NotificationRequested, StatusBatch

STATUS_EVENTS = "status_events"
NOTIFICATIONS = "notifications"
EXPANSIONS = "expansions"
_TEXTS = ("notification_id", "event_type", "source", "campaign", "template_id", "category", "priority")
_COUNTS = pa.map_(pa.string(), pa.uint32())


class Insert(NamedTuple):
    """Rows for one table."""

    table: str
    rows: Any


def inserts(items: Sequence[Item], max_rows: int) -> Iterator[Insert]:
    """What `items` insert, status events in tables of about `max_rows`. Records of other types insert nothing."""
    batches = [(it.record, it.position) for it in items if isinstance(it.record, StatusBatch) and it.record.users]
    for some in _parts(batches, max_rows):
        yield Insert(STATUS_EVENTS, status_events(some))
    # of a list in parts the first says how many all of them name
    requests = [(it.record, it.position) for it in items if isinstance(it.record, NotificationRequested) and not it.record.part]
    if requests:
        yield Insert(NOTIFICATIONS, notifications(requests))
    # people who were held and are released are in their chunk already
    chunks = [(it.record, it.position) for it in items if isinstance(it.record, AudienceExpanded) and not it.record.hold_id]
    if chunks:
        yield Insert(EXPANSIONS, expansions(chunks))


def status_events(batches: Sequence[tuple[StatusBatch, Position]]) -> Any:
    """One row per user of each batch."""
    records = [record for record, _ in batches]
    told = [record.notification for record in records]
    rows = [len(record.users) for record in records]
    repeat = Repeat(rows)
    columns = {
        "at": repeat.plain([record.at for record in records], TIME),
        **{name: repeat.text([getattr(it, name) for it in told]) for name in _TEXTS},
        "user_id": flat([record.users for record in records], pa.string()),
        "channel": repeat.text([record.channel for record in records]),
        **_outcomes(records),
        "provider": _providers(records, rows),
        "provider_message_id": flat([record.provider_message_ids or [""] * len(record.users) for record in records], pa.string()),
        "attempt": repeat.plain([min(max(record.attempt, 0), 65_535) for record in records], pa.uint16()),
        "template_version": repeat.plain([it.template_version for it in told], pa.int32()),
        "occurred_at": repeat.plain([it.occurred_at for it in told], TIME),
        "accepted_at": repeat.plain([it.accepted_at for it in told], TIME),
        "policy_version": repeat.text([record.policy_version for record in records]),
        "profile_offset": flat([record.profile_offsets for record in records], pa.int64()),
        "batch_id": repeat.text([record.batch_id for record in records]),
        "status_id": repeat.text([record.status_id for record in records]),
        **_positions(repeat, [position for _, position in batches]),
        "item": counting(rows),
    }
    return pa.table(columns)


def notifications(requests: Sequence[tuple[NotificationRequested, Position]]) -> Any:
    """One row per request."""
    told = [record.notification for record, _ in requests]
    repeat = Repeat([1] * len(told))
    columns = {
        **{name: repeat.text([getattr(it, name) for it in told]) for name in _TEXTS},
        "template_version": pa.array([it.template_version for it in told], pa.int32()),
        "channels": pa.array([it.channels for it in told], pa.list_(pa.string())),
        "data": pa.array([list(it.data.items()) for it in told], pa.map_(pa.string(), pa.string())),
        "occurred_at": pa.array([it.occurred_at for it in told], TIME),
        "accepted_at": pa.array([it.accepted_at for it in told], TIME),
        "expires_at": pa.array([storable(it.expires_at) for it in told], TIME),
        "audience_users": pa.array([users_named(record) for record, _ in requests], pa.uint32()),
        "audience_expression": repeat.text([record.audience.expression for record, _ in requests]),
        "idempotency_key": repeat.text([record.idempotency_key for record, _ in requests]),
        "rules_version": repeat.text([record.rules_version for record, _ in requests]),
        **_positions(repeat, [position for _, position in requests]),
    }
    return pa.table(columns)


def expansions(chunks: Sequence[tuple[AudienceExpanded, Position]]) -> Any:
    """One row per chunk."""
    records = [record for record, _ in chunks]
    repeat = Repeat([1] * len(records))
    columns = {
        "at": pa.array([it.at for it in records], TIME),
        "notification_id": repeat.text([it.notification_id for it in records]),
        "user_partition": pa.array([it.partition for it in records], pa.int32()),
        "chunk": pa.array([it.chunk for it in records], pa.int32()),
        "partitions": pa.array([it.partitions for it in records], pa.int32()),
        "last": pa.array([it.last for it in records], pa.bool_()),
        "users": pa.array([max(it.users, 0) for it in records], pa.uint32()),
        "queued": pa.array([_counts(it.queued) for it in records], _COUNTS),
        "suppressed": pa.array([_counts(it.suppressed) for it in records], _COUNTS),
        "fanout_offset": pa.array([it.fanout_offset for it in records], pa.int64()),
        **_positions(repeat, [position for _, position in chunks]),
    }
    return pa.table(columns)


def _providers(records: Sequence[StatusBatch], rows: Sequence[int]) -> Any:
    """Who was called for each user: one for the whole batch, or one of several."""
    names = [record.providers or [record.provider] for record in records]
    starts = np.cumsum([0, *map(len, names)])[:-1]
    columns = [
        np.asarray(record.provider_of, np.int32) if record.provider_of else np.zeros(count, np.int32)
        for record, count in zip(records, rows, strict=True)
    ]
    index = np.concatenate([column + start for column, start in zip(columns, starts, strict=True)]).astype(np.int32)
    return coded(list(chain.from_iterable(names)), pa.array(index))


def _outcomes(records: Sequence[StatusBatch]) -> dict[str, Any]:
    """status, reason and detail of each row: all outcomes in one list, the batches' indices moved to where theirs begin."""
    outcomes = list(chain.from_iterable(record.outcomes for record in records))
    begins = np.cumsum([0, *(len(record.outcomes) for record in records)])[:-1]
    index = np.concatenate([np.asarray(record.outcome_of, dtype=np.int64) + at for record, at in zip(records, begins, strict=True)])
    return {name: coded([getattr(it, name) for it in outcomes], pa.array(index)) for name in ("status", "reason", "detail")}


def _positions(repeat: Repeat, positions: Sequence[Position]) -> dict[str, Any]:
    return {
        "topic": repeat.text([it.topic for it in positions]),
        "partition": repeat.plain([it.partition for it in positions], pa.int32()),
        "offset": repeat.plain([it.offset for it in positions], pa.int64()),
    }


def _counts(by_channel: dict[str, int]) -> list[tuple[str, int]]:
    return [(channel, max(number, 0)) for channel, number in sorted(by_channel.items())]


def _parts(batches: Iterable[tuple[StatusBatch, Position]], max_rows: int) -> Iterator[list[tuple[StatusBatch, Position]]]:
    part: list[tuple[StatusBatch, Position]] = []
    rows = 0
    for batch in batches:
        if part and rows + len(batch[0].users) > max_rows:
            yield part
            part, rows = [], 0
        part.append(batch)
        rows += len(batch[0].users)
    if part:
        yield part
