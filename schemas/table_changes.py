"""From Debezium's record of a changed row to a change of a profile: a mapping that is data, and one function. Pure.

Reads rows in their envelope (before, after, op, source), and rows unwrapped by ExtractNewRecordState with
`add.fields=op,source.lsn,source.ts_ms` and `delete.tombstone.handling.mode=rewrite`.
Source: https://debezium.io/documentation/reference/3.3/connectors/postgresql.html#postgresql-events
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

import msgspec

from schemas.columns import READERS, epoch_ms, minute_of_day
from schemas.errors import RecordRefused
from schemas.records import Profile, ProfileChanged, QuietHours
from schemas.topics import CHANNELS

Row = Mapping[str, Any]

UNAVAILABLE = "__debezium_unavailable_value"
"""Stands where Postgres did not log a large value because it had not changed."""
NO_QUIET_HOURS = QuietHours(0, 0)
"""An empty window. ProfileChanged reads null as unchanged, so "none" needs a value of its own."""
_DEFAULTS = Profile(user_id="", channels=list(CHANNELS), updated_at=0, applied_offset=0)


class RowInvalid(RecordRefused):
    """A change that says too little, or a column of another type than the mapping expects."""

    reason = "row_invalid"


class TableMapping(msgspec.Struct, frozen=True, kw_only=True):
    """How the rows of one table, one row a user, change profiles. Fields and columns that are not named are left alone."""

    source: str
    """`cdc:<table>`: positions are compared within it."""
    user_id: str
    """The column that says whose row it is; part of the primary key, or the table has `replica identity full`."""
    fields: dict[str, str] = {}
    """Profile field -> column. `devices`: TEXT[] of `platform:token`."""
    quiet_hours: tuple[str, str] | None = None
    """The two TIME columns of the window; NULL in either: no quiet hours."""
    occurred_at: str = ""
    """A TIMESTAMPTZ column; empty: the time of the transaction."""
    on_delete: Literal["user_gone", "reset"] = "reset"
    """What a deleted row means: the user is gone, or the mapped fields are back at their defaults."""

    def __post_init__(self) -> None:
        if unknown := self.fields.keys() - READERS.keys():
            raise ValueError(f"{self.source}: no such profile field: {', '.join(sorted(unknown))}")


class _Change(NamedTuple):
    row: Row
    deleted: bool
    position: Any
    at: Any


def profile_change(mapping: TableMapping, value: Row | None) -> ProfileChanged | None:
    """The change in a decoded record of a CDC topic; None for a tombstone, which only repeats the delete before it. Raises RowInvalid."""
    if value is None:
        return None
    change = _enveloped(value) if "op" in value and isinstance(value.get("source"), Mapping) else _unwrapped(value)
    if change is None:
        raise RowInvalid(f"{mapping.source}: operation {value.get('op') or value.get('__op')!r} without a row")
    gone = change.deleted and mapping.on_delete == "user_gone"
    return ProfileChanged(
        user_id=_user_id(mapping, change.row),
        source=mapping.source,
        source_position=_integer(mapping, change.position, "position; the connector must keep source.lsn or source.ts_ms"),
        occurred_at=_occurred_at(mapping, change),
        deleted=gone,
        **({} if gone else _reset(mapping) if change.deleted else _fields(mapping, change.row)),
    )


def _enveloped(value: Row) -> _Change | None:
    deleted = value["op"] == "d"
    row = value.get("before" if deleted else "after")
    if value["op"] not in ("c", "r", "u", "d") or not isinstance(row, Mapping):
        return None
    source = value["source"]
    return _Change(row, deleted, _first(source.get("lsn"), source.get("ts_ms")), _first(source.get("ts_ms"), value.get("ts_ms")))


def _unwrapped(value: Row) -> _Change | None:
    operation = value.get("__op") or "u"
    if operation not in ("c", "r", "u", "d"):
        return None
    lsn, ts_ms = value.get("__source_lsn"), value.get("__source_ts_ms")
    return _Change(
        value, operation == "d" or value.get("__deleted") in ("true", True), _first(lsn, ts_ms), _first(ts_ms, value.get("__ts_ms"))
    )


def _first(preferred: Any, other: Any) -> Any:
    return other if preferred is None else preferred


def _user_id(mapping: TableMapping, row: Row) -> str:
    user_id = row.get(mapping.user_id)
    if not isinstance(user_id, str | int) or isinstance(user_id, bool) or user_id == "":
        raise RowInvalid(f"{mapping.source}: column {mapping.user_id!r} is no user id: {user_id!r}")
    return str(user_id)


def _occurred_at(mapping: TableMapping, change: _Change) -> int:
    if mapping.occurred_at and not change.deleted:
        return int(_column(mapping, change.row, mapping.occurred_at, epoch_ms))
    return _integer(mapping, change.at, "time; the connector must keep source.ts_ms")


def _integer(mapping: TableMapping, value: Any, what: str) -> int:
    if not isinstance(value, int):
        raise RowInvalid(f"{mapping.source}: no {what}")
    return value


def _fields(mapping: TableMapping, row: Row) -> dict[str, Any]:
    """Profile field -> new value. NULL is the field's default; a value that Postgres did not log is unchanged."""
    found: dict[str, Any] = {}
    for field, column in mapping.fields.items():
        if column in row and row[column] is None:
            found[field] = getattr(_DEFAULTS, field)
        elif row.get(column) not in (UNAVAILABLE, [UNAVAILABLE]):
            found[field] = _column(mapping, row, column, READERS[field])
    if mapping.quiet_hours:
        found["quiet_hours"] = _quiet_hours(mapping, row, *mapping.quiet_hours)
    return found


def _quiet_hours(mapping: TableMapping, row: Row, start: str, end: str) -> QuietHours:
    minutes = [_column(mapping, row, column, lambda v: v if v is None else minute_of_day(v)) for column in (start, end)]
    return NO_QUIET_HOURS if None in minutes else QuietHours(*minutes)


def _reset(mapping: TableMapping) -> dict[str, Any]:
    quiet_hours = {"quiet_hours": NO_QUIET_HOURS} if mapping.quiet_hours else {}
    return {field: getattr(_DEFAULTS, field) for field in mapping.fields} | quiet_hours


def _column(mapping: TableMapping, row: Row, column: str, read: Callable[[Any], Any]) -> Any:
    if column not in row:
        raise RowInvalid(f"{mapping.source}: no column {column!r}")
    try:
        return read(row[column])
    except (TypeError, ValueError) as error:
        raise RowInvalid(f"{mapping.source}: column {column!r}: {error}") from error
