"""What a policy says of a notification."""

import msgspec
import pytest

from schemas.records import Priority
from streams.policy.loader import load_policy
from streams.policy.local import LONGEST_DAY_MS
from streams.policy.policy import CATEGORIES, CHECKS, UnknownCategory
from tests.unit.streams.make import NOW, notification

SHIPPED = load_policy()


def test_the_shipped_policy_says_what_is_required() -> None:
    assert (SHIPPED.an_hour, SHIPPED.a_day) == (10, 50)
    assert set(SHIPPED.categories) == set(CATEGORIES)
    assert {name: SHIPPED.categories[name].a_day for name in ("promotional", "engagement", "transactional")} == {
        "promotional": 3,
        "engagement": 20,
        "transactional": 100,
    }
    for name in ("engagement", "promotional", "system"):
        assert all(getattr(SHIPPED.categories[name], check) for check in CHECKS)
        assert SHIPPED.categories[name].defers
    assert [check for check in CHECKS if getattr(SHIPPED.categories["transactional"], check)] == ["category_limit"]


def test_critical_ones_are_tried_for_minutes_and_others_for_hours() -> None:
    assert SHIPPED.of(notification(priority=Priority.CRITICAL)).retry.for_ms < 3_600_000
    assert all(category.retry.for_ms > 3_600_000 for category in SHIPPED.categories.values())


@pytest.mark.parametrize("category", CATEGORIES)
def test_nothing_that_can_be_chosen_binds_what_is_critical(category: str) -> None:
    of = SHIPPED.of(notification(category=category, priority=Priority.CRITICAL))
    assert not any(getattr(of, check) for check in CHECKS)
    assert (of.counts, of.resend_unknown, of.retry) == (False, True, SHIPPED.critical_retry)
    assert (of.name, of.routes) == (category, SHIPPED.categories[category].routes)


@pytest.mark.parametrize("priority", [Priority.HIGH, Priority.NORMAL, Priority.LOW])
def test_all_others_are_bound_by_their_category_and_count(priority: Priority) -> None:
    of = SHIPPED.of(notification(category="promotional", priority=priority))
    assert of is SHIPPED.categories["promotional"]
    assert of.counts


def test_only_what_is_critical_is_sent_again() -> None:
    assert SHIPPED.resends_unknown(notification(priority=Priority.CRITICAL))
    assert not SHIPPED.resends_unknown(notification(priority=Priority.HIGH))
    assert not SHIPPED.resends_unknown(notification(category="promotional"))


def test_policy_may_choose_to_send_again() -> None:
    system = msgspec.structs.replace(SHIPPED.categories["system"], resend_unknown=True)
    policy = msgspec.structs.replace(SHIPPED, categories={"system": system})
    assert policy.resends_unknown(notification(category="system", priority=Priority.LOW))


def test_a_category_nobody_knows() -> None:
    with pytest.raises(UnknownCategory, match="'spam' is not in the policy .engagement, promotional, system, transactional."):
        SHIPPED.of(notification(category="spam"))


def test_expiry_is_the_notifications_own_or_its_categorys() -> None:
    day = 86_400_000
    assert SHIPPED.expires_at(notification(category="promotional", occurred_at=NOW - 5, accepted_at=NOW)) == NOW - 5 + day
    assert SHIPPED.expires_at(notification(category="promotional", expires_at=NOW + 1)) == NOW + 1
    assert SHIPPED.expires_at(notification(category="transactional")) is None


def test_what_is_scheduled_expires_so_long_after_it_is_due() -> None:
    day, week = 86_400_000, 604_800_000
    assert SHIPPED.expires_at(notification(category="promotional", not_before=NOW + week)) == NOW + week + day
    assert SHIPPED.expires_at(notification(category="promotional", not_before=NOW - week)) == NOW + day
    everywhere = notification(category="promotional", not_before=NOW + week, local_minute=540)
    assert SHIPPED.expires_at(everywhere) == NOW + week + LONGEST_DAY_MS + day
