"""Calling again for what was certainly not sent, and for nothing else."""

import asyncio
from collections.abc import Sequence
from typing import cast

import pytest

from providers.base import Accepted, AnyProvider, Message, Outcome, Rejected, Throttled, Unavailable, Unknown
from providers.sender import Sender
from streams.delivery import call
from streams.delivery.call import ATTEMPTS, BACKOFF_LIMIT_S, Caller
from streams.step.partition import StepPartition


class FakeSender:
    """Gives each message its script's next outcome; the last one for good."""

    def __init__(self, scripts: dict[str, list[Outcome]]) -> None:
        self.scripts = scripts
        self.calls: list[list[str]] = []

    async def send_all(self, provider: AnyProvider, messages: Sequence[Message]) -> list[Outcome]:
        self.calls.append([message.message_id for message in messages])
        return [self._next(message.message_id) for message in messages]

    def _next(self, message_id: str) -> Outcome:
        script = self.scripts[message_id]
        return script.pop(0) if len(script) > 1 else script[0]


class FakePart:
    def __init__(self) -> None:
        self.signs = 0

    def alive(self) -> None:
        self.signs += 1


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits between attempts, in s; nobody waits."""
    seen: list[float] = []
    real = asyncio.sleep

    async def sleep(seconds: float) -> None:
        seen.append(seconds)
        await real(0)

    monkeypatch.setattr(call.asyncio, "sleep", sleep)
    return seen


async def called(scripts: dict[str, list[Outcome]], part: FakePart | None = None) -> tuple[list[Outcome], FakeSender]:
    sender = FakeSender(scripts)
    messages = [Message(message_id=name, notification_id="n", user_id="u", address="a") for name in scripts]
    caller = Caller(cast(Sender, sender))
    outcomes = await caller.call(cast(StepPartition, part or FakePart()), cast(AnyProvider, None), messages)
    return outcomes, sender


@pytest.mark.parametrize("final", [Accepted("p"), Rejected("gone"), Unknown("reset")])
async def test_what_is_final_is_asked_once(waits: list[float], final: Outcome) -> None:
    outcomes, sender = await called({"a": [final], "b": [final]})
    assert outcomes == [final, final]
    assert sender.calls == [["a", "b"]]
    assert waits == []


async def test_only_what_was_not_sent_is_sent_again_and_keeps_its_place(waits: list[float]) -> None:
    outcomes, sender = await called(
        {
            "a": [Accepted("pa")],
            "b": [Unavailable("down"), Accepted("pb")],
            "c": [Unknown("reset"), Accepted("never")],
            "d": [Throttled(0), Throttled(0), Rejected("gone")],
        }
    )
    assert outcomes == [Accepted("pa"), Accepted("pb"), Unknown("reset"), Rejected("gone")]
    assert sender.calls == [["a", "b", "c", "d"], ["b", "d"], ["d"]]


async def test_there_is_an_end_to_it(waits: list[float]) -> None:
    outcomes, sender = await called({"a": [Unavailable("down")]})
    assert outcomes == [Unavailable("down")]
    assert len(sender.calls) == ATTEMPTS
    assert len(waits) == ATTEMPTS - 1


@pytest.mark.parametrize(("told_ms", "least", "most"), [(0, 0.0, BACKOFF_LIMIT_S), (1500, 1.5, BACKOFF_LIMIT_S), (600_000, 3.0, 3.0)])
async def test_it_waits_as_told_but_never_long(waits: list[float], told_ms: int, least: float, most: float) -> None:
    await called({"a": [Throttled(told_ms)], "b": [Throttled(0)]})
    assert all(least <= wait <= most for wait in waits)


async def test_the_stall_guard_hears_of_every_attempt(waits: list[float]) -> None:
    part = FakePart()
    await called({"a": [Unavailable("down")]}, part)
    assert part.signs >= 2 * (ATTEMPTS - 1)


async def test_a_slow_provider_is_no_stall(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may take longer than the stall guard allows between two signs of life, when requests wait for their turn."""
    monkeypatch.setattr(call, "SIGN_S", 0.001)
    part = FakePart()

    class Slow(FakeSender):
        async def send_all(self, provider: AnyProvider, messages: Sequence[Message]) -> list[Outcome]:
            while part.signs < 3:
                await asyncio.sleep(0.001)
            return await super().send_all(provider, messages)

    message = Message(message_id="a", notification_id="n", user_id="u", address="a")
    caller = Caller(cast(Sender, Slow({"a": [Accepted("p")]})))
    async with asyncio.timeout(5):
        assert await caller.call(cast(StepPartition, part), cast(AnyProvider, None), [message]) == [Accepted("p")]


async def test_a_cancelled_call_is_not_left_running() -> None:
    ended = asyncio.Event()

    class Hangs(FakeSender):
        async def send_all(self, provider: AnyProvider, messages: Sequence[Message]) -> list[Outcome]:
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()
            return []

    caller = Caller(cast(Sender, Hangs({})))
    task = asyncio.create_task(caller.call(cast(StepPartition, FakePart()), cast(AnyProvider, None), []))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    async with asyncio.timeout(5):
        await ended.wait()
    assert task.cancelled()


async def test_what_the_sender_raises_comes_through() -> None:
    class Broken(FakeSender):
        async def send_all(self, provider: AnyProvider, messages: Sequence[Message]) -> list[Outcome]:
            raise ZeroDivisionError("a bug")

    caller = Caller(cast(Sender, Broken({})))
    with pytest.raises(ZeroDivisionError):
        await caller.call(cast(StepPartition, FakePart()), cast(AnyProvider, None), [])
