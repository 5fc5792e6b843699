"""The one way to change a table: the log first, grouped, in order, and never late."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any, NoReturn, cast

import pytest

from schemas.records import Output, Write
from streams.step import partition as partition_module
from streams.step.lease import Lease
from streams.step.log import LogWriter, WriteFailedError
from streams.step.model import Effects
from streams.step.partition import StepPartition
from streams.step.reader import LogReader
from streams.step.store import Store
from tests.unit.streams.step.sim import Chaos, Stored, Table

CHANGELOG = "t.changelog"


class Died(BaseException):
    """The process has ended."""


def die(reason: str) -> NoReturn:
    raise Died(reason)


class GatedLog:
    """Writes when it is let: each `send` waits for its gate; one that is told to fail, fails."""

    def __init__(self) -> None:
        self.sends: list[list[Output]] = []
        self.gates: list[asyncio.Future[None]] = []
        self.end = 0

    async def send(self, outputs: Sequence[Output]) -> dict[tuple[str, int], int]:
        self.sends.append(list(outputs))
        gate: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.gates.append(gate)
        await gate
        self.end += sum(output.topic == CHANGELOG for output in outputs)
        return {(CHANGELOG, 3): self.end}


class Tables:
    def __init__(self) -> None:
        self.table = Table(Chaos())

    def partition(self, name: str, number: int) -> Table:
        assert (name, number) == ("t", 3)
        return self.table


class Clock:
    """Monotonic seconds, set by the test."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr(partition_module.time, "monotonic", lambda: self.now)


@pytest.fixture
def log() -> GatedLog:
    return GatedLog()


@pytest.fixture
def tables() -> Tables:
    return Tables()


@pytest.fixture
def lease() -> Lease:
    return Lease(30.0)


@pytest.fixture
def part(log: GatedLog, tables: Tables, lease: Lease) -> StepPartition:
    return StepPartition(3, {"t": CHANGELOG}, cast(Store, tables), cast(LogWriter, log), die, lease)


def write(key: bytes, value: bytes | None) -> Effects:
    return Effects(writes=[Write("t", key, value)])


async def spin() -> None:
    """Let every task run as far as it can."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_nothing_to_do_writes_nothing(part: StepPartition, log: GatedLog) -> None:
    await part.commit(Effects())
    assert log.sends == []


async def test_the_store_follows_the_log(part: StepPartition, log: GatedLog, tables: Tables) -> None:
    output = Output(topic="out", key=b"k", value=b"v")
    task = asyncio.create_task(part.commit(Effects([output], [Write("t", b"a", b"1"), Write("t", b"b", b"1"), Write("t", b"a", b"2")])))
    await spin()
    changelog = [Output(topic=CHANGELOG, partition=3, key=b"a", value=b"2"), Output(topic=CHANGELOG, partition=3, key=b"b", value=b"1")]
    assert log.sends == [[output, *changelog]]
    assert tables.table.rows == {}
    log.gates[0].set_result(None)
    await task
    assert (tables.table.rows, tables.table.reached) == ({b"a": b"2", b"b": b"1"}, 2)
    assert part.get("t", b"a") == b"2"


async def test_a_removed_key_is_a_tombstone(part: StepPartition, log: GatedLog, tables: Tables) -> None:
    tables.table.rows[b"a"] = b"1"
    task = asyncio.create_task(part.commit(write(b"a", None)))
    await spin()
    assert log.sends == [[Output(topic=CHANGELOG, partition=3, key=b"a", value=None)]]
    log.gates[0].set_result(None)
    await task
    assert part.get("t", b"a") is None


async def test_outputs_alone_leave_the_tables(part: StepPartition, log: GatedLog, tables: Tables) -> None:
    task = asyncio.create_task(part.commit(Effects([Output(topic="out", key=b"k")])))
    await spin()
    log.gates[0].set_result(None)
    await task
    assert tables.table.reached == 0


async def test_what_comes_while_a_group_is_written_goes_together(part: StepPartition, log: GatedLog, tables: Tables) -> None:
    tasks = [asyncio.create_task(part.commit(write(b"a", b"1")))]
    await spin()
    tasks += [asyncio.create_task(part.commit(write(key, b"2"))) for key in (b"a", b"b", b"c")]
    await spin()
    assert len(log.sends) == 1
    log.gates[0].set_result(None)
    await spin()
    assert [len(some) for some in log.sends] == [1, 3]
    assert tasks[0].done()
    assert not any(task.done() for task in tasks[1:])
    log.gates[1].set_result(None)
    await asyncio.gather(*tasks)
    assert tables.table.rows == {b"a": b"2", b"b": b"2", b"c": b"2"}


async def test_a_group_that_fails_fails_for_everyone_in_it(part: StepPartition, log: GatedLog, tables: Tables) -> None:
    """Whoever goes on after `commit` acts on its being durable: a provider would be called without an intent."""
    first = asyncio.create_task(part.commit(write(b"a", b"1")))
    await spin()
    others = [asyncio.create_task(part.commit(write(key, b"2"))) for key in (b"b", b"c", b"d")]
    await spin()
    log.gates[0].set_result(None)
    await spin()
    log.gates[1].set_exception(WriteFailedError("no broker"))
    results = await asyncio.gather(*others, return_exceptions=True)
    assert [type(result) for result in results] == [WriteFailedError] * 3
    await first
    assert tables.table.rows == {b"a": b"1"}


async def test_a_group_whose_writer_was_cancelled_is_not_durable_for_anyone(part: StepPartition, log: GatedLog) -> None:
    first = asyncio.create_task(part.commit(write(b"a", b"1")))
    await spin()
    leader, follower = (asyncio.create_task(part.commit(write(key, b"2"))) for key in (b"b", b"c"))
    await spin()
    log.gates[0].set_result(None)
    await spin()
    leader.cancel()
    results = await asyncio.gather(first, leader, follower, return_exceptions=True)
    assert results[0] is None
    assert isinstance(results[1], asyncio.CancelledError)
    assert isinstance(results[2], BaseException)


async def test_a_failure_does_not_poison_the_next_group(part: StepPartition, log: GatedLog, tables: Tables) -> None:
    task = asyncio.create_task(part.commit(write(b"a", b"1")))
    await spin()
    log.gates[0].set_exception(WriteFailedError("no broker"))
    with pytest.raises(WriteFailedError):
        await task
    again = asyncio.create_task(part.commit(write(b"a", b"2")))
    await spin()
    log.gates[1].set_result(None)
    await again
    assert tables.table.rows == {b"a": b"2"}


async def test_a_batch_that_took_too_long_dies_before_it_writes(
    part: StepPartition, log: GatedLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    await part.begin()
    clock.now += 15.1
    with pytest.raises(Died, match="a batch took 15.1 s .limit 15.0 s."):
        await part.commit(write(b"a", b"1"))
    assert log.sends == []


async def test_and_before_it_stores(part: StepPartition, log: GatedLog, tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    await part.begin()
    task = asyncio.create_task(part.commit(write(b"a", b"1")))
    await spin()
    clock.now += 15.1
    log.gates[0].set_result(None)
    with pytest.raises(Died):
        await task
    assert tables.table.rows == {}


async def test_a_sign_of_life_starts_the_guard_anew_but_does_not_come_too_late(
    part: StepPartition, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    await part.begin()
    for _ in range(3):
        clock.now += 14.0
        part.alive()
    part.guard()
    clock.now += 15.1
    with pytest.raises(Died):
        part.alive()


async def test_who_may_not_own_it_any_more_writes_nothing(part: StepPartition, log: GatedLog, lease: Lease) -> None:
    """Fault run 4026: a profile was overwritten with an older one by a worker that had been suspended for longer than its session."""
    await part.begin()
    lease.prove(time.monotonic() - 24.1)
    with pytest.raises(Died, match="no heartbeat was answered"):
        await part.commit(write(b"a", b"1"))
    assert log.sends == []


async def test_and_begins_nothing_until_a_heartbeat_is_answered(part: StepPartition, lease: Lease) -> None:
    lease.prove(time.monotonic() - 24.1)
    begun = asyncio.create_task(part.begin())
    await spin()
    assert not begun.done()
    lease.prove(time.monotonic())
    async with asyncio.timeout(10):
        await begun
    part.guard()


class Changelog:
    """A reader of one changelog; says at which offsets it was asked to begin."""

    def __init__(self, *records: tuple[bytes, bytes | None]) -> None:
        self.records = [Stored(CHANGELOG, 3, offset, key, value) for offset, (key, value) in enumerate(records)]
        self.asked: list[int] = []

    def read_to_end(self, topic: str, partition: int, start: int, apply: Any) -> int:
        assert (topic, partition) == (CHANGELOG, 3)
        self.asked.append(start)
        for record in self.records[start:]:
            apply([record], record.offset() + 1)
        return len(self.records)


async def test_recovery_reads_what_is_missing(part: StepPartition, tables: Tables) -> None:
    tables.table.write([(b"a", b"1"), (b"gone", b"1")], 1)
    changelog = Changelog((b"a", b"1"), (b"a", b"2"), (b"gone", None), (b"b", b"1"))
    await part.recover(cast(LogReader, changelog))
    assert changelog.asked == [1]
    assert (tables.table.rows, tables.table.reached) == ({b"a": b"2", b"b": b"1"}, 4)


async def test_a_table_that_was_away_for_long_is_read_again_from_its_beginning(part: StepPartition, tables: Tables) -> None:
    """The tombstone of what it still has may be compacted away by now."""
    tables.table.write([(b"removed since", b"1")], 1)
    tables.table.age = partition_module.STALE_S + 1
    changelog = Changelog((b"compacted away", b""), (b"a", b"1"))
    await part.recover(cast(LogReader, changelog))
    assert changelog.asked == [0]
    assert b"removed since" not in tables.table.rows


async def test_a_store_ahead_of_its_log_belongs_to_another_log(part: StepPartition, tables: Tables) -> None:
    tables.table.write([(b"old", b"1")], 900)
    changelog = Changelog((b"a", b"1"))
    await part.recover(cast(LogReader, changelog))
    assert changelog.asked == [900, 0]
    assert (tables.table.rows, tables.table.reached) == ({b"a": b"1"}, 1)


async def test_a_log_that_is_empty_again_empties_the_store(part: StepPartition, tables: Tables) -> None:
    tables.table.write([(b"old", b"1")], 900)
    await part.recover(cast(LogReader, Changelog()))
    assert (tables.table.rows, tables.table.reached) == ({}, 0)
