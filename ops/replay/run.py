"""`Replay`: looks at who failed, and hands them to the step that decides afresh.

Of each slice: first the statuses that reopen its people, then, when it has read which of them came first, their commands. Killed between
the two: nobody was handed over, the statuses say whom it is about, and the next replay writes their commands. Killed among the statuses,
or among the commands: the same; a command that is written twice is known by its hold. Killed after both: nothing is left to do.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from ops.replay.found import Found, Part, Unit, judged
from ops.replay.gather import Gatherer
from ops.replay.log import Log
from ops.replay.model import Chosen
from ops.replay.records import command_for, hold_of, reopening_of
from ops.replay.words import GO, UNDER_WAY
from schemas.codec import Codec
from schemas.records import Output, Record, ReplayEnded, ReplayStarted, StatusBatch
from schemas.topics import REPLAYS, STATUS, fanout_topic
from streams.policy.policy import Policy

SLICE = 2_000
"""Users that are reopened before their commands are written."""
MAX_MISSES = 5
RESUMED = "resumed"
Progress = Callable[[int], None]
"""Is told how many were handed over so far."""


class Claim(NamedTuple):
    """Some of a unit, and the status that is to reopen them."""

    unit: Unit
    status: StatusBatch


class Replay:
    """One run."""

    def __init__(self, log: Log, codec: Codec, policy: Policy, chosen: Chosen, replay_id: str, clock: Callable[[], int]) -> None:
        self._log, self._codec, self._chosen, self._id, self._clock = log, codec, chosen, replay_id, clock
        self._gather = Gatherer(log, codec, policy)

    def look(self) -> Found:
        """Whom it would send again, and why not the others. Nothing is written."""
        return Found([self._part(number) for number in range(self._log.partitions(STATUS))])

    def send(
        self, found: Found, by: str, filters: dict[str, str], rate: int, sleep: Callable[[float], None], progress: Progress
    ) -> Counter[str]:
        """Hand them over, `rate` users a second (0: at once). Returns how many by what became of them, as it is told on the log, too."""
        self._tell(ReplayStarted(replay_id=self._id, by=by, at=self._clock(), filters=filters, rate=rate))
        counts = Counter[str]()
        for line, number in found.lines.items():
            counts[line.why] += number
        counts[RESUMED] = self._resume(found.parts)
        went = self._all(found, rate, sleep, progress)
        counts[UNDER_WAY] += counts[GO] - went  # something was told of the others meanwhile
        counts[GO] = went
        counts = Counter({why: number for why, number in counts.items() if number or why in (GO, RESUMED)})
        self._tell(ReplayEnded(replay_id=self._id, at=self._clock(), counts=dict(sorted(counts.items()))))
        return counts

    def _part(self, number: int) -> Part:
        people, position = self._gather.people(number, self._chosen)
        waiting = people.unanswered
        orphans = [people.reopened[hold].status for hold in waiting - self._gather.commanded(number, people.reopened, waiting)]
        batches = self._gather.batches(number, people, orphans)
        part = Part(number, people, position, batches, [one for one in orphans if one.batch_id in batches], Counter(), [])
        judged(part, self._chosen, self._gather.known(number, people, batches, self._clock()))
        return part

    def _resume(self, parts: Iterable[Part]) -> int:
        """Write the commands that replays before this one left out; returns of how many users."""
        orphans = [(part, status) for part in parts for status in part.orphans]
        self._log.write([self._command(part, status) for part, status in orphans])
        return sum(len(status.users) for _, status in orphans)

    def _all(self, found: Found, rate: int, sleep: Callable[[float], None], progress: Progress) -> int:
        waiting, began, done = deque(found.units()), self._clock(), 0
        while waiting:
            claims = self._claims(waiting, min(rate or SLICE, SLICE))
            done += self._slice(claims, waiting)
            progress(done)
            ahead_ms = done * 1000 / rate - (self._clock() - began) if rate else 0
            if waiting and ahead_ms > 0:
                sleep(ahead_ms / 1000)
        return done

    def _claims(self, waiting: deque[Unit], most: int) -> list[Claim]:
        """The next `most` users at most. What is left of a batch waits for its next turn."""
        claims: list[Claim] = []
        read: set[int] = set()
        while waiting and most:
            unit = waiting.popleft()
            if unit.part.number not in read:
                self._catch_up(unit.part)
                read.add(unit.part.number)
            if keys := unit.left()[:most]:
                most -= len(keys)
                claims.append(Claim(unit, self._reopening(unit, [unit.part.people.people[key].row for key in keys])))
        return claims

    def _reopening(self, unit: Unit, rows: Sequence[int]) -> StatusBatch:
        people = unit.part.people
        told = people.people[unit.left()[0]].told
        return reopening_of(told, sorted(rows), people.times[unit.batch_id], self._id, unit.part.number, self._clock())

    def _slice(self, claims: Sequence[Claim], waiting: deque[Unit]) -> int:
        """Reopen, and hand over; returns how many users this replay was the first to reopen."""
        self._log.write([self._output(STATUS, claim.unit.part, claim.status) for claim in claims])
        for part in {claim.unit.part.number: claim.unit.part for claim in claims}.values():
            self._catch_up(part)
        firsts = [unit.part.people.reopened[hold_of(status)].status for unit, status in claims]
        self._log.write([self._command(claim.unit.part, first) for claim, first in zip(claims, firsts, strict=True)])
        for (unit, status), first in zip(claims, firsts, strict=True):
            unit.misses += first != status
            if unit.left() and unit.misses <= MAX_MISSES:
                waiting.append(unit)
        return sum(len(first.users) for (_, status), first in zip(claims, firsts, strict=True) if first == status)

    def _command(self, part: Part, reopened: StatusBatch) -> Output:
        command = command_for(reopened, part.batches[reopened.batch_id])
        return self._output(fanout_topic(command.notification.priority), part, command)

    def _catch_up(self, part: Part) -> None:
        part.position = self._gather.more(part.number, part.people, part.position)

    def _output(self, topic: str, part: Part, record: Record) -> Output:
        key = record.notification.notification_id.encode()  # type: ignore[attr-defined]
        return Output(topic=topic, partition=part.number, key=key, value=self._codec.encode(record))

    def _tell(self, event: ReplayStarted | ReplayEnded) -> None:
        self._log.write([Output(topic=REPLAYS, partition=0, key=event.replay_id.encode(), value=self._codec.encode(event))])
