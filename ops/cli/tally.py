"""What has become of one notification so far, counted from the records about it. Pure; records may come twice and in any order."""

from collections import Counter

from schemas.records import AudienceExpanded, Outcome, StatusBatch
from schemas.topics import FEEDBACK, STATUS

Counts = dict[str, dict[str, int]]
"""Recipients by channel, by `status` or `status:reason`."""
DEFERRED = "deferred"
MAY_BE_REOPENED = ("failed", "unknown")


class Tally:
    """Complete when every partition has expanded its share, and every recipient on every channel has an outcome."""

    def __init__(self) -> None:
        self._chunks: dict[tuple[int, int], AudienceExpanded] = {}
        self._releases: dict[str, AudienceExpanded] = {}
        self._tries: dict[str, AudienceExpanded] = {}
        self._batches: dict[str, int] = {}
        self._outcomes: dict[str, Counter[str]] = {}
        self._handed_back = 0
        self._ends: dict[tuple[str, str], str] = {}
        """What users of a batch were told that a replay may take back."""
        self._reopened: set[tuple[str, str]] = set()
        self.finished_at = 0
        """The latest time in any record, epoch ms."""

    def expanded(self, record: AudienceExpanded) -> None:
        """Count a chunk, a release of people who were held, or a try on a further channel."""
        if record.tried:
            self._tries[record.hold_id] = record
        elif record.hold_id:
            self._releases[record.hold_id] = record
        else:
            self._chunks[record.partition, record.chunk] = record
        self.finished_at = max(self.finished_at, record.at)

    def told(self, batch: StatusBatch) -> None:
        """Count a status batch; that somebody is held is no outcome, and neither is what a provider told later."""
        if batch.status_id in self._batches or batch.caused_by_topic == FEEDBACK:
            return
        self._batches[batch.status_id] = len(batch.users)
        counter = self._outcomes.setdefault(batch.channel, Counter())
        self._take_back(batch, counter)
        for index, number in Counter(batch.outcome_of).items():
            outcome = batch.outcomes[index]
            if outcome.status == DEFERRED:
                self._handed_back += number if batch.batch_id else 0
                continue
            counter[_name(outcome)] += number
        self.finished_at = max(self.finished_at, batch.at)

    def _take_back(self, batch: StatusBatch, counter: Counter[str]) -> None:
        """Ends of those whom a replay reopened, whichever of the two is met first."""
        for user, number in zip(batch.users, batch.outcome_of, strict=True):
            outcome, place = batch.outcomes[number], (batch.batch_id, user)
            if batch.caused_by_topic == STATUS:
                self._reopened.add(place)
            elif batch.batch_id and outcome.status in MAY_BE_REOPENED:
                self._ends[place] = _name(outcome)
            else:
                continue
            if place in self._reopened and place in self._ends:
                counter[self._ends.pop(place)] -= 1

    @property
    def users(self) -> int:
        """The audience, as far as it was expanded."""
        return sum(chunk.users for chunk in self._chunks.values())

    @property
    def expansion_complete(self) -> bool:
        """Whether every partition that takes part has come to its last chunk, and none of those before it is missing."""
        last = {chunk.partition: chunk.chunk for chunk in self._chunks.values() if chunk.last}
        wanted = next((chunk.partitions for chunk in self._chunks.values()), -1)
        return len(last) == wanted and len(self._chunks) == sum(number + 1 for number in last.values())

    @property
    def expected(self) -> dict[str, int]:
        """Recipients by channel that have, or will have, an outcome."""
        totals: Counter[str] = Counter()
        for chunk in (*self._chunks.values(), *self._tries.values()):
            totals.update(chunk.queued)
            totals.update(chunk.suppressed)
            totals.update(chunk.deferred)
        return dict(totals)

    @property
    def held(self) -> int:
        """Recipients, over all channels, who are held now."""
        ever = sum(sum(one.deferred.values()) for one in (*self._chunks.values(), *self._tries.values(), *self._releases.values()))
        return ever + self._handed_back - sum(one.users * len(one.queued) for one in self._releases.values())

    @property
    def counts(self) -> Counts:
        """Recipients with an outcome."""
        return {channel: dict(+counter) for channel, counter in self._outcomes.items()}

    @property
    def complete(self) -> bool:
        """Whether nothing more is to come."""
        return self.expansion_complete and all(self.pending.get(channel, 0) == 0 for channel in self.expected)

    @property
    def pending(self) -> dict[str, int]:
        """By channel: recipients of expanded chunks and tries without an outcome."""
        return {channel: number - sum(self._outcomes.get(channel, Counter()).values()) for channel, number in self.expected.items()}


def _name(outcome: Outcome) -> str:
    return f"{outcome.status}:{outcome.reason}" if outcome.reason else outcome.status


def by_status(counts: Counts) -> dict[str, int]:
    """Recipients by status, over all channels and reasons."""
    totals: Counter[str] = Counter()
    for of_channel in counts.values():
        for name, number in of_channel.items():
            totals[name.partition(":")[0]] += number
    return dict(totals)
