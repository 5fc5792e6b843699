"""Any order of setting, moving, taking back, time and deaths: each timer that is due is written, once a setting, and never early."""

import asyncio
from dataclasses import dataclass, field
from typing import cast

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.records import Output, SetTimer, Write
from schemas.topics import CHANGELOG_TIMERS, DLQ, TIMERS
from streams.step.lease import Lease
from streams.step.log import LogWriter
from streams.step.model import MAX_RECORD_BYTES, Effects, Input
from streams.step.partition import StepPartition
from streams.step.reader import LogReader
from streams.step.store import Store
from streams.timers import agent
from streams.timers.agent import TimerStep
from tests.unit.streams.make import NOW, codec
from tests.unit.streams.step.sim import Chaos, World

CODEC = codec()
IDS = ("a", "b", "c")


def die(reason: str) -> None:
    raise AssertionError(reason)


def setting(name: str, due: int, what: int = 0, *, taken_back: bool = False, value: bytes = b"") -> SetTimer:
    write = Output(topic="out", partition=0, key=str(what).encode(), value=value or f"{name} at {due}".encode())
    return SetTimer(name, due, "test", None if taken_back else write)


class Bench:
    """A step over one partition in memory, whose clock the test sets."""

    def __init__(self) -> None:
        self.world = World(Chaos())
        self.now = NOW
        self.offset = -1
        self.start()

    def start(self) -> None:
        """A new process: of the old one the log and the table are left."""
        self.step = TimerStep(CODEC, lambda: self.now, ["out"], 8)
        world = self.world
        self.part = StepPartition(0, self.step.tables, cast(Store, world), cast(LogWriter, world), die, Lease(1e9))  # type: ignore[arg-type]

    async def recover(self) -> None:
        """The table is lost too."""
        self.world.tables.clear()
        self.start()
        await self.part.recover(cast(LogReader, self.world))

    def inputs(self, *timers: SetTimer | bytes) -> list[Input]:
        made = []
        for timer in timers:
            self.offset += 1
            value = timer if isinstance(timer, bytes) else CODEC.encode(timer)
            made.append(Input(TIMERS, 0, self.offset, NOW, b"", value, {}))
        return made

    async def put(self, *timers: SetTimer | bytes) -> None:
        await self.handle(self.inputs(*timers))

    async def handle(self, batch: list[Input]) -> None:
        await self.part.commit(await self.step.handle(self.part, batch))

    async def tick(self) -> int:
        """As the runner does; returns how many were written."""
        rest_ms = self.step.rest_ms(self.part)
        if rest_ms is None or rest_ms > 0:
            return 0
        effects = await self.step.tick(self.part)
        await self.part.commit(Effects(outputs=effects.outputs))
        await self.part.commit(Effects(writes=effects.writes))
        return len(effects.outputs)

    def out(self) -> list[str]:
        return [(record.value_ or b"").decode() for record in self.world.records("out")]

    def rows(self) -> dict[bytes, bytes]:
        return self.world.tables["timers"].rows


# --- one by one


async def test_it_is_written_when_it_is_due_and_forgotten() -> None:
    bench = Bench()
    await bench.put(setting("a", NOW + 10))
    assert (bench.step.rest_ms(bench.part), await bench.tick()) == (10, 0)
    bench.now += 9
    assert await bench.tick() == 0
    bench.now += 1
    assert await bench.tick() == 1
    assert bench.out() == [f"a at {NOW + 10}"]
    assert bench.step.rest_ms(bench.part) is None
    assert set(bench.rows()) == {b"\0"}
    assert bench.rows() == bench.world.latest(CHANGELOG_TIMERS)


async def test_the_earliest_says_when() -> None:
    bench = Bench()
    await bench.put(setting("a", NOW + 10), setting("b", NOW + 5))
    assert bench.step.rest_ms(bench.part) == 5
    await bench.put(setting("c", NOW + 3))
    assert bench.step.rest_ms(bench.part) == 3


async def test_setting_it_again_moves_it_either_way() -> None:
    bench = Bench()
    await bench.put(setting("a", NOW + 10), setting("b", NOW + 10))
    await bench.put(setting("a", NOW + 5), setting("b", NOW + 20))
    for _ in range(30):
        bench.now += 1
        await bench.tick()
    assert bench.out() == [f"a at {NOW + 5}", f"b at {NOW + 20}"]


async def test_what_was_taken_back_is_not_written() -> None:
    bench = Bench()
    await bench.put(setting("a", NOW + 5), setting("b", NOW + 5))
    await bench.put(setting("a", NOW + 5, taken_back=True))
    bench.now += 10
    assert await bench.tick() == 1
    assert bench.out() == [f"b at {NOW + 5}"]


async def test_the_same_setting_again_changes_nothing() -> None:
    bench = Bench()
    await bench.put(setting("a", NOW + 5))
    written = len(bench.world.records(CHANGELOG_TIMERS))
    await bench.put(setting("a", NOW + 5))
    assert [record.key_ for record in bench.world.records(CHANGELOG_TIMERS)[written:]] == [b"\0"]


async def test_what_is_due_already_is_written_at_once_and_durable_before_its_input_counts_as_had() -> None:
    bench = Bench()
    effects = await bench.step.handle(bench.part, bench.inputs(setting("a", NOW)))
    assert bench.out() == [f"a at {NOW}"]
    assert effects.outputs == []
    assert [write.key for write in effects.writes] == [b"\0"]


async def test_a_backlog_leaves_in_bounded_batches_in_the_order_of_time() -> None:
    bench = Bench()
    dues = [NOW + 1 + 7919 * number % 3001 for number in range(1200)]
    await bench.put(*(setting(f"t{number}", due, number) for number, due in enumerate(dues)))
    bench.now += 10_000
    bench.start()
    assert [await bench.tick() for _ in range(4)] == [500, 500, 200, 0]
    assert [int(told.rpartition(" ")[2]) for told in bench.out()] == sorted(dues)


async def test_a_batch_is_bounded_by_its_bytes_too() -> None:
    bench = Bench()
    await bench.put(*(setting(f"t{number:03}", NOW + 1, number, value=b"x" * 90_000) for number in range(120)))
    bench.now += 1
    fired = [await bench.tick() for _ in range(4)]
    assert (fired, max(fired) * 90_000 < agent.AT_ONCE_BYTES + agent.LOOK * 90_000) == ([50, 50, 20, 0], True)
    assert len(set(bench.world.records("out"))) == 120


async def test_what_can_t_be_a_timer_is_kept_as_a_dead_letter_and_its_neighbours_go_on() -> None:
    bench = Bench()
    too_large = setting("b", NOW + 5, value=b"x" * MAX_RECORD_BYTES)
    nowhere = SetTimer("c", NOW + 5, "", Output(topic="nowhere", key=b"k"))
    await bench.put(b"garbage", setting("a", NOW + 5), too_large, nowhere)
    assert [record.key_ for record in bench.world.records(DLQ)] == [f"{TIMERS}/0/{offset}".encode() for offset in (0, 2, 3)]
    assert set(bench.rows()) == {b"a", b"\0"}


async def test_it_tells_how_many_wait_and_how_late_the_last_were() -> None:
    bench = Bench()
    assert bench.step.figures({0}) == {"waiting": 0, "fired": 0, "late_ms": 0}
    await bench.put(*(setting(name, NOW + 5) for name in IDS), setting("d", NOW), setting("e", NOW + 9))
    await bench.put(
        setting("a", NOW + 6), setting("b", NOW + 5), setting("c", NOW, taken_back=True), setting("e", NOW + 9, taken_back=True)
    )
    assert bench.step.figures({0, 1}) == {"waiting": 2, "fired": 0, "late_ms": 0}
    assert bench.step.figures({1})["waiting"] == 0
    bench.start()
    bench.now += 8
    assert await bench.tick() == 2
    assert bench.step.figures({0}) == {"waiting": 0, "fired": 2, "late_ms": 3}


async def test_a_clock_that_is_set_back_makes_nothing_early() -> None:
    bench = Bench()
    await bench.put(setting("a", NOW + 5), setting("b", NOW + 50))
    bench.now += 10
    assert await bench.tick() == 1
    bench.now = NOW - 100
    await bench.put(setting("c", NOW + 2))
    assert (await bench.tick(), bench.step.rest_ms(bench.part)) == (0, 102)
    bench.now = NOW + 50
    assert await bench.tick() == 2
    assert bench.out() == [f"a at {NOW + 5}", f"c at {NOW + 2}", f"b at {NOW + 50}"]


async def test_a_partition_that_was_away_is_looked_at_anew() -> None:
    """Others may have changed all of it meanwhile."""
    bench = Bench()
    await bench.put(setting("a", NOW + 500))
    assert bench.step.rest_ms(bench.part) == 500
    bench.rows()[b"b"] = (NOW + 3).to_bytes(8, "big")
    await bench.step.start(0)
    assert bench.step.rest_ms(bench.part) == 3


# --- any order, against what is obvious


@dataclass
class Model:
    """What is obvious: which settings are to be written by now, and the ones that wait."""

    waiting: dict[str, tuple[int, int]] = field(default_factory=dict)
    written: list[int] = field(default_factory=list)

    def say(self, name: str, due: int, what: int | None, now: int) -> None:
        self.waiting.pop(name, None)
        if what is not None and due <= now:
            self.written.append(what)
        elif what is not None:
            self.waiting[name] = (due, what)

    def tick(self, now: int) -> None:
        ready = sorted((due, name, what) for name, (due, what) in self.waiting.items() if due <= now)
        for _, name, what in ready:
            self.written.append(what)
            del self.waiting[name]


say = st.tuples(st.just("say"), st.sampled_from(IDS), st.integers(-3, 12), st.booleans())
passes = st.tuples(st.just("pass"), st.integers(1, 6))
ticks = st.tuples(st.just("tick"), st.sampled_from(["whole", "killed before", "killed between"]))
dies = st.tuples(st.just("die"), st.booleans(), st.integers(0, 6))
unsaid = st.tuples(st.just("unsaid"), st.sampled_from(IDS), st.integers(-3, 12), st.booleans(), st.integers(0, 6))
histories = st.lists(say | say | say | passes | passes | ticks | ticks | dies | unsaid, max_size=40)


@settings(max_examples=400, deadline=None)
@given(histories)
def test_each_setting_is_written_once_when_it_is_due_whatever_dies(history: list[tuple]) -> None:  # type: ignore[type-arg]
    asyncio.run(Played().play(history))


class Played:
    """One history, played on the step and on the model; settings are numbered, so that each can be told from all others."""

    def __init__(self) -> None:
        self.bench, self.model = Bench(), Model()
        self.dues: dict[int, int] = {}
        self.repeats: set[int] = set()
        self.had: list[Input] = []
        self.early: list[int] = []

    async def play(self, history: list[tuple]) -> None:  # type: ignore[type-arg]
        for what, *about in history:
            await getattr(self, f"_{what}")(*about)
            self._nothing_is_early()
        await self._pass(100)
        await self._tick("whole")
        self._judge()

    async def _say(self, name: str, ahead: int, taken_back: bool) -> None:
        batch, number = self._made(name, ahead, taken_back)
        await self.bench.handle(batch)
        self._said(name, batch, number)

    async def _unsaid(self, name: str, ahead: int, taken_back: bool, later: int) -> None:
        """Killed before the table has it: it comes again, later."""
        batch, number = self._made(name, ahead, taken_back)
        await self.bench.step.handle(self.bench.part, batch)
        if number is not None and self.dues[number] <= self.bench.now:
            self.repeats.add(number)
        self.bench.start()
        self.bench.now += later
        await self.bench.handle(batch)
        self._said(name, batch, number)

    def _made(self, name: str, ahead: int, taken_back: bool) -> tuple[list[Input], int | None]:
        number = len(self.dues)
        self.dues[number] = self.bench.now + ahead
        return self.bench.inputs(setting(name, self.dues[number], number, taken_back=taken_back)), None if taken_back else number

    def _said(self, name: str, batch: list[Input], number: int | None) -> None:
        self.had += batch
        self.model.say(name, self.dues[len(self.dues) - 1], number, self.bench.now)

    async def _pass(self, ms: int) -> None:
        self.bench.now += ms

    async def _tick(self, how: str) -> None:
        bench = self.bench
        if how != "whole" and (bench.step.rest_ms(bench.part) or 1) <= 0:
            effects = await bench.step.tick(bench.part)
            if how == "killed between":
                await bench.part.commit(Effects(outputs=effects.outputs))
                self.repeats |= {int(output.key) for output in effects.outputs}
            bench.start()
            return
        while await bench.tick():
            pass
        self.model.tick(bench.now)

    async def _die(self, disk: bool, again: int) -> None:
        """The last inputs come again, as they were not committed."""
        if disk:
            self.bench.start()
        else:
            await self.bench.recover()
        if again:
            await self.bench.handle(self.had[-again:])

    def _nothing_is_early(self) -> None:
        for record in self.bench.world.records("out")[len(self.early) :]:
            self.early.append(int(record.key_ or b""))
            assert self.dues[self.early[-1]] <= self.bench.now

    def _judge(self) -> None:
        told = [int(record.key_ or b"") for record in self.bench.world.records("out")]
        values = {record.key_: record.value_ for record in self.bench.world.records("out")}
        assert all(values[record.key_] == record.value_ for record in self.bench.world.records("out"))
        # one that was written, and neither forgotten nor had again before it was moved or taken back, is the repeat of nothing
        assert set(told) - self.repeats == set(self.model.written) - self.repeats
        assert set(self.model.written) <= set(told)
        assert all(told.count(number) == 1 for number in set(told) - self.repeats)
        rows = {Write("timers", key, value) for key, value in self.bench.rows().items()}
        assert rows == {Write("timers", key, value) for key, value in self.bench.world.latest(CHANGELOG_TIMERS).items()}
        assert {row.key for row in rows} <= {b"\0"}
        assert self.bench.step.figures({0})["waiting"] == 0
