"""What the ledger of one partition says: which recipients were under an intent when, and how each batch ended. Pure."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from ops.audit.model import Entry, Place
from ops.audit.report import Findings
from schemas.records import LedgerEntry, StatusBatch

COLUMNS = (
    "outcomes",
    "outcome_of",
    "provider_message_ids",
    "profile_offsets",
    "provider",
    "providers",
    "provider_of",
    "attempt",
    "finished_at",
    "source_offset",
)


class Intent(NamedTuple):
    """Recipients [start, stop) may be sent to from `timestamp` (epoch ms) on."""

    start: int
    stop: int
    timestamp: int
    place: Place


class Account:
    """All entries of one batch, the last of them as digests of its columns."""

    __slots__ = ("attempt", "columns", "done", "finished", "intended", "intents", "last", "left_open")

    def __init__(self) -> None:
        self.intents: list[Intent] = []
        self.columns: tuple[int, ...] = ()
        self.last: Entry | None = None
        self.left_open: list[range] = []
        """Recipients who were under an intent without a result when a further attempt began."""
        self.attempt = self.intended = self.done = 0
        self.finished = False

    def intent_for(self, index: int) -> Intent | None:
        """The last intent that covers a recipient."""
        return next((one for one in reversed(self.intents) if one.start <= index < one.stop), None)

    def in_doubt(self, index: int) -> bool:
        """Whether an attempt that left no result may have reached a recipient."""
        return any(index in some for some in self.left_open)

    def begin(self, told: LedgerEntry) -> None:
        """Note who was left open, if an entry is of a further attempt than the one before it."""
        if told.attempt > self.attempt and self.intended > self.done:
            self.left_open.append(range(self.done, self.intended))
        self.attempt, self.intended, self.done = told.attempt, told.intended, told.done


class Ledger:
    """Accounts by batch. `provable`: nothing was removed from the topic, so an intent that is not there was never written."""

    def __init__(self, findings: Findings, low: int = 0) -> None:
        self._findings = findings
        self._next = low
        self.accounts: dict[str, Account] = {}
        self.provable = low == 0
        self.intending: set[str] = set()
        """Providers that are called only after an intent: one of theirs was seen."""

    def note(self, entry: Entry) -> None:
        """A record of the ledger, in the log's order."""
        self.provable = self.provable and entry.place.offset == self._next
        self._next = entry.place.offset + 1
        told = self._findings.read(entry, LedgerEntry, "a ledger entry")
        if told is None:
            return
        batch = entry.key.decode(errors="replace")
        account = self.accounts.setdefault(batch, Account())
        self._check(batch, account, told, entry)
        if told.intended > told.done:
            self.intending |= {told.provider, *told.providers} - {""}
            account.intents.append(Intent(told.done, told.intended, entry.timestamp, entry.place))
        columns = columns_of(told) if told.finished_at is not None else ()
        if account.finished and columns != account.columns:
            self._findings.blame("ledger_changed", f"batch {batch} was finished before, and otherwise", entry.place)
        account.finished, account.columns = account.finished or bool(columns), columns or account.columns
        # the columns are in the digests: a million recipients' would not fit
        account.last = entry._replace(record=None)
        account.begin(told)

    def _check(self, batch: str, account: Account, told: LedgerEntry, entry: Entry) -> None:
        uneven = len(told.outcome_of) != told.done or len(told.profile_offsets) != told.done
        uneven = uneven or len(told.provider_of) not in (0, told.intended)
        if uneven or told.done > told.intended or (told.finished_at is not None and told.done != told.intended):
            what = f"batch {batch}: {told.intended} intended, {told.done} done, {len(told.outcome_of)} results"
            self._findings.blame("ledger_uneven", what, entry.place)
        if told.done < account.done:
            self._findings.blame("ledger_backwards", f"batch {batch}: {told.done} done after {account.done}", entry.place)


def columns_of(told: LedgerEntry) -> tuple[int, ...]:
    """Digests of what a finished entry says, in the order of COLUMNS."""
    return tuple(_digest(getattr(told, name)) for name in COLUMNS)


def columns_of_status(told: StatusBatch) -> tuple[int, ...]:
    """The same of a status: where it agrees with the entry, they are equal."""
    names = (*COLUMNS[:8], "at", "caused_by_offset")
    return tuple(_digest(getattr(told, name)) for name in names)


def differing(one: Sequence[int], other: Sequence[int]) -> list[str]:
    """The names of the columns that differ."""
    return [name for name, left, right in zip(COLUMNS, one, other, strict=True) if left != right]


def _digest(value: Any) -> int:
    return hash(tuple(value)) if isinstance(value, list) else hash(value)
