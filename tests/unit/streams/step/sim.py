"""A world in which a process can be killed at every effect: a log, tables, a provider, and what is left of them after a crash.

`Chaos` numbers the effects of a run and raises `Crash` at those it is told to. What is in the `World` survives; the process does not.
"""

import asyncio
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, NoReturn, cast

from faust.types import EventT

from schemas.codec import Codec
from schemas.records import Output
from streams.step.gaps import GapGuard
from streams.step.lease import Lease
from streams.step.log import LogWriter
from streams.step.partition import StepPartition
from streams.step.reader import LogReader
from streams.step.runner import PartitionRunner, make_journal
from streams.step.step import Step
from streams.step.store import Store

IDLE_ROUNDS = 8
MAX_STARTS = 60


class Crash(BaseException):
    """The process is killed here. No `except Exception` stops it."""


class Chaos:
    """Kills at the effects whose numbers are in `at`; numbers go on over restarts."""

    def __init__(self, at: Iterable[int] = ()) -> None:
        self._at = set(at)
        self.effects = 0
        self.dead = False

    def point(self) -> None:
        """An effect is about to happen, or just has. A dead process has none."""
        if self.dead:
            raise Crash
        self.effects += 1
        if self.effects in self._at:
            self.dead = True
            raise Crash


class Stored(NamedTuple):
    """A record of the simulated log, with the methods of confluent-kafka's Message that are used."""

    topic_: str
    partition_: int
    offset_: int
    key_: bytes | None
    value_: bytes | None

    def key(self) -> bytes | None:
        return self.key_

    def value(self) -> bytes | None:
        return self.value_

    def offset(self) -> int:
        return self.offset_


@dataclass
class Table:
    """One partition of one table, as `TablePartition`."""

    chaos: Chaos
    rows: dict[bytes, bytes] = field(default_factory=dict)
    reached: int = 0
    age: float = 0.0

    def get(self, key: bytes) -> bytes | None:
        return self.rows.get(key)

    def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        return [self.rows.get(key) for key in keys]

    def places(self, start: bytes, until: bytes, limit: int) -> list[bytes]:
        """As `OrderedPartition`; any table is ordered here."""
        places = sorted(place for key, value in self.rows.items() if (place := value[:8] + key) >= start)
        before = [place for place in places if place < until]
        return places[: len(before) + 1][:limit]

    def count(self, until: bytes) -> int:
        return len([value for key, value in self.rows.items() if value[:8] + key < until])

    def position(self) -> int:
        return self.reached

    def age_s(self) -> float:
        return self.age

    def write(self, changes: Iterable[tuple[bytes, bytes | None]], position: int) -> None:
        self.chaos.point()
        for key, value in changes:
            if value is None:
                self.rows.pop(key, None)
            else:
                self.rows[key] = value
        self.reached = position
        self.chaos.point()

    def clear(self) -> None:
        self.rows.clear()
        self.reached = 0


class World:
    """Log and tables of partition 0."""

    def __init__(
        self, chaos: Chaos, *, backwards: bool = False, commit_lag: int = 0, keeps_disk: bool = True, dribbles: bool = False
    ) -> None:
        """`backwards` writes the records of one send to its topics in the opposite order; `commit_lag`: how many acknowledged records
        a crash leaves uncommitted; `keeps_disk`: whether local tables survive it; `dribbles` delivers input one record at a time.
        """
        self.chaos = chaos
        self.topics: dict[str, list[Stored]] = {}
        self.tables: dict[str, Table] = {}
        self.committed = 0
        self.starts = 0
        self.commit_lag = commit_lag
        self.dribbles = dribbles
        self._backwards = backwards
        self._keeps_disk = keeps_disk
        self.now = 1_700_000_000_000
        self.waits: Callable[[], bool] = lambda: False
        """Whether there is something to wait for beside input."""
        self.wrote: Callable[[Output], None] = lambda output: None
        """Is told what is written."""

    def clock(self) -> int:
        """A time unlike any before."""
        self.now += 1
        return self.now

    async def pause(self, event: asyncio.Event, longest_s: float | None) -> None:
        """As the runner's: while it waits time goes by."""
        until = math.inf if longest_s is None else self.now + longest_s * 1000
        while not event.is_set() and self.now < until:
            await asyncio.sleep(0)
            self.clock()

    def append(self, topic: str, key: bytes | None, value: bytes | None) -> int:
        """Write a record; returns the next offset."""
        records = self.topics.setdefault(topic, [])
        records.append(Stored(topic, 0, len(records), key, value))
        return len(records)

    def records(self, topic: str) -> list[Stored]:
        """A topic's records."""
        return self.topics.get(topic, [])

    def latest(self, topic: str) -> dict[bytes, bytes]:
        """What compaction would leave of a topic."""
        last = {record.key_ or b"": record.value_ for record in self.records(topic)}
        return {key: value for key, value in last.items() if value is not None}

    # --- as Store

    def partition(self, name: str, number: int) -> Table:
        return self.tables.setdefault(name, Table(self.chaos))

    # --- as LogWriter

    async def send(self, outputs: Sequence[Output]) -> dict[tuple[str, int], int]:
        positions: dict[tuple[str, int], int] = {}
        self.chaos.point()
        for output in self._in_some_order(outputs):
            await asyncio.sleep(0)
            self.wrote(output)
            positions[(output.topic, 0)] = self.append(output.topic, output.key, output.value)
            self.chaos.point()
        await asyncio.sleep(0)
        self.chaos.point()
        return positions

    def _in_some_order(self, outputs: Sequence[Output]) -> Iterator[Output]:
        """Order is kept within a topic's partition only."""
        topics = list(dict.fromkeys(output.topic for output in outputs))
        for topic in reversed(topics) if self._backwards else topics:
            yield from (output for output in outputs if output.topic == topic)

    # --- as LogReader

    def read_to_end(self, topic: str, partition: int, start: int, apply: Callable[[Sequence[Any], int], None]) -> int:
        records = self.records(topic)
        if start < len(records):
            apply(records[start:], len(records))
        return len(records)

    def last_record(self, topic: str, partition: int) -> Stored | None:
        return next(reversed(self.records(topic)), None)

    def first_at_or_after(self, topic: str, partition: int, start: int) -> int | None:
        return start if start < len(self.records(topic)) else None

    def crashed(self) -> None:
        """What a crash takes: commits that were not made yet, and the disk if it is that bad."""
        self.chaos.dead = False
        if not self._keeps_disk:
            for table in self.tables.values():
                table.clear()


@dataclass
class Message:
    """As Faust's."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    timestamp: float = 1_700_000_000.0
    headers: Mapping[str, bytes] | None = None


class Event:
    """A record on its way through the process; `acked` is told its offset."""

    def __init__(self, record: Stored, acked: Callable[[int], None]) -> None:
        self.message = Message(record.topic_, record.partition_, record.offset_, record.key_, record.value_)
        self._acked = acked

    def ack(self) -> None:
        self._acked(self.message.offset)


class Process:
    """One life of one worker with one step and one partition."""

    def __init__(self, world: World, topic: str, step: Step, codec: Codec) -> None:
        self._world = world
        self._topic = topic
        self._acked = world.committed
        self._fed = world.committed
        log, reader = cast(LogWriter, world), cast(LogReader, self)
        part = StepPartition(0, step.tables, cast(Store, world), log, self._die, Lease(1e9))
        journal = make_journal(step, 0, codec, log)
        gaps = GapGuard(reader, topic, 0, self._die)
        self._runner = PartitionRunner(step, part, journal, gaps, self._die, lambda full: None, world.pause)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._world, name)  # a reader of the world that knows where the group stood when this process began

    def committed(self, topic: str, partition: int) -> int:
        return self._world.committed

    async def live(self) -> bool:
        """Work until all input is done (True) or the process is killed (False)."""
        self._runner.start(cast(LogReader, self))
        assert self._runner.task
        idle = 0
        while not self._runner.task.done() and idle < IDLE_ROUNDS:
            fed = self._feed()
            idle = 0 if fed or self._acked < self._fed or self._world.waits() else idle + 1
            await asyncio.sleep(0)
        return await self._end(self._runner.task)

    def _feed(self) -> int:
        fresh = self._world.records(self._topic)[self._fed :]
        if self._world.dribbles:
            fresh = fresh[:1] if self._acked == self._fed else []
        for record in fresh:
            self._runner.put(cast(EventT, Event(record, self._ack)))
        self._fed += len(fresh)
        return len(fresh)

    def _ack(self, offset: int) -> None:
        assert offset == self._acked, f"acknowledged {offset} where {self._acked} was next"
        self._world.chaos.point()
        self._acked = offset + 1

    async def _end(self, task: "asyncio.Task[None]") -> bool:
        survived = not task.done()
        if not survived and not isinstance(task.exception(), Crash):
            raise AssertionError("the process ended by itself") from task.exception()
        lag = 0 if survived else self._world.commit_lag
        self._world.committed = max(self._world.committed, self._acked - lag)
        others = [other for other in asyncio.all_tasks() if other is not asyncio.current_task()]
        for other in others:
            other.cancel()
        for result in await asyncio.gather(*others, return_exceptions=True):
            if not isinstance(result, Crash | asyncio.CancelledError):
                raise AssertionError(f"not a crash: {result!r}")
        return survived

    def _die(self, reason: str) -> NoReturn:
        raise AssertionError(f"ended by itself: {reason}")


async def live_until_done(world: World, topic: str, make_step: Callable[[], Step], codec: Codec) -> None:
    """Start the process again after every crash, until all input is done."""
    for _ in range(MAX_STARTS):
        world.starts += 1
        if await Process(world, topic, make_step(), codec).live():
            return
        world.crashed()
    raise AssertionError(f"not done after {MAX_STARTS} starts")
