"""The gates of a provider that is made of others: each part's is its own."""

import asyncio
from collections.abc import Sequence

import httpx
import pytest

from providers.base import Accepted, Declaration, Message, Outcome, Throttled, Unavailable
from providers.platforms import Platforms
from providers.registry import Route
from providers.sender import Sender
from streams.delivery.gates import passed
from streams.delivery.shares import Shares, Standing
from streams.routing.breaker import FAILURES
from tests.unit.streams.delivery.virtual import now_ms, run

SECONDS = 4


class Part:
    """Counts what it gets in each second."""

    auth: httpx.Auth | None = None

    def __init__(self, name: str, per_s: int | None = None) -> None:
        self.declaration = Declaration(name=name, channel="push", rate_per_s=per_s)
        self.seconds: dict[int, int] = {}
        self.answer: Outcome = Accepted("p")

    def build(self, messages: Sequence[Message]) -> httpx.Request:
        second = now_ms() // 1000
        self.seconds[second] = self.seconds.get(second, 0) + len(messages)
        return httpx.Request("POST", "https://part.test/")

    def parse(self, messages: Sequence[Message], response: httpx.Response) -> list[Outcome]:
        return [self.answer] * len(messages)


class Push:
    """Two parts, and batches that are half for each, as many at once as there are."""

    def __init__(self, ios: Part, android: Part) -> None:
        self.native = Platforms("push", {"ios": ios, "android": android}, name="native")
        self.standing = Standing(now_ms)
        self.shares = Shares({"native": Route(self.native)}, self.standing)
        self.sender = Sender(httpx.MockTransport(self._answer), self.standing)
        self.outcomes: list[Outcome] = []

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0.03)
        return httpx.Response(200)

    async def work(self, *platforms: str) -> None:
        while True:
            size = len(self.shares.chosen([f"b.{number}" for number in range(100)], []))
            async with passed(self.shares.gate("native"), size, lambda: None) as is_open:
                if is_open:
                    await asyncio.sleep(0.02)
            if is_open:
                sent = [message(platforms[number % len(platforms)]) for number in range(size)]
                self.outcomes += await self.sender.send_all(self.native, sent)

    async def run(self, *platforms: str) -> None:
        tasks = [asyncio.create_task(self.work(*platforms)) for _ in range(4)]
        done, _ = await asyncio.wait(tasks, timeout=SECONDS)
        assert not done
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


def message(platform: str) -> Message:
    return Message(message_id="m", notification_id="n", user_id="u", address="a", platform=platform)


def test_the_limit_of_a_part_holds() -> None:
    ios, android = Part("apns"), Part("fcm", 100)
    push = Push(ios, android)
    run(push.run("ios", "android"))
    assert max(android.seconds.values()) <= 100
    assert sum(list(android.seconds.values())[1:-1]) >= 95 * (len(android.seconds) - 2)
    assert set(map(type, push.outcomes)) == {Accepted}


def test_a_limit_that_nobody_reaches_keeps_nobody_back() -> None:
    ios, android = Part("apns"), Part("fcm", 100)
    run(Push(ios, android).run("ios"))
    assert not android.seconds
    assert sum(ios.seconds.values()) > 200 * SECONDS


@pytest.mark.parametrize("answer", [Unavailable("down"), Throttled(60_000)])
def test_one_that_is_down_or_asks_for_time_does_not_stop_the_other(answer: Outcome) -> None:
    ios, android = Part("apns"), Part("fcm")
    android.answer = answer
    push = Push(ios, android)
    run(push.run("ios", "android"))
    assert sum(ios.seconds.values()) > 10 * FAILURES
    assert sum(android.seconds.values()) < 500, "asked at first, and now and then"
    assert list(ios.seconds.values())[-2] > 500, "and at once, not after some time for each"


def test_when_all_are_down_it_waits_until_one_may_be_asked() -> None:
    async def open_after(seconds: float) -> bool:
        push = Push(Part("apns"), Part("fcm"))
        for name in ("apns", "fcm"):
            push.standing.heard(name, [Unavailable("key", config=True)], 1.0)
        assert push.shares.gate("native").is_down
        await asyncio.sleep(seconds)
        return push.shares.gate("native").is_open

    assert not run(open_after(0.4))
    assert run(open_after(1.0))
