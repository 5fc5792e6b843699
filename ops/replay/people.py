"""What became of the recipients of one partition, from its statuses in the order of the log. Pure.

A recipient who failed, or of whom it is not known, is kept with all that was told of them later; of the others only their number is.
"""

from collections import Counter
from collections.abc import Iterator

from ops.replay.model import FAILED, UNKNOWN, Chosen, Key, Line, Lines, Person, Told, provider_of
from ops.replay.records import hold_of, times_of
from ops.replay.words import became
from schemas.records import Outcome, StatusBatch
from schemas.topics import FEEDBACK, STATUS
from streams.policy.decision import DEFERRED

AGAIN = Outcome(DEFERRED, "replayed")


class People:
    """Is told of each status. `people`: by notification, channel and user; `reopened`: by the hold of the command that follows it, what was
    told first of those whom a replay took.
    """

    def __init__(self, chosen: Chosen) -> None:
        self._chosen = chosen
        self.people: dict[Key, Person] = {}
        self.reopened: dict[str, Told] = {}
        self.times: Counter[str] = Counter()
        """By batch: the number of its next replay."""
        self._others: Lines = Counter()
        self._waiting: dict[Key, Line] = {}
        self._unanswered: dict[Key, str] = {}
        self._taken: set[tuple[str, str]] = set()
        self._seen: set[str] = set()

    def note(self, told: Told) -> None:
        """A status. One that comes again changes nothing."""
        status = told.status
        if status.status_id in self._seen or not self._chosen.is_about(status):
            return
        self._seen.add(status.status_id)
        if status.caused_by_topic == FEEDBACK:
            self._heard(status)
        elif status.caused_by_topic == STATUS:
            self._reopened(told)
        else:
            for row, (key, number) in enumerate(_rows(status)):
                self._one(told, row, key, status.outcomes[number])

    @property
    def unanswered(self) -> set[str]:
        """Holds of whom a replay reopened, when nothing was told of some of them since."""
        return set(self._unanswered.values())

    @property
    def lines(self) -> Lines:
        """Those who did not fail, and those who wait."""
        return self._others + Counter(self._waiting.values())

    def _heard(self, status: StatusBatch) -> None:
        for key, number in _rows(status):
            person = self.people.get(key)
            if person is not None and person.told.status.batch_id == status.batch_id:
                person.heard = status.outcomes[number].status

    def _reopened(self, told: Told) -> None:
        batch, hold = told.status.batch_id, hold_of(told.status)
        self.reopened[hold] = told
        self.times[batch] = max(self.times[batch], times_of(told.status) + 1)
        for key, _ in _rows(told.status):
            self._taken.add((batch, key[2]))
            self._unanswered[key] = hold
            person = self.people.get(key)
            if person is not None and person.told.status.batch_id == batch:
                person.later = AGAIN

    def _one(self, told: Told, row: int, key: Key, outcome: Outcome) -> None:
        status = told.status
        self._unanswered.pop(key, None)
        self._waiting.pop(key, None)
        if outcome.status in (FAILED, UNKNOWN) and status.batch_id:
            if self._is_wanted(status, row) and (status.batch_id, key[2]) not in self._taken:
                self.people[key] = Person(told, row)
            else:
                self.people.pop(key, None)
        elif (person := self.people.get(key)) is not None:
            person.later = outcome
        elif self._is_wanted(status, row):
            line = Line(became(outcome), key[0], key[1], provider_of(status, row), outcome.reason)
            if outcome.status == DEFERRED:
                self._waiting[key] = line
            else:
                self._others[line] += 1

    def _is_wanted(self, status: StatusBatch, row: int) -> bool:
        by_whom = self._chosen.provider in ("", provider_of(status, row))
        return by_whom and self._chosen.since <= status.at <= self._chosen.until


def _rows(status: StatusBatch) -> Iterator[tuple[Key, int]]:
    """Each recipient, and the number of their outcome."""
    notification = status.notification.notification_id
    for user, number in zip(status.users, status.outcome_of, strict=True):
        yield (notification, status.channel, user), number
