"""Channels and fallback: as an oracle says that knows the whole history, and in cases that are worth a name."""

import pytest

from schemas.records import Outcome, Priority
from streams.policy.loader import load_policy
from streams.policy.policy import Route
from streams.policy.table import TABLE
from streams.routing.rules import FOLLOWED_MS, OF_CHANNEL, Next, Tried, begun, fired, handed, matters, route_of, told
from tests.generated import HISTORIES
from tests.unit.streams.make import NOW, notification
from tests.unit.streams.routing.fallback_histories import run

SHIPPED = load_policy()
MINUTE_MS = 60_000
ROUTE = Route(("push", "email", "sms"), first=True, after_ms=MINUTE_MS)
FIRST = Tried(ROUTE.channels, 0, MINUTE_MS, None)
SECOND = Tried(ROUTE.channels, 1, MINUTE_MS, None)
LATER = NOW + 5


def status(text: str) -> Outcome:
    return Outcome(*text.split())


def test_every_history_comes_to_what_the_oracle_says() -> None:
    assert run(HISTORIES, derandomize=HISTORIES <= 1000) >= HISTORIES


def test_a_notification_names_its_channels_or_takes_those_of_its_category_and_priority() -> None:
    binds = SHIPPED.categories["transactional"]
    assert route_of(notification(channels=["sms", "push"]), binds) == Route(("sms", "push"))
    assert route_of(notification(channels=[]), binds) == Route(("push", "email", "in_app"))
    assert route_of(notification(channels=[], priority=Priority.CRITICAL), binds) == Route(
        ("push", "email"), first=True, after_ms=MINUTE_MS
    )


def test_a_code_is_pushed_and_mailed_when_it_has_not_arrived_in_a_minute() -> None:
    route = route_of(notification(channels=[], priority=Priority.CRITICAL), SHIPPED.categories["transactional"])
    first = begun(route, NOW + 3 * MINUTE_MS)
    assert (first.channel, handed(first, NOW)) == ("push", NOW + MINUTE_MS)
    sent = told(first, "push", status("sent"), LATER)
    assert sent == Next(first)
    late = fired(sent.state, "push", NOW + MINUTE_MS)
    assert late.try_ == "email"
    assert late.state
    assert handed(late.state, NOW + MINUTE_MS) is None
    assert told(sent.state, "push", status("delivered"), LATER) == Next(None)


@pytest.mark.parametrize("text", ["failed rejected", "bounced", *(f"suppressed {reason}" for reason in sorted(OF_CHANNEL))])
def test_what_a_channel_can_not_do_the_next_one_may(text: str) -> None:
    after = told(FIRST, "push", status(text), LATER)
    assert after == Next(SECOND, "email")


@pytest.mark.parametrize(
    "text", ["expired expired", "cancelled cancelled", "shed shed", "suppressed category_muted", "suppressed daily_limit"]
)
def test_what_is_true_of_the_person_no_channel_can_mend(text: str) -> None:
    assert told(FIRST, "push", status(text), LATER) == Next(None)


def test_every_reason_is_of_a_channel_or_of_the_person() -> None:
    assert {check.reason for check in TABLE if check.status == "suppressed"} >= OF_CHANNEL


@pytest.mark.parametrize("text", ["queued", "sent", "unknown no_answer", "deferred later", "never_heard_of"])
def test_what_is_neither_delivered_nor_failed_waits_for_its_time(text: str) -> None:
    assert told(FIRST, "push", status(text), LATER) == Next(FIRST)


def test_the_inbox_has_delivered_what_it_took() -> None:
    inbox = Tried(("in_app", "push"), 0, MINUTE_MS, None)
    assert told(inbox, "in_app", status("sent"), LATER) == Next(None)


def test_a_late_success_ends_it_and_nothing_more_is_tried() -> None:
    assert told(SECOND, "push", status("delivered"), LATER) == Next(None)
    assert told(None, "email", status("failed rejected"), LATER) == Next(None)


def test_what_was_given_up_can_not_fail_again() -> None:
    assert told(SECOND, "push", status("failed rejected"), LATER) == Next(SECOND)
    assert fired(SECOND, "push", LATER) == Next(SECOND)
    assert told(SECOND, "chat", status("delivered"), LATER) == Next(SECOND)


def test_after_the_last_channel_there_is_none() -> None:
    last = Tried(ROUTE.channels, 2, MINUTE_MS, None)
    assert told(last, "sms", status("suppressed no_address"), LATER) == fired(last, "sms", LATER) == Next(None)
    assert handed(last, NOW) is None
    assert handed(begun(Route(("email",), first=True), None), NOW) is None


@pytest.mark.parametrize(
    ("channel", "text"), [("push", "sent"), ("push", "unknown no_answer"), ("push", "queued"), ("push", "deferred later")]
)
def test_what_changes_nothing_need_not_be_told(channel: str, text: str) -> None:
    assert not matters(channel, status(text))
    assert told(FIRST, channel, status(text), LATER) == Next(FIRST)


@pytest.mark.parametrize(
    ("channel", "text"), [("in_app", "sent"), ("push", "delivered"), ("push", "failed x"), ("push", "expired expired")]
)
def test_what_does_is_told(channel: str, text: str) -> None:
    assert matters(channel, status(text))


def test_what_is_too_late_is_not_tried_elsewhere() -> None:
    late = Tried(ROUTE.channels, 0, MINUTE_MS, LATER)
    assert told(late, "push", status("failed rejected"), LATER) == Next(None)
    assert told(late, "push", status("failed rejected"), LATER - 1).try_ == "email"


def test_without_a_time_it_is_followed_for_a_day() -> None:
    first = begun(Route(("email", "sms"), first=True), None)
    assert handed(first, NOW) == NOW + FOLLOWED_MS
    assert fired(first, "email", NOW + FOLLOWED_MS) == Next(None)
    assert told(first, "email", status("bounced"), LATER).try_ == "sms"
