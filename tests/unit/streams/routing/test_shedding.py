"""What is left out when it would come too late."""

import pytest

from schemas.records import Priority
from streams.policy.loader import load_policy
from streams.routing.shedding import PATIENCE_MS, Lag, Load, is_shed, is_too_late, late_ms, load_of, sheds, stands
from tests.unit.streams.make import notification

SHIPPED = load_policy()
MINUTE_MS = 60_000
OVER_MS = 30 * MINUTE_MS


def load(minutes: float) -> Load:
    """At 100 a second, a record that arrives now is so late."""
    return Load(int(minutes * 6_000), 1_000, 10_000)


def test_lateness_is_what_waits_by_how_fast_it_goes() -> None:
    assert late_ms(load(30)) == OVER_MS
    assert late_ms(Load(0, 0, 10_000)) == 0
    assert late_ms(Load(5, 0, 10_000)) is None


def test_how_fast_it_goes_is_seen_while_something_waits() -> None:
    idle = [(number * 10_000, Lag(7, 7)) for number in range(5)]
    assert load_of(idle[:1]) == Load(0, 0, 0)
    begun = [*idle, (50_000, Lag(8, 1_000))]
    assert load_of(begun) == Load(992, 0, 0), "of the ten seconds in which it began nobody knows when"
    assert load_of([*begun, (60_000, Lag(108, 1_500))]) == Load(1_392, 100, 10_000)


def test_it_begins_over_30_min_and_ends_below_20() -> None:
    shedding, seen = False, []
    for minutes in (0, 29, 30, 30.1, 25, 20, 19.9, 25, 30, 31):
        shedding = is_too_late(shedding, load(minutes), OVER_MS)
        seen.append(shedding)
    assert seen == [False, False, False, True, True, True, False, False, False, True]


@pytest.mark.parametrize("was", [True, False])
def test_when_nobody_knows_how_late_it_is_it_stays_as_it_was(was: bool) -> None:
    assert is_too_late(was, Load(10**9, 0, 10_000), OVER_MS) == was


def test_when_nothing_has_moved_for_longer_than_that_it_is_too_late() -> None:
    assert is_too_late(False, Load(1, 0, MINUTE_MS, OVER_MS + 1), OVER_MS)
    assert not is_too_late(False, Load(1, 0, MINUTE_MS, OVER_MS), OVER_MS)


def test_a_lane_stands_while_nothing_is_done_of_what_waits() -> None:
    assert stands(Lag(7, 8), Lag(7, 9))
    assert not stands(Lag(7, 8), Lag(8, 9))
    assert not stands(Lag(7, 7), Lag(7, 9)), "it may have begun to wait just now"


def test_it_has_to_seem_too_late_for_a_minute_or_for_as_long_as_policy_allows() -> None:
    assert [sheds(False, ms, OVER_MS) for ms in (0, PATIENCE_MS - 1, PATIENCE_MS)] == [False, False, True]
    assert [sheds(False, ms, 1_000) for ms in (0, 999, 1_000)] == [False, False, True]
    assert sheds(True, 0, OVER_MS)


def test_only_what_is_promotional_and_low_is_shed() -> None:
    shed = {
        (category, priority)
        for category, binds in SHIPPED.categories.items()
        for priority in Priority
        if is_shed(notification(category=category, priority=priority), binds, shedding=True)
    }
    assert shed == {("promotional", Priority.LOW)}
    assert not is_shed(notification(category="promotional", priority=Priority.LOW), SHIPPED.categories["promotional"], shedding=False)
