"""Who is sent again, and why the others are not: each reason from the records of a log."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from ops.replay.model import Chosen
from schemas.records import Outcome, Priority, StatusBatch
from schemas.topics import CANCELS, FEEDBACK, PROFILES, STATUS
from tests.unit.ops.replay.made import CHOSEN, DOWN, MemoryLog, handed, told, whys
from tests.unit.streams.make import NOW, profile

UNKNOWN = Outcome("unknown", "no_answer")


def heard(log: MemoryLog, status: StatusBatch, said: str) -> None:
    log.put(STATUS, "n", replace(status, status_id=said, caused_by_topic=FEEDBACK, outcomes=[Outcome(said)], outcome_of=[0]))


def later(log: MemoryLog, status: StatusBatch, outcome: Outcome, **changed: object) -> None:
    log.put(STATUS, "n", replace(status, status_id="later", outcomes=[outcome], outcome_of=[0], **changed))


def of(outcome: Outcome, then: Callable[[MemoryLog, StatusBatch], object] = lambda log, status: None, **changed: object) -> MemoryLog:
    """Ann was told so, and then something happened."""
    log = MemoryLog()
    then(log, told(log, handed(log, "ann", **changed), outcome))
    return log


CASES: dict[str, tuple[MemoryLog, str]] = {
    "the provider was down": (of(DOWN), "go"),
    "a template was wrong": (of(Outcome("failed", "template_error")), "go"),
    "the address is bad": (of(Outcome("failed", "unregistered")), "other_reason"),
    "it may have been sent": (of(UNKNOWN), "other_status"),
    "it was sent": (of(Outcome("sent")), "already_sent"),
    "it waits to be tried again": (of(Outcome("deferred", "provider_unavailable", "2027-01-15T08:00:00+00:00")), "under_way"),
    "it was shed": (of(Outcome("shed", "too_late")), "shed"),
    "it was delivered after all": (of(DOWN, lambda log, status: heard(log, status, "delivered")), "already_sent"),
    "something was heard": (of(DOWN, lambda log, status: heard(log, status, "bounced")), "heard_since"),
    "it has expired": (of(DOWN, expires_at=NOW + 5), "expired"),
    "it was cancelled": (of(DOWN, lambda log, status: log.put(CANCELS, status.notification.notification_id, None)), "cancelled"),
    "they opted out": (of(DOWN, lambda log, status: log.put(PROFILES, "ann", profile("ann", channels=[]))), "channel_disabled"),
    "they have no device any more": (of(DOWN, lambda log, status: log.put(PROFILES, "ann", profile("ann", devices=[]))), "no_address"),
    "they are gone": (of(DOWN, lambda log, status: log.put(PROFILES, "ann", None)), "user_unknown"),
    "their route went on": (of(DOWN, priority=Priority.CRITICAL, channels=[]), "route_went_on"),
    "they were told on the channel before": (
        of(
            DOWN,
            lambda log, status: later(log, status, Outcome("sent"), channel="push", batch_id="b-0"),
            channel="email",
            priority=Priority.CRITICAL,
            channels=[],
        ),
        "told_elsewhere",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_each_has_a_reason(name: str) -> None:
    log, why = CASES[name]
    assert why in whys(log), whys(log)


def test_the_last_channel_of_a_route_is_sent_again_when_nobody_was_told_before() -> None:
    log = of(DOWN, channel="email", priority=Priority.CRITICAL, channels=[])
    assert whys(log) == {"go": 1}


def test_what_may_have_been_sent_goes_only_where_policy_resends_it() -> None:
    chosen = replace(CHOSEN, status="unknown")
    assert whys(of(UNKNOWN), chosen) == {"not_resent_by_policy": 1}
    assert whys(of(UNKNOWN, priority=Priority.CRITICAL, channels=["push"]), chosen) == {"go": 1}
    assert whys(of(DOWN), chosen) == {"other_status": 1}


def test_a_reason_that_is_named_goes_and_others_do_not() -> None:
    chosen = replace(CHOSEN, reasons=frozenset(["unregistered"]))
    assert whys(of(Outcome("failed", "unregistered")), chosen) == {"go": 1}
    assert whys(of(DOWN), chosen) == {"other_reason": 1}


@pytest.mark.parametrize(
    "other",
    [{"channel": "email"}, {"provider": "bcme"}, {"notification": "n-9"}, {"category": "system"}, {"since": NOW + 1}, {"until": NOW - 1}],
)
def test_what_was_not_chosen_is_not_counted(other: dict[str, object]) -> None:
    assert whys(of(DOWN), replace(CHOSEN, **other)) == {}
    same: Chosen = replace(CHOSEN, channel="push", provider="acme")
    assert whys(of(DOWN), same) == {"go": 1}


def test_a_status_that_comes_again_changes_nothing() -> None:
    log = of(DOWN)
    log.topics[STATUS] *= 2
    assert whys(log) == {"go": 1}


def test_a_batch_that_is_no_longer_on_the_log_can_not_be_sent_again() -> None:
    log = of(DOWN)
    log.topics["notify.deliver.push.normal"].clear()
    assert whys(log) == {"batch_gone": 1}
