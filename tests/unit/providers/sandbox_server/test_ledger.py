"""Totals by channel and notification, duplicates, arrivals, the series by second."""

import pytest

from providers.sandbox_server import ledger as module
from providers.sandbox_server.ledger import Ledger
from providers.sandbox_server.wire import Recipient

SECOND = 10**9
NOW = 1_800_000_000 * SECOND


def recipients(*users: str, address: str = "") -> list[Recipient]:
    return [Recipient(message_id=f"m-{user}", user_id=user, address=address or f"{user}@x") for user in users]


def test_totals_are_by_channel_and_by_notification() -> None:
    ledger = Ledger()
    ledger.take("push", "n1", recipients("a", "b"), NOW)
    ledger.take("email", "n1", recipients("a"), NOW + SECOND)
    ledger.take("push", "n2", recipients("a"), NOW + 2 * SECOND)
    ledger.reject("push", "n2", 3)
    whole, one = ledger.stats(), ledger.stats("n1")
    assert (whole["requests"], whole["received"], whole["distinct"], whole["rejected"]) == (3, 4, 4, 3)
    assert (one["received"], one["first_ns"], one["last_ns"]) == (3, NOW, NOW + SECOND)
    assert {channel: tally["received"] for channel, tally in one["channels"].items()} == {"push": 2, "email": 1}
    assert whole["series"] == [(1_800_000_000, 2), (1_800_000_001, 1), (1_800_000_002, 1)]
    assert whole["notifications"] == 2


def test_a_repeat_is_counted_and_listed_with_both_times() -> None:
    ledger = Ledger()
    ledger.take("push", "n1", recipients("a", "b"), NOW)
    ledger.take("push", "n1", recipients("b", "c"), NOW + SECOND)
    assert (ledger.stats()["received"], ledger.stats()["distinct"], ledger.stats()["duplicates"]) == (4, 3, 1)
    assert ledger.stats()["duplicate_messages"] == 1
    (duplicate,) = ledger.duplicates("n1", 10)
    assert (duplicate.user_id, duplicate.first_ns, duplicate.again_ns) == ("b", NOW, NOW + SECOND)
    assert ledger.duplicates("n2", 10) == ledger.duplicates(None, 0) == []
    assert ledger.user("n1", "b")["push"].count == 2


def test_another_device_of_the_user_is_no_duplicate() -> None:
    ledger = Ledger()
    ledger.take("push", "n1", recipients("a", address="ios"), NOW)
    ledger.take("push", "n1", recipients("a", address="web"), NOW)
    assert (ledger.stats()["duplicates"], ledger.stats()["distinct"]) == (0, 2)
    ledger.take("push", "n1", recipients("a", address="web"), NOW)
    assert (ledger.stats()["duplicates"], ledger.stats()["distinct"]) == (1, 2)


def test_an_unknown_notification_has_nothing() -> None:
    assert Ledger().stats("n")["received"] == 0
    assert Ledger().user("n", "u") == {}


def test_arrivals_keep_the_first_time_and_the_latest_notifications(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SINGLES_KEPT", 2)
    ledger = Ledger()
    for number, notification in enumerate(["x1", "x2", "x2", "y3"]):
        ledger.arrived_alone(notification, NOW + number)
    assert ledger.arrivals("") == {"x2": NOW + 1, "y3": NOW + 3}
    assert ledger.arrivals("x") == {"x2": NOW + 1}


def test_the_series_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SECONDS_KEPT", 2)
    ledger = Ledger()
    for second in range(4):
        ledger.take("push", "n", recipients(str(second)), NOW + second * SECOND)
    assert [count for _, count in ledger.stats()["series"]] == [1, 1]
