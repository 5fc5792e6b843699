"""Cassandra's rule in memory: of each cell the newest write stays, of equally new ones the greater bytes. For lines and blobs only."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from projections.cassandra.entries import MILESTONES, Entry
from projections.cassandra.lines import line_of_blob, line_of_row, merged
from projections.cassandra.policy import Write
from projections.cassandra.statements import DETAILS, INBOX, OUTCOMES
from schemas.partition import bucket_of

ABOUT = ("event_type", "campaign", "category", "priority", "template_id", "template_version")
OUTCOME_COLUMNS = (
    "bucket", "month", "created_at", "notification_id", "channel", "status_id", *ABOUT, "expires_at", "provider", "attempt",
    "policy_version", "at", "users", "recipients",
)  # fmt: skip


def moment(ms: int) -> datetime:
    """As the driver reads a timestamp: naive, in UTC."""
    return datetime.fromtimestamp(ms / 1000, UTC).replace(tzinfo=None)


def order(value: Any) -> bytes:
    if isinstance(value, str):
        return value.encode()
    return value if isinstance(value, bytes) else int(value).to_bytes(8, "big", signed=True)


class Store:
    """What the writes leave behind."""

    def __init__(self, writes: Iterable[Write] = ()) -> None:
        self.lines: dict[tuple[Any, ...], dict[str, tuple[int, Any]]] = {}
        self.blobs: dict[tuple[Any, ...], dict[str, tuple[int, Any]]] = {}
        self.inbox: set[tuple[str, str]] = set()
        for write in writes:
            self.apply(write)

    def apply(self, write: Write) -> None:
        if write.statement.startswith("history."):
            self._line(write)
        elif write.statement == OUTCOMES:
            *columns, us, _ = write.values
            self._merge(self.blobs.setdefault(tuple(columns[:6]), {}), us, dict(zip(OUTCOME_COLUMNS, columns, strict=True)))
        elif write.statement == INBOX:
            self.inbox.add((write.values[0], write.values[2]))

    def history(self, user_id: str) -> list[Entry]:
        """As the reader merges it."""
        own = sorted((line_of_row(row) for row in self._rows(user_id)), key=lambda line: line.order)
        blobs = sorted((line_of_blob(row, user_id) for row in self._outcomes(user_id)), key=lambda line: line.order)
        return list(merged(own, blobs))

    def _line(self, write: Write) -> None:
        us, _, *rest = write.values
        values = dict(zip((*ABOUT, *DETAILS), rest[:14], strict=True))
        status = write.statement.removeprefix("history.")
        times = rest[14] if status == "other" else {status: rest[14]}
        cells = values | {f"at:{name}": at for name, at in times.items()}
        self._merge(self.lines.setdefault(tuple(rest[15:]), {}), us, cells)

    def _merge(self, cells: dict[str, tuple[int, Any]], us: int, values: dict[str, Any]) -> None:
        for name, value in values.items():
            if value is not None:
                new = (us, value)
                cells[name] = max(new, cells.get(name, new), key=lambda it: (it[0], order(it[1])))

    def _rows(self, user_id: str) -> Iterator[SimpleNamespace]:
        for (user, created_at, notification_id, channel), cells in self.lines.items():
            if user == user_id:
                times = {name[3:]: moment(at) for name, (_, at) in cells.items() if name.startswith("at:")}
                yield SimpleNamespace(
                    user_id=user, created_at=moment(created_at), notification_id=notification_id, channel=channel,
                    other_at={name: at for name, at in times.items() if name not in MILESTONES},
                    **{f"{name}_at": times.get(name) for name in MILESTONES},
                    **{name: cells[name][1] if name in cells else None for name in (*ABOUT, *DETAILS)},
                    **{f"{name}_us": cells[name][0] if name in cells else None for name in DETAILS},
                )  # fmt: skip

    def _outcomes(self, user_id: str) -> Iterator[SimpleNamespace]:
        for cells in self.blobs.values():
            values = {name: value for name, (_, value) in cells.items()}
            if values["bucket"] == bucket_of(user_id):
                yield SimpleNamespace(
                    **values | {"created_at": moment(values["created_at"]), "at": moment(values["at"]), "expires_at": None}
                )
