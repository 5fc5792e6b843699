"""Whom a replay reopened: had they an end that may be taken back, once? Pure."""

from collections import Counter

from ops.audit.holds import DEFERRED, Holds
from ops.audit.model import Entry, Terms
from ops.audit.report import Findings
from schemas import ids
from schemas.records import StatusBatch
from schemas.topics import STATUS

MAY_BE_REOPENED = ("failed", "unknown")
REPLAYED = "replayed"


class Reopened:
    """Of one partition, in the log's order."""

    def __init__(self, terms: Terms, findings: Findings, holds: Holds) -> None:
        self._terms, self._findings, self._holds = terms, findings, holds
        self._ends: dict[int, tuple[str, dict[str, str]]] = {}
        """By offset of a status: its batch, and the users whose end may be taken back, with that end."""
        self._times: Counter[str] = Counter()

    def note(self, told: StatusBatch, entry: Entry) -> None:
        """A status of a batch."""
        rows = zip(told.users, told.outcome_of, strict=True)
        ends = {user: told.outcomes[number].status for user, number in rows if told.outcomes[number].status in MAY_BE_REOPENED}
        if ends:
            self._ends[entry.place.offset] = told.batch_id, ends

    def again(self, first: int, offset: int) -> None:
        """A status was written again: it is the same at either place."""
        if first in self._ends:
            self._ends[offset] = self._ends[first]

    def reopen(self, told: StatusBatch, entry: Entry) -> Counter[str]:
        """A status of people who have no end any more. Returns how many had which; what is wrong with it is named."""
        batch, ends = self._ends.get(told.caused_by_offset, ("", {}))
        if not batch and self._terms.gone(STATUS, told.caused_by_partition, told.caused_by_offset):
            self._findings.skip("the status that was reopened is older than the log")
            return Counter()
        self._fits(told, batch, entry)
        taken = [user for user in told.users if batch == told.batch_id and user in ends]
        if strange := [user for user in told.users if user not in set(taken)]:
            self._blame("reopened_no_end", told, f"{strange[:3]} had no end there that may be taken back", entry)
        self._holds.note(told, told.at, entry.place)
        return Counter(ends.pop(user) for user in taken)

    def _fits(self, told: StatusBatch, batch: str, entry: Entry) -> None:
        if (told.caused_by_partition, batch) != (entry.place.partition, told.batch_id):
            self._blame("status_cause", told, f"names offset {told.caused_by_offset}, which is no status of batch {told.batch_id}", entry)
        if {(outcome.status, outcome.reason) for outcome in told.outcomes} != {(DEFERRED, REPLAYED)}:
            self._blame("status_not_final", told, f"reopens, and says {[outcome.status for outcome in told.outcomes]}", entry)
        hold = ids.replay_id(told.batch_id, self._times[told.batch_id])
        self._times[told.batch_id] += 1
        if told.status_id != ids.deferred_id(hold, told.channel):
            self._blame("wrong_id", told, f"is not the id of replay {self._times[told.batch_id]} of batch {told.batch_id}", entry)

    def _blame(self, kind: str, told: StatusBatch, said: str, entry: Entry) -> None:
        who = f"{told.notification.notification_id} {told.channel}: status {told.status_id}"
        self._findings.blame(kind, f"{who} {said}", entry.place)
