"""The way to a provider account: shut while it is down, and no wider than its limit."""

import asyncio

import pytest

from providers.base import Accepted, Declaration, Outcome, Rejected, Throttled, Unavailable, Unknown
from streams.delivery import gate as module
from streams.delivery.gate import DOWN, Gate
from streams.delivery.gates import passed
from streams.routing.breaker import COOLEST_MS, FAILURES
from tests.unit.streams.delivery.virtual import now_ms, run
from tests.unit.streams.make import NOW


class Clock:
    now = NOW

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Nobody sleeps: the time passes."""
    clock, real = Clock(), asyncio.sleep

    async def sleep(seconds: float) -> None:
        clock.now += round(seconds * 1000)
        await real(0)

    monkeypatch.setattr(module.asyncio, "sleep", sleep)
    return clock


def gate_of(clock: Clock, per_s: int | None = None, share: float = 1.0) -> Gate:
    declaration = Declaration(name="a", channel="push", rate_per_s=per_s)
    return Gate(declaration, lambda limit: limit * share, clock, lambda: 0.5)


def alive() -> None: ...


def down(gate: Gate) -> None:
    for _ in range(FAILURES):
        gate.heard([Unavailable("down")] * 3)


async def took(gate: Gate, clock: Clock, *counts: int) -> int:
    """Until the turn of the last of some requests (ms)."""
    began = clock.now
    for count in counts:
        async with gate.turn(count) as refusal:
            assert refusal is None
    return clock.now - began


async def test_requests_are_spaced_by_the_share_of_the_limit(clock: Clock) -> None:
    gate = gate_of(clock, per_s=1_000, share=0.25)
    assert (gate.request_size(200), gate.most(200, 1)) == (5, 25)
    assert 3_150 <= await took(gate, clock, *[5] * 175) <= 3_700, "875 messages at 250 a second, and what may be caught up at first"


async def test_what_waits_for_the_wire_lets_few_through(clock: Clock) -> None:
    """Who waits before the intent has read and written nothing, and goes on when there is room."""
    gate = gate_of(clock, per_s=100)
    async with passed(gate, 20, alive) as first, passed(gate, 10, alive) as second:
        assert first
        assert second
        assert not gate.has_room(1)
        third = asyncio.create_task(through(gate, 10))
        await asyncio.wait({third}, timeout=0.01)
        assert not third.done()
    assert await third
    assert gate.has_room(30)


async def test_what_is_shut_out_of_an_intent_leaves_room(clock: Clock) -> None:
    gate = gate_of(clock, per_s=100)
    with pytest.raises(RuntimeError, match="killed"):
        async with passed(gate, 30, alive):
            raise RuntimeError("killed")
    assert gate.has_room(30)


async def through(gate: Gate, count: int) -> bool:
    async with passed(gate, count, alive) as is_open:
        return is_open


def test_a_long_wait_gives_signs_of_life() -> None:
    async def waited() -> tuple[int, int]:
        gate, signs = Gate(Declaration(name="a", channel="push"), lambda limit: limit, now_ms, lambda: 0.5), list[int]()
        gate.heard([Throttled(5_000), Accepted()])
        async with passed(gate, 1, lambda: signs.append(1)) as is_open:
            assert is_open
        return now_ms() - NOW, len(signs)

    waited_ms, signs = run(waited())
    assert 4_500 <= waited_ms <= 5_100
    assert signs == 4


async def test_who_was_let_through_before_it_asked_for_time_is_not_sent_late(clock: Clock) -> None:
    gate = gate_of(clock)
    gate.heard([Throttled(60_000)])
    async with gate.turn(1) as refusal:
        assert refusal == Throttled(60_000, "it would be long after its turn")
    assert clock.now == NOW


async def test_who_expires_before_their_turn_is_not_sent(clock: Clock) -> None:
    gate = gate_of(clock, per_s=10)
    assert await took(gate, clock, 10) == 0
    async with gate.turn(1, clock.now + 900) as refusal:
        assert refusal == Throttled(0, "it expires before its turn")
    async with gate.turn(1, clock.now + 2_000) as refusal:
        assert refusal is None


async def test_who_comes_to_the_wire_of_one_that_is_down_is_not_sent(clock: Clock) -> None:
    gate = gate_of(clock)
    down(gate)
    async with gate.turn(1) as refusal:
        assert refusal == DOWN
    clock.now += COOLEST_MS
    async with gate.turn(1) as first, gate.turn(1) as second:
        assert (first, second) == (None, DOWN), "one asks whether it is back"
    gate.heard([Accepted()])
    gate.heard([Accepted()])
    assert await took(gate, clock, *[1] * 4) < 100


async def test_a_process_without_partitions_sends_nothing(clock: Clock) -> None:
    gate = gate_of(clock, per_s=1_000, share=0.0)
    await took(gate, clock, 1)
    async with gate.turn(1) as refusal:
        assert isinstance(refusal, Throttled)


async def test_while_it_is_down_nobody_passes_and_then_one_does(clock: Clock) -> None:
    gate = gate_of(clock)
    down(gate)
    assert gate.is_down
    assert not gate.is_open
    async with passed(gate, 1, alive) as is_open:
        assert not is_open or clock.now >= NOW + 500
    clock.now += COOLEST_MS
    assert gate.most(200, 1) == 1, "one request asks whether it is back"
    async with passed(gate, 1, alive) as first:
        assert first
        assert not gate.is_open
    async with gate.turn(1) as refusal:
        assert refusal is None
        assert not gate.is_open
    gate.heard([Accepted()])
    assert not gate.is_down
    assert gate.most(200, 1) == 2


@pytest.mark.parametrize("outcome", [Unavailable("x"), Unknown("x")])
def test_what_comes_to_nothing_shuts_it(clock: Clock, outcome: Outcome) -> None:
    gate = gate_of(clock)
    for _ in range(FAILURES):
        gate.heard([outcome] * 2)
    assert gate.is_down


@pytest.mark.parametrize("outcome", [Accepted(), Rejected("gone"), Throttled(), Unavailable(at_once=True)])
def test_whoever_says_anything_else_is_there(clock: Clock, outcome: Outcome) -> None:
    gate = gate_of(clock)
    for _ in range(FAILURES):
        gate.heard([Unavailable("x"), outcome])
    assert not gate.is_down


def test_wrong_settings_shut_it_at_once(clock: Clock) -> None:
    gate = gate_of(clock)
    gate.heard([Unavailable("key", config=True)])
    assert gate.is_down
