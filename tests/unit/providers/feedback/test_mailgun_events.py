"""Mailgun's events, fetched: what is asked, when a page is believed, and where the cursor goes."""

import json
from base64 import b64encode
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.errors import RegistryError
from providers.feedback.base import KINDS
from providers.feedback.mailgun_events import MailgunEvents
from providers.feedback.polled import Feed, Page, PageRefused
from providers.feedback.registry import FEEDS, load_feeds
from providers.secret import Secret
from tests.emulators.mailgun_events import event

NOW = 1_700_000_000_000
OLD_S, NEW_S = 1_699_990_000.5, 1_699_999_000.25  # before and within the half hour
URL = "https://api.mailgun.net/v3/mg.example.com/events"
REF = "email-normal-3-42-0-0"
FEED = MailgunEvents(Secret("key"), "mg.example.com")


def answer(*events: dict[str, Any], status: int = 200, following: str = f"{URL}/W3siYSI6", **headers: str) -> httpx.Response:
    return httpx.Response(status, headers=headers, content=json.dumps({"items": list(events), "paging": {"next": following}}).encode())


def test_a_feed_begins_at_a_time() -> None:
    request = FEED.request(FEED.begin(1_699_990_000_123))
    assert str(request.url) == f"{URL}?begin=1699990000&ascending=yes&limit=300"
    assert request.headers["authorization"] == "Basic " + b64encode(b"api:key").decode()
    assert isinstance(FEED, Feed)


def test_a_page_that_is_old_enough_is_believed_and_the_next_is_asked_for() -> None:
    page = FEED.parse("1", answer(event(1, OLD_S - 1, REF), event(2, OLD_S, REF, "accepted")), NOW)
    assert (page.cursor, page.more) == (f"1699990000 {URL}/W3siYSI6", True)
    assert [(each.kind, each.ref, each.event_id) for each in page.heard] == [
        ("delivered", REF, "id-1/19675"), ("accepted", REF, "id-2/19675"),
    ]  # fmt: skip
    first = page.heard[0]
    assert (first.provider, first.address, first.provider_message_id) == ("mailgun", "user-1@example.com", "1.mg@mg.example.com")
    assert first.occurred_at == round(1000 * (OLD_S - 1))
    assert json.loads(first.raw) == event(1, OLD_S - 1, REF)
    assert str(FEED.request(page.cursor).url) == f"{URL}/W3siYSI6"


@pytest.mark.parametrize("events", [[], [event(1, NEW_S)], [event(1, OLD_S), event(2, NEW_S)]], ids=["empty", "young", "one young"])
def test_what_is_empty_or_young_is_asked_for_again(events: list[dict[str, Any]]) -> None:
    for cursor in ("1699990000", f"1699990000 {URL}/W3siYSI6"):
        assert FEED.parse(cursor, answer(*events), NOW) == Page((), cursor, False)


def test_how_long_it_takes_until_a_page_is_whole_can_be_said() -> None:
    quick = MailgunEvents(Secret("key"), "mg.example.com", settled_s=60)
    assert quick.parse("1", answer(event(1, NEW_S, REF)), NOW).more


@pytest.mark.parametrize("status", [400, 404, 410])
def test_a_page_that_is_gone_is_left_for_its_time(status: int) -> None:
    page = FEED.parse(f"1699990000 {URL}/W3siYSI6", answer(status=status), NOW)
    assert page == Page((), "1699990000", True)
    with pytest.raises(PageRefused, match=str(status)):
        FEED.parse(page.cursor, answer(status=status), NOW)


@pytest.mark.parametrize("status", [401, 403, 429, 500, 302])
def test_another_answer_is_no_page(status: int) -> None:
    with pytest.raises(PageRefused, match=str(status)) as caught:
        FEED.parse(f"1 {URL}/x", answer(status=status, **{"retry-after": "7"}), NOW)
    assert caught.value.wait_ms == 7000


@pytest.mark.parametrize(
    "following",
    [
        "https://evil.example/v3/mg.example.com/events/x",
        f"{URL}.evil.example/x",
        "https://api.mailgun.net@evil.example/v3/mg.example.com/events/x",
        "https://api.mailgun.net/v3/other.example.com/events/x",
        f"{URL}/a b",
        f"{URL}/{'x' * 5000}",
        "",
    ],
)
def test_the_key_goes_nowhere_else(following: str) -> None:
    with pytest.raises(PageRefused, match="somewhere else"):
        FEED.parse("1", answer(event(1, OLD_S), following=following), NOW)
    if " " not in following and following and len(following) < 4000:
        assert FEED.request(f"1 {following}").url.host == "api.mailgun.net"


@pytest.mark.parametrize("cursor", ["", "x", f"x {URL}/y", "1 ", "\u0663"])
def test_a_cursor_that_is_none_is_refused(cursor: str) -> None:
    with pytest.raises(PageRefused, match="cursor"):
        FEED.request(cursor)


@given(st.binary(max_size=60) | st.recursive(st.none() | st.integers() | st.text(), lambda it: st.lists(it) | st.dictionaries(
    st.sampled_from(["items", "paging", "next", "timestamp", "event"]), it)).map(lambda it: json.dumps(it).encode()))  # fmt: skip
def test_whatever_the_bytes_it_is_a_page_or_refused(content: bytes) -> None:
    try:
        page = FEED.parse("1", httpx.Response(200, content=content), NOW)
    except PageRefused:
        return
    assert all(heard.kind in KINDS or heard.kind.startswith("other:") for heard in page.heard)


@pytest.mark.parametrize("items", [[1], [[]], ["x"], [None]])
def test_an_item_that_is_no_event_is_refused(items: list[Any]) -> None:
    with pytest.raises(PageRefused, match="can't be read"):
        FEED.parse("1", httpx.Response(200, json={"items": items, "paging": {"next": f"{URL}/x"}}), NOW)


def test_feeds_come_from_a_file() -> None:
    feeds = load_feeds({"eu": {"kind": "mailgun", "options": {"api_key": "${KEY}", "domain": "mg.example.com"}}}, {"KEY": "k"})
    assert {name: feed.name for name, feed in feeds.items()} == {"eu": "eu"}
    assert set(FEEDS) == {"mailgun"}
    for options in ({"domain": "mg.example.com"}, {"api_key": "k", "domain": "a/b"}, {"api_key": "k", "domain": "a", "limit": 301}):
        with pytest.raises(RegistryError, match="polled.mailgun.options"):
            load_feeds({"mailgun": {"options": options}}, {})
    with pytest.raises(RegistryError, match="no 'acme'"):
        load_feeds({"acme": {}}, {})
