"""Push by platform: each message goes to who serves its platform, in order, and each part keeps what is its own."""

import asyncio
from collections.abc import Sequence

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.base import Accepted, Declaration, Message, Outcome, Provider, Rejected, Unavailable, Unsupported
from providers.errors import BatchSizeError, DeclarationError
from providers.features import PUSH
from providers.platforms import Platforms
from providers.registry import Route
from providers.sender import Sender
from schemas.records import PushOverrides
from streams.delivery.shares import SINGLE_SLICE, Shares, Standing
from tests.unit.providers.test_sender import Hearing


class Part:
    """Accepts every message under its own name, or answers with what it is told to."""

    auth: httpx.Auth | None = None

    def __init__(
        self, name: str, *, batch_size: int = 1, concurrency: int = 2, carries: frozenset[str] = PUSH, reaches: frozenset[str] = frozenset()
    ) -> None:
        self.declaration = Declaration(
            name=name, channel="push", batch_size=batch_size, concurrency=concurrency, carries=carries, platforms=reaches, slow_ms=500
        )
        self.answer: Outcome | None = None
        self.requests: list[list[str]] = []

    def build(self, messages: Sequence[Message]) -> httpx.Request:
        self.requests.append([message.message_id for message in messages])
        return httpx.Request("POST", f"https://{self.declaration.name}.test/")

    def parse(self, messages: Sequence[Message], response: httpx.Response) -> list[Outcome]:
        return [self.answer or Accepted(f"{self.declaration.name} {message.message_id}") for message in messages]


class World:
    """Three parts behind one provider, and what is heard of them."""

    def __init__(self) -> None:
        self.ios, self.android, self.web = Part("apns"), Part("fcm", batch_size=3), Part("web-push", concurrency=5)
        self.native = Platforms("push", {"ios": self.ios, "android": self.android, "web": self.web}, name="native")
        self.heard: list[tuple[str, int]] = []
        self.in_flight: dict[str, int] = {}
        self.most: dict[str, int] = {}
        self.doors = Hearing(lambda name, outcomes, took_ms: self.heard.append((name, len(outcomes))))
        self.sender = Sender(httpx.MockTransport(self._answer), self.doors)

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        host = request.url.host
        self.in_flight[host] = self.in_flight.get(host, 0) + 1
        self.most[host] = max(self.most.get(host, 0), self.in_flight[host])
        await asyncio.sleep(0)
        self.in_flight[host] -= 1
        return httpx.Response(200)


@pytest.fixture
def world() -> World:
    return World()


def messages(*platforms: str) -> list[Message]:
    return [
        Message(message_id=f"m-{number}", notification_id="n", user_id="u", address="a", platform=platform)
        for number, platform in enumerate(platforms)
    ]


NAMES = {"ios": "apns", "android": "fcm", "web": "web-push"}


@given(st.lists(st.sampled_from(["ios", "android", "web", "", "symbian"]), max_size=30))
def test_each_goes_to_its_platform_and_is_answered_in_order(platforms: list[str]) -> None:
    world = World()
    outcomes = asyncio.run(world.sender.send_all(world.native, messages(*platforms)))
    for number, (platform, outcome) in enumerate(zip(platforms, outcomes, strict=True)):
        if platform in NAMES:
            assert outcome == Accepted(f"{NAMES[platform]} m-{number}")
        else:
            assert outcome == Unsupported(f"native reaches android, ios, web, not {platform or 'an unknown platform'}")


async def test_the_parts_keep_their_limits(world: World) -> None:
    sent = messages(*["ios", "android", "web"] * 30)
    await asyncio.gather(*(world.sender.send_all(world.native, sent) for _ in range(3)))
    assert world.most == {"apns.test": 2, "fcm.test": 2, "web-push.test": 5}
    assert {len(request) for request in world.ios.requests} == {1}
    assert max(len(request) for request in world.android.requests) == 3


async def test_what_a_part_can_not_carry_is_said_by_the_part(world: World) -> None:
    poor = Part("poor", carries=frozenset())
    native = Platforms("push", {"ios": world.ios, "android": poor}, name="native")
    sent = [Message(**{**_fields(one), "push": PushOverrides(image="i")}) for one in messages("ios", "android")]
    assert await world.sender.send_all(native, sent) == [Accepted("apns m-0"), Unsupported("poor can't carry push.image")]


def _fields(message: Message) -> dict[str, object]:
    return {name: getattr(message, name) for name in message.__struct_fields__}


async def test_one_that_is_down_does_not_touch_the_others(world: World) -> None:
    world.ios.answer = Unavailable("down")
    outcomes = await world.sender.send_all(world.native, messages("ios", "android"))
    assert outcomes == [Unavailable("down"), Accepted("fcm m-1")]


async def test_each_request_is_heard_of_its_part_and_of_the_whole(world: World) -> None:
    await world.sender.send_all(world.native, messages("ios", "android", "android", "symbian"))
    assert sorted(world.heard) == [("apns", 1), ("fcm", 2), ("native", 1), ("native", 2)]


async def test_one_message_may_be_sent_by_itself(world: World) -> None:
    assert await world.sender.send(world.native, messages("web")) == [Accepted("web-push m-0")]
    with pytest.raises(BatchSizeError):
        await world.sender.send(world.native, messages("web", "web"))
    with pytest.raises(BatchSizeError):
        await world.sender.send(world.native, [])


async def test_none_is_none(world: World) -> None:
    assert await world.sender.send_all(world.native, []) == []


def test_it_declares_what_holds_for_all(world: World) -> None:
    declared = world.native.declaration
    assert (declared.name, declared.batch_size, declared.concurrency) == ("native", 1, 9)
    assert declared.platforms == {"ios", "android", "web"}
    assert not declared.repeatable
    assert not isinstance(world.native, Provider)


def test_a_part_must_reach_its_platform() -> None:
    apple = Part("apns", reaches=frozenset({"ios"}))
    Platforms("push", {"ios": apple})
    with pytest.raises(DeclarationError, match="apns reaches ios, not web"):
        Platforms("push", {"web": apple})


def test_it_is_one_provider_for_shares_and_its_parts_are_known(world: World) -> None:
    now = [1_000]
    standing = Standing(lambda: now[0])
    shares = Shares({"native": Route(world.native)}, standing)
    ids = [f"b.{number}" for number in range(SINGLE_SLICE + 1)]
    assert shares.chosen(ids, []) == ["native"] * SINGLE_SLICE
    names = ("native", "apns", "fcm", "web-push")
    assert shares.figures() == {f"{name}_percent": 100 for name in names} | {f"{name}_down": 0 for name in names}
    for name in ("apns", "native"):
        standing.heard(name, [Unavailable("down")] * 20, 10.0)
    standing.heard("fcm", [Rejected("no")] * 20, 10.0)
    now[0] += 60_000
    assert (standing.worth("apns"), standing.worth("fcm")) == (0.25, 1.0)
    assert standing.worth("native") == 0.25
