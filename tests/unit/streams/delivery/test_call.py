"""Calling once, and at once again for what only its neighbours kept back."""

import asyncio
from collections.abc import Sequence
from typing import cast

import pytest

from providers.base import Accepted, AnyProvider, Message, Outcome, Rejected, Throttled, Unavailable, Unknown
from providers.sender import Sender
from streams.delivery import call
from streams.delivery.call import ROUNDS, Caller
from streams.step.partition import StepPartition

GONE = Rejected("no address", address_dead=True)
KEPT_BACK = Unavailable("kept back", at_once=True)


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


async def called(scripts: dict[str, list[Outcome]], part: FakePart | None = None) -> tuple[list[Outcome], FakeSender]:
    sender = FakeSender(scripts)
    messages = [Message(message_id=name, notification_id="n", user_id="u", address="a") for name in scripts]
    caller = Caller(cast(Sender, sender))
    outcomes = await caller.call(cast(StepPartition, part or FakePart()), cast(AnyProvider, None), messages)
    return outcomes, sender


@pytest.mark.parametrize(
    "end", [Accepted("p"), Rejected("gone"), Unknown("reset"), Unavailable("down"), Throttled(0), Unavailable("", config=True)]
)
async def test_what_is_answered_is_asked_once(end: Outcome) -> None:
    outcomes, sender = await called({"a": [end], "b": [end]})
    assert outcomes == [end, end]
    assert sender.calls == [["a", "b"]]


async def test_what_its_neighbours_kept_back_is_sent_again_at_once_and_keeps_its_place() -> None:
    outcomes, sender = await called(
        {
            "a": [KEPT_BACK, Accepted("pa")],
            "b": [GONE],
            "c": [KEPT_BACK, KEPT_BACK, Unavailable("down")],
            "d": [KEPT_BACK, GONE],
        }
    )
    assert outcomes == [
        Accepted("pa"),
        GONE,
        Unavailable("down"),
        GONE,
    ]
    assert sender.calls == [["a", "b", "c", "d"], ["a", "c", "d"], ["c"]]


async def test_there_is_an_end_to_it() -> None:
    part = FakePart()
    outcomes, sender = await called({"a": [KEPT_BACK]}, part)
    assert outcomes == [KEPT_BACK]
    assert len(sender.calls) == ROUNDS
    assert part.signs >= ROUNDS - 1, "the stall guard hears of every round"


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
