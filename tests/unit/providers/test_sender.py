"""Slices, order, the limit of requests in flight, and the wait for a turn."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import httpx
import pytest
from msgspec.structs import replace

from providers.base import Accepted, Declaration, Message, Outcome, Rejected, Throttled, Unavailable, Unknown
from providers.errors import BatchSizeError
from providers.inbox import Inbox
from providers.lanes import NoDoors
from providers.sender import Sender


def messages(count: int) -> list[Message]:
    return [Message(message_id=f"m-{i}", notification_id="n", user_id="u", address="a") for i in range(count)]


class Echo:
    """Accepts every message under its own id."""

    auth: httpx.Auth | None = None

    def __init__(self, batch_size: int = 4, concurrency: int = 3, timeout_ms: int = 1_000) -> None:
        self.declaration = Declaration(
            name="echo",
            channel="push",
            batch_size=batch_size,
            concurrency=concurrency,
            timeout_ms=timeout_ms,
            connect_timeout_ms=10,
        )

    def build(self, messages: Sequence[Message]) -> httpx.Request:
        return httpx.Request("POST", "https://provider.test/")

    def parse(self, messages: Sequence[Message], response: httpx.Response) -> list[Outcome]:
        return [Accepted(message.message_id) for message in messages]


class Counting(httpx.AsyncBaseTransport):
    """Answers after a turn of the loop, or when `gate` opens; knows how many requests and tasks there were at once."""

    def __init__(self, *, gated: bool = False) -> None:
        self.in_flight = self.most = self.requests = self.tasks = 0
        self.gate = asyncio.Event()
        if not gated:
            self.gate.set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests += 1
        self.in_flight += 1
        self.most = max(self.most, self.in_flight)
        self.tasks = max(self.tasks, len(asyncio.all_tasks()))
        await asyncio.sleep(0)
        await self.gate.wait()
        self.in_flight -= 1
        return httpx.Response(200)


@pytest.mark.parametrize("count", [0, 1, 4, 5, 401])
async def test_all_are_sent_in_order_in_slices_within_the_limit(count: int) -> None:
    transport = Counting()
    outcomes = await Sender(transport).send_all(Echo(), messages(count))
    assert outcomes == [Accepted(f"m-{i}") for i in range(count)]
    assert transport.requests == -(-count // 4)
    assert transport.most <= 3
    assert transport.tasks <= 4  # three workers and this test


async def test_the_limit_holds_across_callers() -> None:
    transport, provider = Counting(), Echo(concurrency=2)
    sender = Sender(transport)
    await asyncio.gather(*(sender.send_all(provider, messages(40)) for _ in range(5)))
    assert transport.requests == 50
    assert transport.most == 2


async def test_providers_have_slots_of_their_own() -> None:
    transport = Counting(gated=True)
    sender = Sender(transport)
    tasks = [asyncio.create_task(sender.send(Echo(concurrency=1), messages(1))) for _ in range(2)]
    async with asyncio.timeout(5):
        while transport.in_flight < 2:
            await asyncio.sleep(0)
    transport.gate.set()
    assert await asyncio.gather(*tasks) == [[Accepted("m-0")]] * 2


class Stubborn(Counting):
    """Does not let go when it is cancelled, until the gate opens."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        try:
            return await super().handle_async_request(request)
        except asyncio.CancelledError:
            await self.gate.wait()
            raise


async def test_whoever_gets_no_turn_in_time_sent_nothing() -> None:
    transport, provider = Stubborn(gated=True), Echo(concurrency=1, timeout_ms=40)
    sender = Sender(transport)
    first = asyncio.create_task(sender.send(provider, messages(1)))
    await asyncio.sleep(0)
    assert await sender.send(provider, messages(2)) == [Unavailable("no free slot within 0.04 s")] * 2
    transport.gate.set()
    assert await first == [Unknown("no answer within 40 ms")]
    assert await sender.send(provider, messages(1)) == [Accepted("m-0")]  # the slot came back


async def test_cancelling_gives_the_slot_back() -> None:
    transport, provider = Counting(gated=True), Echo(concurrency=1)
    sender = Sender(transport)
    task = asyncio.create_task(sender.send(provider, messages(1)))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    transport.gate.set()
    assert await sender.send(provider, messages(1)) == [Accepted("m-0")]


class Fussy(Echo):
    """Takes no second message."""

    def refused(self, message: Message) -> Outcome | None:
        return Rejected("second") if message.message_id == "m-1" else None


async def test_what_a_provider_refuses_unasked_does_not_touch_its_neighbours() -> None:
    transport = Counting()
    outcomes = await Sender(transport).send_all(Fussy(), messages(3))
    assert outcomes == [Accepted("m-0"), Rejected("second"), Accepted("m-2")]
    assert await Sender(transport).send_all(Fussy(), messages(2)[1:]) == [Rejected("second")]
    assert transport.requests == 1


@pytest.mark.parametrize("count", [0, 5])
async def test_the_batch_size_binds(count: int) -> None:
    with pytest.raises(BatchSizeError, match=f"echo: {count} messages given, one request carries 1 to 4"):
        await Sender(Counting()).send(Echo(), messages(count))


async def test_the_inbox_needs_no_transport() -> None:
    transport = Counting()
    assert await Sender(transport).send(Inbox(), messages(2)) == [Accepted("m-0"), Accepted("m-1")]
    assert transport.requests == 0


class Hearing(NoDoors):
    """Holds nothing back."""

    def __init__(self, heard: Callable[[str, Sequence[Outcome], float], None]) -> None:
        self.heard = heard  # type: ignore[method-assign]


class Narrow(NoDoors):
    """Lets pairs pass, but for the second of them."""

    def __init__(self) -> None:
        self.turns: list[tuple[str, int]] = []

    def request_size(self, name: str, batch_size: int) -> int:
        return 2

    @asynccontextmanager
    async def turn(self, name: str, count: int, expires_at: int | None) -> AsyncIterator[Outcome | None]:
        self.turns.append((name, count))
        yield Throttled(7, "later") if len(self.turns) == 2 else None


async def test_each_request_has_its_turn_and_what_gets_none_is_not_sent() -> None:
    transport, doors = Counting(), Narrow()
    outcomes = await Sender(transport, doors).send_all(Echo(concurrency=1), messages(5))
    later = Throttled(7, "later")
    assert outcomes == [Accepted("m-0"), Accepted("m-1"), later, later, Accepted("m-4")]
    assert doors.turns == [("echo", 2), ("echo", 2), ("echo", 1)]
    assert transport.requests == 2


async def test_what_is_answered_is_heard_and_what_got_no_turn_is_not() -> None:
    heard: list[tuple[str, int, float]] = []
    transport = Stubborn(gated=True)
    sender = Sender(transport, Hearing(lambda name, outcomes, took_ms: heard.append((name, len(outcomes), took_ms))))
    provider = Echo(concurrency=1, timeout_ms=40)
    first = asyncio.create_task(sender.send(provider, messages(3)))
    await asyncio.sleep(0)
    await sender.send(provider, messages(2))
    assert heard == []
    transport.gate.set()
    await first
    ((name, count, took_ms),) = heard
    assert (name, count) == ("echo", 3)
    assert took_ms >= 39


class Picky(Echo):
    """Makes no request of messages to `nowhere`."""

    def refused(self, message: Message) -> Rejected | None:
        if message.address == "trap":
            raise ValueError("a bug")
        return Rejected("no_address") if message.address == "nowhere" else None


async def test_what_a_provider_makes_no_request_of_is_said_and_the_others_are_sent() -> None:
    transport = Counting()
    sender = Sender(transport)
    first, second, third = messages(3)
    second = replace(second, address="nowhere")
    assert await sender.send(Picky(), [first, second, third]) == [Accepted("m-0"), Rejected("no_address"), Accepted("m-2")]
    assert transport.requests == 1
    assert await sender.send(Picky(), [second]) == [Rejected("no_address")]
    assert transport.requests == 1


async def test_a_provider_that_can_not_judge_a_message_harms_only_that() -> None:
    first, second = messages(2)
    outcomes = await Sender(Counting()).send(Picky(), [replace(first, address="trap"), second])
    assert outcomes == [Rejected("unbuildable", "ValueError: a bug"), Accepted("m-1")]


class Keeping(Inbox):
    """Keeps something open."""

    closed = 0

    async def aclose(self) -> None:
        self.closed += 1


async def test_what_a_provider_keeps_open_is_closed_with_the_sender() -> None:
    used, unused = Keeping(name="used"), Keeping(name="unused")
    sender = Sender(Counting())
    await sender.send_all(used, messages(2))
    await sender.aclose()
    assert (used.closed, unused.closed) == (1, 0)
