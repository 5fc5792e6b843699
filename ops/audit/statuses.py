"""Did everyone end in one state, for a reason that is on the log? Statuses of one partition against batches and commands. Pure."""

from collections import Counter
from typing import NamedTuple

from ops.audit.batches import Batch, Handed, Part
from ops.audit.controls import CANCELLED, Controls
from ops.audit.digests import Digests
from ops.audit.holds import DEFERRED, RETRIED, Holds, due_of
from ops.audit.model import Entry, Terms
from ops.audit.reopened import Reopened
from ops.audit.report import TERMINAL, Findings
from ops.audit.sends import Sends
from schemas import ids
from schemas.records import StatusBatch
from schemas.topics import FANOUTS, FEEDBACK, STATUS, fanout_topic


class First(NamedTuple):
    """Where a status was told first."""

    digest: int
    offset: int


class Statuses:
    """Each status once, however often it was written. `outcomes`: recipients by (notification, channel), by status; `heard`: by status that
    providers told later.
    """

    def __init__(
        self,
        terms: Terms,
        findings: Findings,
        handed: Handed,
        holds: Holds,
        digests: Digests,
        sends: Sends,
        controls: Controls,
        asked: frozenset[str],
    ) -> None:
        self._terms, self._findings, self._handed, self._sends, self._asked = terms, findings, handed, sends, asked
        self._controls, self._holds, self._digests = controls, holds, digests
        self._reopened = Reopened(terms, findings, holds)
        self._first: dict[str, First] = {}
        self.outcomes: dict[tuple[str, str], Counter[str]] = {}
        self.heard: dict[tuple[str, str], Counter[str]] = {}
        self.frontiers: dict[str, int] = {}

    def note(self, entry: Entry) -> None:
        """A record of notify.status, in the log's order."""
        told = self._findings.read(entry, StatusBatch, "a status")
        if told is None:
            return
        frontier = self.frontiers.get(told.caused_by_topic, -1)
        self.frontiers[told.caused_by_topic] = max(frontier, told.caused_by_offset)
        if told.notification.notification_id not in self._asked and self._terms.partial:
            return
        known = self._first.setdefault(told.status_id, First(entry.digest, entry.place.offset))
        if known.offset == entry.place.offset:
            self._one(told, entry)
        elif known.digest != entry.digest:
            self._blame("status_changed", told, f"was told otherwise at offset {known.offset}", entry)
        else:
            self._reopened.again(known.offset, entry.place.offset)

    def _one(self, told: StatusBatch, entry: Entry) -> None:
        columns = {len(told.outcome_of), len(told.profile_offsets), len(told.provider_message_ids) or len(told.users)}
        columns.add(len(told.provider_of) or len(told.users))
        wrong = [number for number in told.outcome_of if not 0 <= number < len(told.outcomes)]
        if columns != {len(told.users)} or wrong:
            self._blame("status_uneven", told, f"its columns are not those of {len(told.users)} users", entry)
            return
        if told.caused_by_topic == FEEDBACK:
            self._heard(told, entry)
            return
        if told.caused_by_topic == STATUS:
            self._taken_back(told, entry)
            return
        due = due_of(told) if not told.batch_id else None
        if due is not None:
            self._deferred(told, due, entry)
            return
        self._count(told, entry)
        if told.batch_id:
            self._delivered(told, entry)
        else:
            self._not_handed(told, entry)

    def _heard(self, told: StatusBatch, entry: Entry) -> None:
        """Of whom a provider told something later: they have their end, and this is none."""
        tally = self.heard.setdefault((told.notification.notification_id, told.channel), Counter())
        for number, count in Counter(told.outcome_of).items():
            tally[told.outcomes[number].status] += count
            if told.outcomes[number].status in TERMINAL:
                self._blame("heard_an_end", told, f"tells {count} recipients as {told.outcomes[number].status!r}", entry)
        if told.batch_id not in self._handed.batches:
            self._without_batch(told, entry)

    def _taken_back(self, told: StatusBatch, entry: Entry) -> None:
        """Of those whom a replay reopened: what they were told is no end any more, and they wait."""
        place = (told.notification.notification_id, told.channel)
        ends = self._reopened.reopen(told, entry)
        self.outcomes.setdefault(place, Counter()).subtract(ends)
        self._handed.handed_back[place] += ends.total()

    def _deferred(self, told: StatusBatch, due: int, entry: Entry) -> None:
        """Of those who are held: no end."""
        part = self._decided(told, entry)
        if part is not None:
            self._handed.deferred[part] = self._handed.deferred.get(part, 0) + len(told.users)
        self._holds.note(told, due, entry.place)

    def _count(self, told: StatusBatch, entry: Entry) -> None:
        tally = self.outcomes.setdefault((told.notification.notification_id, told.channel), Counter())
        for number, count in Counter(told.outcome_of).items():
            status = told.outcomes[number].status
            if told.batch_id and status == DEFERRED:  # no end: they are handed back
                continue
            tally[status] += count
            if status not in TERMINAL:
                self._blame("status_not_final", told, f"{count} recipients are {status!r}", entry)

    def _delivered(self, told: StatusBatch, entry: Entry) -> None:
        batch = self._handed.batches.get(told.batch_id)
        if batch is None:
            self._without_batch(told, entry)
            return
        self._fits(told, batch, entry)
        if told.status_id != ids.status_id(told.batch_id, "delivered"):
            self._blame("wrong_id", told, f"is not the id of batch {told.batch_id}'s", entry)
        if batch.status_id:
            self._blame("two_states", told, f"batch {told.batch_id} has status {batch.status_id} already", entry)
        elif told.users != batch.users:
            self._other_users(told, batch, entry)
        batch.status_id, batch.users = told.status_id, []
        self._cancelled(told, entry)
        self._handed_back(told, entry)
        self._reopened.note(told, entry)
        self._sends.check(told, batch, entry)

    def _handed_back(self, told: StatusBatch, entry: Entry) -> None:
        """Of a batch, those who had come into quiet hours, and those who are tried again: commands to decide them afresh are to follow."""
        asleep, again = list[str](), list[str]()
        for user, number in zip(told.users, told.outcome_of, strict=True):
            if told.outcomes[number].status == DEFERRED:
                (again if told.outcomes[number].reason in RETRIED else asleep).append(user)
        self._handed.handed_back[told.notification.notification_id, told.channel] += len(asleep) + len(again)
        if asleep:
            self._holds.handed_back(told, asleep, entry.place)
        if again:
            self._holds.tried_again(told, again, entry.place)

    def _fits(self, told: StatusBatch, batch: Batch, entry: Entry) -> None:
        cause = (told.caused_by_topic, told.caused_by_partition)
        if cause != batch.place[:2] or told.caused_by_offset not in batch.offsets:
            said = f"names {told.caused_by_topic} offset {told.caused_by_offset} as its cause; the batch is at offset {batch.place.offset}"
            self._blame("status_cause", told, said, entry)
        if (told.notification.notification_id, told.channel) != (batch.notification_id, batch.channel):
            self._blame("status_cause", told, f"batch {told.batch_id} is of {batch.notification_id} {batch.channel}", entry)
        if entry.timestamp + self._terms.slack_ms < batch.timestamp:
            self._blame("before_its_cause", told, f"is {batch.timestamp - entry.timestamp} ms older than its batch", entry)

    def _without_batch(self, told: StatusBatch, entry: Entry) -> None:
        heard = told.caused_by_topic == FEEDBACK  # it may be of long ago
        if heard or self._terms.gone(told.caused_by_topic, told.caused_by_partition, told.caused_by_offset):
            self._findings.skip("the batch is older than the log")
        else:
            self._blame("status_without_batch", told, f"there is no batch {told.batch_id}", entry)

    def _other_users(self, told: StatusBatch, batch: Batch, entry: Entry) -> None:
        mine = set(batch.users)
        strange = [user for user in told.users if user not in mine]
        twice = [u for u in strange if self._handed.was_placed(batch.notification_id, batch.channel, u)]
        if twice:
            self._blame("two_states", told, f"{twice[:3]} ended in another batch or status too", entry)
        if never := [user for user in strange if user not in twice]:
            self._blame("recipient_of_nothing", told, f"{never[:3]} were in no batch", entry)
        if missing := sorted(mine - set(told.users)):
            self._blame("recipient_lost", told, f"{missing[:3]} of batch {told.batch_id} have no outcome here", entry)
        if not strange and not missing:
            self._blame("status_users", told, "tells of its batch's users in another order or more than once", entry)

    def _not_handed(self, told: StatusBatch, entry: Entry) -> None:
        """Of those who were decided against: caused by a command."""
        if any(outcome.status in ("sent", "unknown") for outcome in told.outcomes):
            self._blame("sent_without_intent", told, "tells of a send without any batch", entry)
        part = self._decided(told, entry)
        if part is None:
            return
        self._cancelled(told, entry)
        self._digests.note(told, entry.place)
        self._handed.suppressed[part] = self._handed.suppressed.get(part, 0) + len(told.users)
        batch_id = ids.batch_id(told.notification.notification_id, entry.place.partition, part[1], told.channel)
        if told.status_id != ids.status_id(batch_id, "suppressed"):
            self._blame("wrong_id", told, f"is not the id of chunk or hold {part[1]}'s", entry)

    def _decided(self, told: StatusBatch, entry: Entry) -> Part | None:
        """The part of the audience that a status caused by a command is about, which its users are placed in; None, and named: no such."""
        notification, channel, lane = told.notification.notification_id, told.channel, told.caused_by_topic
        if lane not in FANOUTS or told.caused_by_partition != entry.place.partition:
            self._blame("status_cause", told, f"names {lane} as its cause, and no batch", entry)
            return None
        part = self._handed.part_of(notification, channel, lane, told.caused_by_offset, told.users, entry.place)
        self._handed.place(notification, channel, told.users, part, entry.place)
        return part

    def _cancelled(self, told: StatusBatch, entry: Entry) -> None:
        """Whoever is told `cancelled` is of a campaign that was; the command to cancel it may be older than what is read.

        By the decision: it was before they were met. By delivery: it was at all; the batch is older than it.
        """
        partition, decided = told.caused_by_partition, not told.batch_id
        if not any(outcome.status == CANCELLED for outcome in told.outcomes) or CANCELLED in told.notification.withheld.values():
            return
        lane = told.caused_by_topic if decided else fanout_topic(told.notification.priority)
        if self._controls.state(told.notification.notification_id, lane, told.caused_by_offset if decided else None) == CANCELLED:
            return
        if self._terms.partial or self._terms.gone(lane, partition, 0):
            self._findings.skip("the command to cancel may be older than the log")
        else:
            self._blame("cancelled_unasked", told, "tells of a cancelled campaign, and nobody cancelled it before", entry)

    def _blame(self, kind: str, told: StatusBatch, said: str, entry: Entry) -> None:
        who = f"{told.notification.notification_id} {told.channel}: status {told.status_id}"
        self._findings.blame(kind, f"{who} {said}", entry.place)
