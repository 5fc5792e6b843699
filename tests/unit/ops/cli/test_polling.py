"""Asking what became of doubts: over HTTP, to an emulator that searches what was really sent."""

from collections.abc import AsyncIterator
from typing import cast

import httpx
import pytest

from gateway import asking, backoff
from gateway.config import Polling, config_of
from ops.cli.doubts import Doubt
from ops.cli.polling import BY_FEED, FOUND, NOBODY, NOT_FOUND, Poll
from ops.cli.producing import LogProducer
from providers.base import Message, Unknown
from providers.feedback.postmark_search import PostmarkSearch
from providers.postmark import Postmark
from providers.secret import Secret
from providers.sender import Sender
from providers.transport import FastTransport
from schemas.codec import Codec
from schemas.contract import schema_json
from schemas.records import FeedbacksReceived
from schemas.registry import MemoryRegistry
from schemas.topics import FEEDBACK
from tests.emulators.postmark import KEY, SENDER, PostmarkEmulator
from tests.emulators.server import DEAF
from tests.unit.streams.make import NOW

PARTITIONS = 8


def ref(number: int) -> str:
    return f"email-normal-3-42-{number}-0"


def doubt(number: int, provider: str = "postmark") -> Doubt:
    return Doubt(ref(number), NOW, "n-1", "email", "transactional", f"u{number}", provider, "no_answer", "")


def codec() -> Codec:
    registry = MemoryRegistry()
    registry.register("f", schema_json("FeedbacksReceived"))
    return Codec(registry, {FeedbacksReceived: "f"})


class Producer:
    """As `LogProducer`."""

    def __init__(self) -> None:
        self.written: list[tuple[str, bytes | None, int]] = []
        self.records: list[FeedbacksReceived] = []

    def send(self, topic: str, key: bytes | None, value: bytes, *, partition: int) -> None:
        self.written.append((topic, key, partition))
        self.records.append(codec().decode(value, FeedbacksReceived))


@pytest.fixture
async def postmark() -> AsyncIterator[PostmarkEmulator]:
    emulator = await PostmarkEmulator().start()
    yield emulator
    await emulator.stop()


def poll(postmark: PostmarkEmulator, producer: Producer, token: str = KEY) -> Poll:
    asked = {"postmark": {"options": {"server_token": token, "base_url": postmark.base_url}}}
    polled = {"mailgun": {"options": {"api_key": "k", "domain": "mg.example.com"}}}
    config = config_of({"public_url": "https://notify.example", "asked": asked, "polled": polled}, {})
    return Poll(config.inquiries, config.feeds, Polling(), cast(LogProducer, producer), codec().encode, PARTITIONS)


async def send_without_an_answer(postmark: PostmarkEmulator, *numbers: int) -> None:
    """Postmark takes them, and its answer does not come."""
    provider = Postmark("email", Secret(KEY), SENDER, base_url=postmark.base_url, timeout_ms=300, connect_timeout_ms=200, slow_ms=300)
    sender, postmark.next = Sender(FastTransport()), DEAF
    messages = [
        Message(
            message_id=f"m-{each}", notification_id="n-1", user_id=f"u{each}", address=f"u{each}@example.com", subject="Hi", body="b",
            ref=ref(each),
        )
        for each in numbers
    ]  # fmt: skip
    assert all(isinstance(outcome, Unknown) for outcome in await sender.send(provider, messages))
    postmark.next = ""
    await sender.aclose()


async def test_who_was_taken_is_accepted_from_then_on_and_of_others_nothing_is_said(postmark: PostmarkEmulator) -> None:
    await send_without_an_answer(postmark, 1, 2)
    producer = Producer()
    doubts = [doubt(1), doubt(2), doubt(3), doubt(4, "mailgun"), doubt(5, "twilio")]
    answered = await poll(postmark, producer).ask(doubts)
    assert [(one.ref, one.provider, one.said) for one in answered] == [
        (ref(1), "postmark", FOUND),
        (ref(2), "postmark", FOUND),
        (ref(3), "postmark", NOT_FOUND),
        (ref(4), "mailgun", BY_FEED),
        (ref(5), "twilio", NOBODY),
    ]
    assert producer.written == [(FEEDBACK, ref(number).encode(), 3) for number in (1, 2)]
    events = [event for record in producer.records for event in record.events]
    assert [(event.kind, event.ref, event.channel, event.address) for event in events] == [
        ("accepted", ref(number), "email", f"u{number}@example.com") for number in (1, 2)
    ]


async def test_who_does_not_answer_is_asked_a_few_times_and_not_for_each(
    postmark: PostmarkEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backoff, "FIRST_S", 0.001)
    producer = Producer()
    answered = await poll(postmark, producer, token="another").ask([doubt(1), doubt(2)])
    assert [one.said for one in answered] == ["no answer: HTTP 401"] * 2
    assert postmark.requests == asking.TRIES
    assert producer.written == []


async def test_it_waits_as_it_is_told_and_goes_on(postmark: PostmarkEmulator) -> None:
    class Pages:
        def __init__(self) -> None:
            self.answers = [
                httpx.Response(429, headers={"retry-after": "7"}),
                httpx.Response(500),
                httpx.Response(200, content=b'{"Messages": []}'),
            ]

        async def get(self, request: httpx.Request) -> httpx.Response:
            return self.answers.pop(0)

    waits: list[float] = []

    async def pause(seconds: float) -> None:
        waits.append(seconds)

    inquiry = PostmarkSearch(Secret(KEY))
    assert await asking.Asker(Pages(), lambda: NOW, pause).ask(inquiry, ref(1)) is None
    assert 7.5 <= waits[0] <= 8
    assert 1 <= waits[1] <= 2
