"""The timer step: `notify.timers`, each record of which is written when it is due.

Killed between writing a record and forgetting its timer: the same bytes are written again, and whoever reads them knows them by an id.
Killed in a batch of settings: it comes again, and what the table has of it (up to which offset is a row there) is not done again: what was
taken back stays so, however late. What is taken back while nobody works may be written before that is read.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from schemas.codec import Codec
from schemas.errors import RecordRefused
from schemas.records import Output, SetTimer, Write
from schemas.topics import CHANGELOG_TIMERS
from streams.step.model import Effects, Input, require_writable
from streams.step.partition import StepPartition
from streams.step.step import dead_letter_output, patiently
from streams.timers.rules import (
    APPLIED,
    DUE_BYTES,
    NEVER,
    TABLE,
    Setting,
    applied_in,
    applied_row,
    check,
    due_of,
    fire,
    place_at,
    setting_of,
    settle,
)

AT_ONCE = 500
"""Timers of one commit: between two of them what has arrived has its turn."""
AT_ONCE_BYTES = 4_000_000
"""Of the rows of one commit; those of one look may come on top."""
LOOK = 50
"""Rows that are read at once."""


@dataclass(slots=True)
class Front:
    """Of one partition: no timer has its place before `head`, input up to `applied` is in the table, and so many timers wait."""

    head: bytes
    applied: int
    waiting: int


class TimerStep:
    """Keeps timers by the time they are due."""

    name = "timers"
    max_batch = 256
    tables: Mapping[str, str] = {TABLE: CHANGELOG_TIMERS}
    journal: str | None = None

    def __init__(self, codec: Codec, clock: Callable[[], int], topics: Collection[str], partitions: int) -> None:
        """`clock`: epoch ms. `topics`: where records may be written to; `partitions` of each of them."""
        self._codec = codec
        self._clock = clock
        self._topics = frozenset(topics)
        self._partitions = partitions
        self._fronts: dict[int, Front] = {}
        self._fired = self._late_ms = 0

    async def start(self, partition: int) -> None:
        """Nothing to wait for; what was known of the partition is from another time."""
        self._fronts.pop(partition, None)

    def together(self, waiting: Sequence[Input]) -> int:
        """All of them."""
        return len(waiting)

    async def handle(self, part: StepPartition, batch: Sequence[Input]) -> Effects:
        """Keep, move and forget timers; the last record about a timer counts. What is written at once is durable on return."""
        front = self._front(part)
        fresh = [record for record in batch if record.offset > front.applied]
        wanted, refused = await self._read(part, fresh)
        known = dict(zip(wanted, part.get_many(TABLE, list(wanted)), strict=True))
        effects = settle(wanted, list(known.values()), self._clock())
        front.waiting += sum((write.value is not None) - (known[write.key] is not None) for write in effects.writes)
        await part.commit(Effects(refused + effects.outputs))
        if fresh:
            front.applied = fresh[-1].offset
            front.head = min([front.head, *(write.value[:DUE_BYTES] for write in effects.writes if write.value)])
            effects.writes.append(Write(TABLE, APPLIED, applied_row(front.applied)))
        return Effects(writes=effects.writes)

    def rest_ms(self, part: StepPartition) -> int | None:
        """Until the first timer is due."""
        due = due_of(self._front(part).head)
        return None if due is None else due - self._clock()

    async def tick(self, part: StepPartition) -> Effects:
        """The records of those timers that are due, the first first."""
        front = self._front(part)
        until = place_at(self._clock() + 1)
        places = part.places(TABLE, front.head, until, AT_ONCE + 1)
        due = [place for place in places[:AT_ONCE] if place < until]
        keys, rows = self._rows(part, [place[DUE_BYTES:] for place in due])
        front.head = places[len(keys)] if len(keys) < len(places) else NEVER
        front.waiting -= len(keys)
        self._note(due[: len(keys)])
        return fire(keys, rows)

    def figures(self, partitions: Collection[int]) -> Mapping[str, int]:
        """How many wait in these partitions, how many have fired since the start, and how late the last lot was (ms, its worst)."""
        waiting = sum(front.waiting for number, front in list(self._fronts.items()) if number in partitions)
        return {"waiting": waiting, "fired": self._fired, "late_ms": self._late_ms}

    def _note(self, fired: Sequence[bytes]) -> None:
        if fired:
            self._fired += len(fired)
            self._late_ms = self._clock() - (due_of(fired[0]) or 0)

    def _front(self, part: StepPartition) -> Front:
        front = self._fronts.get(part.number)
        if front is None:
            first = part.places(TABLE, b"", b"", 1)
            front = Front(first[0] if first else NEVER, applied_in(part.get(TABLE, APPLIED)), part.count(TABLE, NEVER))
            self._fronts[part.number] = front
        return front

    def _rows(self, part: StepPartition, keys: Sequence[bytes]) -> tuple[list[bytes], list[bytes | None]]:
        """The first of the timers, with their rows: as many as are read and written together."""
        rows: list[bytes | None] = []
        for start in range(0, len(keys), LOOK):
            rows += part.get_many(TABLE, keys[start : start + LOOK])
            if sum(len(row or b"") for row in rows) > AT_ONCE_BYTES:
                break
        return list(keys[: len(rows)]), rows

    async def _read(self, part: StepPartition, batch: Sequence[Input]) -> tuple[dict[bytes, Setting], list[Output]]:
        """The last word on each timer, and a dead letter for each record that is none."""
        wanted: dict[bytes, Setting] = {}
        refused: list[Output] = []
        for record in batch:
            try:
                key, setting = await patiently(part, partial(self._setting, record))
                wanted[key] = setting
            except RecordRefused as error:
                refused.append(dead_letter_output(self._codec, self.name, record, error, self._clock()))
        return wanted, refused

    def _setting(self, record: Input) -> tuple[bytes, Setting]:
        timer = self._codec.decode(record.value, SetTimer)
        check(timer, self._topics, self._partitions)
        key, setting = timer.timer_id.encode(), setting_of(timer)
        if setting.write:
            require_writable(Effects([setting.write], [Write(TABLE, key, setting.row)]))
        return key, setting
