"""What every feed of events, and everybody who can be asked about one message, must do, over HTTP and their emulators."""

from collections.abc import AsyncIterator, Callable
from typing import Any, NamedTuple

import httpx
import pytest
from aiohttp import web

from gateway.pages import HttpPages
from providers.feedback.base import KINDS, Heard
from providers.feedback.polled import Feed, PageRefused
from providers.feedback.registry import FEEDS, INQUIRIES
from providers.secret import Secret
from tests.emulators import mailgun_events, postmark
from tests.emulators.mailgun import DOMAIN, KEY
from tests.emulators.server import Emulator

NOW = 1_700_000_000_000
OLD_MS = NOW - 86_400_000
PAGE = 3


class Played(NamedTuple):
    """A feed of pages of PAGE, whose key is `key`, and its emulator. `happens(number, at_ms, ref)` puts an event in."""

    emulator: Emulator
    make: Callable[[str], Feed]
    key: str
    happens: Callable[[int, int, str], None]


def mailgun() -> Played:
    emulator = mailgun_events.MailgunEventsEmulator()

    def happens(number: int, at_ms: int, ref: str) -> None:
        emulator.events.append(mailgun_events.event(number, at_ms / 1000, ref))

    return Played(emulator, lambda key: FEEDS["mailgun"](Secret(key), DOMAIN, base_url=emulator.base_url, limit=PAGE), KEY, happens)


FEEDS_PLAYED = {"mailgun": mailgun}


@pytest.fixture(params=list(FEEDS_PLAYED))
async def played(request: pytest.FixtureRequest) -> AsyncIterator[Played]:
    made = FEEDS_PLAYED[request.param]()
    await made.emulator.start()
    yield made
    assert made.emulator.complaints == []
    await made.emulator.stop()


@pytest.fixture
async def pages() -> AsyncIterator[HttpPages]:
    made = HttpPages(timeout_s=5, limit=1_000_000)
    yield made
    await made.aclose()


async def followed(feed: Feed, pages: HttpPages, cursor: str) -> tuple[list[Heard], str]:
    """All there is after a cursor, and where it ends."""
    heard: list[Heard] = []
    for _ in range(50):
        page = feed.parse(cursor, await pages.get(feed.request(cursor)), NOW)
        heard += page.heard
        cursor = page.cursor
        if not page.more:
            return heard, cursor
    raise AssertionError("it never ends")


def ref(number: int) -> str:
    return f"email-normal-3-42-{number}-0"


def test_every_feed_is_played() -> None:
    assert set(FEEDS_PLAYED) == set(FEEDS)
    assert set(INQUIRIES) == {"postmark"}, "played in test_who_can_be_asked and unit/ops/cli/test_polling.py"


async def test_all_pages_are_followed_and_what_comes_later_is_after_them(played: Played, pages: HttpPages) -> None:
    feed = played.make(played.key)
    for number in range(8):
        played.happens(number, OLD_MS + 1000 * number, ref(number))
    first, cursor = await followed(feed, pages, feed.begin(OLD_MS))
    assert [each.ref for each in first] == [ref(number) for number in range(8)]
    assert await followed(feed, pages, cursor) == ([], cursor)
    played.happens(8, OLD_MS + 9000, ref(8))
    later, _ = await followed(feed, pages, cursor)
    assert [each.ref for each in later] == [ref(8)]
    again, _ = await followed(feed, pages, feed.begin(OLD_MS))
    assert len({each.event_id for each in again}) == 9
    assert [each.event_id for each in again][:8] == [each.event_id for each in first], "known by its id"


async def test_an_event_says_all_that_is_needed(played: Played, pages: HttpPages) -> None:
    feed = played.make(played.key)
    played.happens(1, OLD_MS + 1000, ref(1))
    ((heard,), _) = await followed(feed, pages, feed.begin(OLD_MS))
    assert heard.kind in KINDS
    assert (heard.provider, heard.ref, heard.occurred_at) == (feed.name, ref(1), OLD_MS + 1000)
    assert all((heard.event_id, heard.provider_message_id, heard.address, heard.raw))


async def test_what_is_before_the_beginning_is_left(played: Played, pages: HttpPages) -> None:
    feed = played.make(played.key)
    played.happens(1, OLD_MS - 60_000, ref(1))
    assert (await followed(feed, pages, feed.begin(OLD_MS)))[0] == []


async def test_a_wrong_key_and_a_trouble_of_theirs_are_refusals(played: Played, pages: HttpPages) -> None:
    wrong, right = played.make("another"), played.make(played.key)
    with pytest.raises(PageRefused, match="401"):
        await followed(wrong, pages, wrong.begin(OLD_MS))
    emulator: Any = played.emulator
    for answer in (web.Response(status=503), web.Response(text="<html>"), web.json_response([]), web.json_response({})):
        emulator.answers.append(answer)
        with pytest.raises(PageRefused):
            await followed(right, pages, right.begin(OLD_MS))


@pytest.mark.parametrize("name", list(INQUIRIES))
async def test_who_can_be_asked(name: str, pages: HttpPages) -> None:
    emulator = await postmark.PostmarkEmulator().start()
    emulator.items.append({"To": "ann@example.com", "Metadata": {"ref": ref(1)}, "MessageStream": "outbound"})
    asked, wrong = (INQUIRIES[name](Secret(key), base_url=emulator.base_url) for key in (postmark.KEY, "another"))
    found = asked.parse(ref(1), await pages.get(asked.request(ref(1))), NOW)
    assert found is not None
    assert (found.kind, found.ref, found.provider, found.address) == ("accepted", ref(1), name, "ann@example.com")
    assert asked.parse(ref(11), await pages.get(asked.request(ref(11))), NOW) is None
    with pytest.raises(PageRefused, match="401"):
        wrong.parse(ref(1), await pages.get(wrong.request(ref(1))), NOW)
    with pytest.raises(PageRefused):
        asked.parse(ref(1), httpx.Response(200, content=b"x"), NOW)
    await emulator.stop()
