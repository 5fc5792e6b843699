"""The way to a provider account: shut while it is down, and no wider than its limit."""

import asyncio

import pytest

from providers.base import Accepted, Declaration, Outcome, Rejected, Throttled, Unavailable, Unknown
from streams.delivery import gate as module
from streams.delivery.gate import Gate
from streams.routing.breaker import COOLEST_MS, FAILURES
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
    return Gate(declaration, lambda: share, clock, lambda: 0.5)


def alive() -> None: ...


def down(gate: Gate) -> None:
    for _ in range(FAILURES):
        gate.heard([Unavailable("down")] * 3)


async def test_messages_are_spaced_by_the_share_of_the_limit(clock: Clock) -> None:
    gate, began = gate_of(clock, per_s=1_000, share=0.25), NOW
    for _ in range(50):
        assert gate.most(200, 1) == 5
        async with gate.passed(5, alive) as passed:
            assert passed
    assert 0.95 <= 245 / (clock.now - began) / 0.25 <= 1.0


async def test_who_sends_more_than_was_counted_waits_for_it_after(clock: Clock) -> None:
    gate = gate_of(clock, per_s=100)
    async with gate.passed(1, alive):
        gate.settle(1, 3)
    before = clock.now
    async with gate.passed(1, alive):
        assert clock.now - before >= 30


async def test_a_long_wait_gives_signs_of_life(clock: Clock) -> None:
    gate, signs = gate_of(clock), list[int]()
    gate.heard([Throttled(5_000), Accepted()])
    async with gate.passed(1, lambda: signs.append(1)) as passed:
        assert passed
    assert clock.now - NOW >= 5_000
    assert len(signs) == 5


async def test_while_it_is_down_nobody_passes_and_then_one_does(clock: Clock) -> None:
    gate = gate_of(clock)
    down(gate)
    assert gate.is_down
    assert not gate.is_open
    async with gate.passed(1, alive) as passed:
        assert not passed or clock.now >= NOW + 500
    clock.now += COOLEST_MS
    assert gate.most(200, 1) == 1, "one request asks whether it is back"
    async with gate.passed(1, alive) as first:
        assert first
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
