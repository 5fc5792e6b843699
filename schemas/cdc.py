"""A Debezium record of a changed row, with and without its envelope, as one thing. Pure.

Reads rows in their envelope (before, after, op, source), and rows unwrapped by ExtractNewRecordState with
`add.fields=op,source.lsn,source.ts_ms` and `delete.tombstone.handling.mode=rewrite`.
Source: https://debezium.io/documentation/reference/3.3/connectors/postgresql.html#postgresql-events
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from schemas.errors import RecordRefused

Row = Mapping[str, Any]
MAX_LSN = 2**61 - 1
_STEPS = 4
_STEP = {"r": 0, "d": 1, "c": 2, "u": 2}
"""By operation: what a snapshot read may share its LSN with the first change after it; a row whose key changes is deleted and created at
one LSN."""


class RowInvalid(RecordRefused):
    """A change that says too little, or a column of another type than the mapping expects."""

    reason = "row_invalid"


class RowChange(NamedTuple):
    """One change of one row."""

    source: str
    """Whose changes it is one of; `cdc:<table>`."""
    row: Row
    """As it is now; of a deleted one what Postgres logged: its key, or all."""
    before: Row
    """As it was before, if Postgres logged that (`replica identity full`)."""
    deleted: bool
    position: int
    """Its order among the changes of the row: four times the LSN, and a step by operation for those that share one."""
    occurred_at: int
    """When the transaction was committed, or the snapshot taken; epoch ms."""

    def column(self, name: str, read: Callable[[Any], Any]) -> Any:
        """What `read` makes of a column. Raises RowInvalid when it is not there or `read` raises TypeError or ValueError."""
        if name not in self.row:
            raise RowInvalid(f"{self.source}: no column {name!r}")
        try:
            return read(self.row[name])
        except (TypeError, ValueError) as error:
            raise RowInvalid(f"{self.source}: column {name!r}: {error}") from error


def row_change(source: str, value: Row) -> RowChange:
    """The change in a decoded record of the CDC topic of the table `source`. Raises RowInvalid."""
    return _enveloped(source, value) if "op" in value and isinstance(value.get("source"), Mapping) else _unwrapped(source, value)


def _enveloped(source: str, value: Row) -> RowChange:
    before, operation, origin = value.get("before"), value["op"], value["source"]
    row = before if operation == "d" else value.get("after")
    if not isinstance(operation, str) or operation not in _STEP or not isinstance(row, Mapping):
        raise RowInvalid(f"{source}: operation {operation!r} without a row")
    at = value.get("ts_ms") if origin.get("ts_ms") is None else origin["ts_ms"]
    return _change(source, operation, row, before if isinstance(before, Mapping) else {}, origin.get("lsn"), at)


def _unwrapped(source: str, value: Row) -> RowChange:
    operation = "d" if value.get("__deleted") in ("true", True) else value.get("__op")
    if not isinstance(operation, str) or operation not in _STEP:
        raise RowInvalid(f"{source}: operation {operation!r} without a row; the connector must keep op")
    at = value.get("__ts_ms") if value.get("__source_ts_ms") is None else value["__source_ts_ms"]
    return _change(source, operation, value, {}, value.get("__source_lsn"), at)


def _change(source: str, operation: str, row: Row, before: Row, lsn: Any, at: Any) -> RowChange:
    if not isinstance(lsn, int) or not 0 <= lsn <= MAX_LSN:
        raise RowInvalid(f"{source}: no position; the connector must keep source.lsn")
    if not isinstance(at, int):
        raise RowInvalid(f"{source}: no time; the connector must keep source.ts_ms")
    return RowChange(source, row, before, operation == "d", _STEPS * lsn + _STEP[operation], at)
