"""One partition's task: batches of what has arrived, acks in order and only when all is durable, and no survivor of a surprise."""

import asyncio
import math
import time
from collections.abc import Callable, Collection, Sequence
from typing import Any, NoReturn, cast

import pytest
from faust.types import EventT

from schemas.records import Output, StepCommitted, Write
from streams.step import runner as runner_module
from streams.step.gaps import GapGuard
from streams.step.journal import Journal
from streams.step.lease import Lease
from streams.step.log import LogWriter
from streams.step.model import Effects, Input
from streams.step.partition import StepPartition
from streams.step.reader import LogReader
from streams.step.runner import BATCH_BYTES, QUEUE_HIGH, QUEUE_LOW, PartitionRunner, make_journal
from streams.step.step import RecordStep, Step, View
from tests.unit.streams.make import NOW, codec
from tests.unit.streams.step.sim import Chaos, Event, Stored, World

CODEC = codec()
pytestmark = pytest.mark.usefixtures("no_threads")


class Recorder(RecordStep):
    """Notes the batches it is given; waits at the gate when there is one."""

    name = "recorder"
    max_batch = 4

    def __init__(self, journal: str | None = None) -> None:
        super().__init__(CODEC, lambda: NOW)
        self.journal = journal
        self.batches: list[list[int]] = []
        self.started = asyncio.Event()
        self.started.set()
        self.gate = asyncio.Event()
        self.gate.set()

    async def start(self, partition: int) -> None:
        await self.started.wait()

    async def handle(self, part: StepPartition, batch: Sequence[Input]) -> Effects:
        self.batches.append([record.offset for record in batch])
        await self.gate.wait()
        return await super().handle(part, batch)

    def decide(self, view: View, record: Input) -> Effects:
        if record.value == b"boom":
            raise ZeroDivisionError("a bug")
        return Effects([Output(topic="out", key=str(record.offset).encode())])


class Bench:
    """A runner with everything around it in memory."""

    def __init__(self, step: RecordStep, world: World | None = None) -> None:
        self.world = world or World(Chaos())
        self.acked: list[int] = []
        self.pressure: list[bool] = []
        self.deaths: list[str] = []
        self.lease = Lease(1e9)
        self.offset = 0
        self.step = step
        part = StepPartition(0, step.tables, cast(Any, self.world), cast(LogWriter, self.world), self._die, self.lease)
        journal = make_journal(cast(Step, step), 0, CODEC, cast(LogWriter, self.world))
        gaps = GapGuard(cast(LogReader, Committed(0)), "in", 0, self._die)
        self.runner = PartitionRunner(cast(Step, step), part, journal, gaps, self._die, self.pressure.append, self._pause)
        self.now = 0
        self.pauses: list[float | None] = []

    async def _pause(self, event: asyncio.Event, longest_s: float | None) -> None:
        """Until the event, or until the test has set the clock on."""
        self.pauses.append(longest_s)
        until = math.inf if longest_s is None else self.now + longest_s * 1000
        while not event.is_set() and self.now < until:
            await asyncio.sleep(0)

    def _die(self, reason: str) -> NoReturn:
        self.deaths.append(reason)
        raise asyncio.CancelledError

    def put(self, count: int, value: bytes = b"") -> None:
        for _ in range(count):
            record = Stored("in", 0, self.offset, b"k", value)
            self.world.append("in", b"k", value)
            self.runner.put(cast(EventT, Event(record, self.acked.append)))
            self.offset += 1

    async def spin(self, rounds: int = 60) -> None:
        for _ in range(rounds):
            await asyncio.sleep(0)

    def out(self) -> list[bytes]:
        return [record.key_ or b"" for record in self.world.records("out")]


class Committed:
    """A reader that knows the group's offset, and which records there are."""

    def __init__(self, committed: int, first: Callable[[int], int | None] = lambda start: start) -> None:
        self._committed = committed
        self._first = first

    def committed(self, topic: str, partition: int) -> int:
        return self._committed

    def first_at_or_after(self, topic: str, partition: int, start: int) -> int | None:
        return self._first(start)

    def last_record(self, topic: str, partition: int) -> Stored | None:
        return None


async def bench(step: RecordStep, world: World | None = None) -> Bench:
    made = Bench(step, world)
    made.runner.start(cast(LogReader, made.world))
    return made


async def test_nothing_is_done_before_the_step_is_ready() -> None:
    step = Recorder()
    step.started.clear()
    made = await bench(step)
    made.put(2)
    await made.spin()
    assert step.batches == []
    assert not made.runner.recovered.is_set()
    step.started.set()
    await made.spin()
    assert made.runner.recovered.is_set()
    assert made.acked == [0, 1]
    await made.runner.stop()


async def at_work(step: Recorder) -> Bench:
    """A runner whose batch of one record does not end before the step's gate opens."""
    made = await bench(step)
    await made.spin()
    step.gate.clear()
    made.put(1)
    await made.spin()
    return made


async def test_what_arrives_while_a_batch_is_worked_on_is_the_next_batch() -> None:
    step = Recorder()
    made = await at_work(step)
    made.put(6)
    await made.spin()
    assert step.batches == [[0]]
    step.gate.set()
    await made.spin()
    assert step.batches == [[0], [1, 2, 3, 4], [5, 6]]
    assert made.acked == list(range(7))
    assert made.out() == [str(offset).encode() for offset in range(7)]
    await made.runner.stop()


async def test_what_waits_is_forgotten_and_what_was_begun_ends() -> None:
    """In a rebalance during a stop: the rest is somebody else's (fault run 1001)."""
    step = Recorder()
    made = await at_work(step)
    made.put(6)
    made.runner.forget()
    await made.spin()
    assert not made.runner.idle.is_set()
    step.gate.set()
    await made.spin()
    assert made.runner.idle.is_set()
    assert step.batches == [[0]]
    assert made.acked == [0]
    await made.runner.stop()


async def test_a_batch_is_bounded_by_its_bytes_too() -> None:
    """Else eight records of 1 MB of garbage would not fit the journal, now and after every restart."""
    step = Recorder()
    step.gate.clear()
    made = await bench(step)
    made.put(1)
    await made.spin()
    for size in (10, 10, BATCH_BYTES - 20, 1, BATCH_BYTES + 5, BATCH_BYTES + 5, 10):
        made.put(1, b"x" * size)
    step.gate.set()
    await made.spin()
    assert step.batches == [[0], [1, 2, 3], [4], [5], [6], [7]]
    await made.runner.stop()


async def test_nothing_is_acknowledged_before_it_is_durable() -> None:
    class Slow(World):
        def __init__(self) -> None:
            super().__init__(Chaos())
            self.gate = asyncio.Event()

        async def send(self, outputs: Sequence[Output]) -> dict[tuple[str, int], int]:
            await self.gate.wait()
            return await super().send(outputs)

    world = Slow()
    made = await bench(Recorder(), world)
    made.put(2)
    await made.spin()
    assert made.acked == []
    world.gate.set()
    await made.spin()
    assert made.acked == [0, 1]
    await made.runner.stop()


@pytest.mark.parametrize("where", ["decide", "log", "start"])
async def test_a_surprise_ends_the_process_and_acknowledges_nothing(where: str) -> None:
    class Broken(World):
        async def send(self, outputs: Sequence[Output]) -> dict[tuple[str, int], int]:
            if where == "log":
                raise OSError("no broker")
            return await super().send(outputs)

    class BrokenStep(Recorder):
        async def start(self, partition: int) -> None:
            if where == "start":
                raise OSError("no replica")

    made = await bench(BrokenStep(), Broken(Chaos()))
    made.put(1)
    made.put(1, b"boom" if where == "decide" else b"")
    made.put(1)
    await made.spin()
    expected = {"decide": "ZeroDivisionError: a bug", "log": "OSError: no broker", "start": "OSError: no replica"}
    assert made.deaths == [f"recorder/0: {expected[where]}"]
    assert made.acked == []
    assert made.runner.task is not None
    assert made.runner.task.done()


async def test_pressure_is_told_once_each_way() -> None:
    step = Recorder()
    step.gate.clear()
    made = await bench(step)
    made.put(QUEUE_HIGH - 1)
    assert made.pressure == []
    made.put(3)
    assert made.pressure == [True]
    step.gate.set()
    for _ in range(400):
        await asyncio.sleep(0)
        waiting = QUEUE_HIGH + 2 - sum(map(len, step.batches))
        assert (made.pressure == [True, False]) == (waiting <= QUEUE_LOW)
    assert made.acked == list(range(QUEUE_HIGH + 2))
    await made.runner.stop()


async def test_it_stops_in_the_middle_of_a_batch() -> None:
    step = Recorder()
    step.gate.clear()
    made = await bench(step)
    made.put(2)
    await made.spin()
    await made.runner.stop()
    assert (made.acked, made.out(), made.deaths) == ([], [], [])


async def test_stopping_what_was_never_started_is_nothing() -> None:
    await Bench(Recorder()).runner.stop()


# --- a step that acts by itself


class Ticker(Recorder):
    """Acts at the times it is given; each time it writes a record, and notes what it had handled by then."""

    def __init__(self, *due: int) -> None:
        super().__init__()
        self.due = list(due)
        self.ticks: list[int] = []
        self.bench: Bench | None = None

    def rest_ms(self, part: StepPartition) -> int | None:
        return self.due[0] - self.bench.now if self.due and self.bench else None

    async def tick(self, part: StepPartition) -> Effects:
        self.ticks.append(sum(map(len, self.batches)))
        return Effects([Output(topic="out", key=b"tick %d" % self.due.pop(0))])

    def figures(self, partitions: Collection[int]) -> dict[str, int]:
        return {"ticks": len(self.ticks)}


async def ticking(step: Ticker, world: World | None = None) -> Bench:
    made = Bench(step, world)
    step.bench = made
    made.runner.start(cast(LogReader, made.world))
    await made.spin()
    return made


async def test_it_acts_when_it_wants_to_and_not_before() -> None:
    made = await ticking(Ticker(10, 10, 30))
    assert made.out() == []
    made.now = 9
    await made.spin()
    assert made.out() == []
    made.now = 10
    await made.spin()
    assert made.out() == [b"tick 10", b"tick 10"]
    made.now = 30
    await made.spin()
    assert made.out() == [b"tick 10", b"tick 10", b"tick 30"]
    assert made.pauses == [0.01, 0.02, None]
    await made.runner.stop()


async def test_what_arrives_is_not_held_up_by_a_rest_and_may_change_its_end() -> None:
    step = Ticker(1000)
    made = await ticking(step)
    step.due[0] = 5
    made.put(1)
    await made.spin()
    assert (made.acked, made.out()) == ([0], [b"0"])
    made.now = 5
    await made.spin()
    assert made.out() == [b"0", b"tick 5"]
    await made.runner.stop()


async def test_input_and_ticks_take_turns() -> None:
    step = Ticker(*[1] * 3)
    made = await ticking(step)
    step.gate.clear()
    made.put(10)
    await made.spin()
    made.now = 1
    await made.spin()
    assert step.ticks == [], "never beside a batch of the same partition"
    step.gate.set()
    await made.spin(200)
    assert step.batches == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert step.ticks == [4, 8, 10]
    await made.runner.stop()


async def test_who_gave_its_partitions_up_acts_no_more() -> None:
    made = await ticking(Ticker(5))
    made.runner.forget()
    made.now = 50
    await made.spin()
    assert (made.out(), made.runner.idle.is_set()) == ([], True)
    await made.runner.stop()


async def test_a_tick_writes_its_tables_when_its_outputs_are_durable() -> None:
    class Gated(World):
        def __init__(self) -> None:
            super().__init__(Chaos())
            self.gate = asyncio.Event()
            self.sends: list[list[str]] = []

        async def send(self, outputs: Sequence[Output]) -> dict[tuple[str, int], int]:
            self.sends.append([output.topic for output in outputs])
            await self.gate.wait()
            return await super().send(outputs)

    class Keeper(Ticker):
        tables = {"t": "t.changelog"}

        async def tick(self, part: StepPartition) -> Effects:
            return Effects((await super().tick(part)).outputs, [Write("t", b"k", b"v")])

    world = Gated()
    made = await ticking(Keeper(0), world)
    assert (world.sends, made.runner.idle.is_set()) == ([["out"]], False)
    world.gate.set()
    await made.spin()
    assert (world.sends, world.tables["t"].rows) == ([["out"], ["t.changelog"]], {b"k": b"v"})
    await made.runner.stop()


async def test_a_surprise_in_a_tick_ends_the_process() -> None:
    class Broken(Ticker):
        async def tick(self, part: StepPartition) -> Effects:
            raise ZeroDivisionError("a bug")

    made = await ticking(Broken(0))
    assert made.deaths == ["recorder/0: ZeroDivisionError: a bug"]


async def test_a_rest_is_bounded_because_the_wall_clock_may_be_set() -> None:
    made = await ticking(Ticker(3_600_000))
    for _ in range(3):
        made.now += 15_000
        await made.spin()
    assert (made.pauses, made.deaths) == ([15.0] * 4, [])


async def test_nothing_is_done_by_itself_while_another_worker_may_own_the_partition() -> None:
    """Else a process that was suspended would wake with its clock in hand, and write what another owner has written or moved."""
    step = Ticker(10)
    made = await ticking(step)
    made.lease.prove(-1e9)
    made.now = 10
    await made.spin()
    assert made.out() == []
    made.lease.prove(time.monotonic())
    async with asyncio.timeout(10):
        while not made.out():
            await asyncio.sleep(0.01)


async def test_the_pause_ends_at_the_event_or_in_time() -> None:
    event = asyncio.Event()
    await runner_module.pause(event, 0.001)
    event.set()
    await runner_module.pause(event, None)


# --- with a journal


async def test_what_the_journal_covers_is_acknowledged_and_not_done_again() -> None:
    world = World(Chaos())
    entry = StepCommitted(1, [Output(topic="out", key=b"from the journal")], [])
    world.append("j", b"recorder", CODEC.encode(entry))
    step = Recorder(journal="j")
    made = await bench(step, world)
    made.put(4)
    await made.spin()
    assert step.batches == [[2, 3]]
    assert made.acked == [0, 1, 2, 3]
    assert made.out() == [b"from the journal", b"2", b"3"]
    last = CODEC.decode(world.records("j")[-1].value_, StepCommitted)
    assert (last.applied, [output.key for output in last.outputs]) == (3, [b"2", b"3"])
    await made.runner.stop()


async def test_a_batch_without_effects_needs_no_journal() -> None:
    class Idle(Recorder):
        def decide(self, view: View, record: Input) -> Effects:
            return Effects()

    made = await bench(Idle(journal="j"))
    made.put(2)
    await made.spin()
    assert made.acked == [0, 1]
    assert made.world.records("j") == []
    await made.runner.stop()


async def test_a_journal_holds_the_last_write_of_a_key() -> None:
    world = World(Chaos())
    journal = Journal("j", "s", 0, CODEC, cast(LogWriter, world))
    assert journal.applied == -1
    await journal.append(5, Effects([Output(topic="o", key=b"k")], [Write("t", b"a", b"1"), Write("t", b"a", b"2")]))
    assert journal.applied == 5
    again = Journal("j", "s", 0, CODEC, cast(LogWriter, world))
    undone = await again.recover(cast(LogReader, world))
    assert (again.applied, undone.writes) == (5, [Write("t", b"a", b"2")])
    assert [output.key for output in undone.outputs] == [b"k"]


def test_a_step_without_a_journal_has_none() -> None:
    assert make_journal(cast(Step, Recorder()), 0, CODEC, cast(LogWriter, World(Chaos()))) is None


async def guard(committed: int, first: Callable[[int], int | None]) -> tuple[GapGuard, list[str]]:
    deaths: list[str] = []

    def die(reason: str) -> NoReturn:
        deaths.append(reason)
        raise asyncio.CancelledError

    made = GapGuard(cast(LogReader, Committed(committed, first)), "in", 0, die)
    await made.start()
    return made, deaths


async def test_offsets_that_follow_on_are_fine() -> None:
    made, deaths = await guard(5, lambda start: pytest.fail("the log was asked"))
    for offset in (5, 6, 7, 6, 7, 8):  # also what comes again
        await made.check(offset)
    assert deaths == []


async def test_a_gap_without_records_is_fine() -> None:
    made, deaths = await guard(5, lambda start: 9)
    await made.check(9)
    await made.check(10)
    assert deaths == []


async def test_a_skipped_record_ends_the_process() -> None:
    made, deaths = await guard(5, lambda start: start)
    with pytest.raises(asyncio.CancelledError):
        await made.check(6)
    assert deaths == ["in/0: offset 6 arrived but 5 was skipped; starting again from the commit"]


async def test_so_it_does_later_on() -> None:
    made, deaths = await guard(0, lambda start: start)
    await made.check(0)
    with pytest.raises(asyncio.CancelledError):
        await made.check(2)
    assert "offset 2 arrived but 1 was skipped" in deaths[0]
