"""The whole decision: its order is the table's, and it counts whom it sends to."""

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from schemas.ids import digest_id
from schemas.records import Device, Notification, Priority, Profile, QuietHours
from streams.digest.folding import Folding
from streams.digest.rules import Whose
from streams.policy.caps import HOUR_MS, Counters
from streams.policy.decision import LOCAL_TIME, Case, Decision, decide
from streams.policy.loader import load_policy
from streams.policy.policy import CHECKS, CategoryPolicy, DigestPolicy, Policy
from streams.policy.rules import SEND
from streams.policy.table import ALWAYS, CONTROL, NOT_CRITICAL, SEEN, TABLE
from tests.unit.streams.make import NOW, binding, notification, profile

POLICY = msgspec.structs.replace(load_policy(), spread_ms=0)
MINUTE = NOW // 60_000 % 1440
QUIET = QuietHours((MINUTE - 60) % 1440, (MINUTE + 60) % 1440)
ENDS = (NOW // 60_000 + 60) * 60_000


def case(told: Notification, policy: Policy, binds: CategoryPolicy | None = None) -> Case:
    return Case(told, told.channels, binds or policy.of(told), policy, "seed", NOW)


def decided(about: dict[str, Any] | None = None, counters: Counters | None = None, policy: Any = POLICY, **of: Any) -> Decision:
    told = notification(**{"category": "promotional"} | (about or {}))
    return decide("ann", profile(**of), case(told, policy), counters)


def test_who_is_sent_to_is_counted_once_for_all_channels() -> None:
    counters = Counters(None, NOW)
    assert decided(counters=counters) == Decision([SEND] * 3, None)
    assert counters.over("ann", binding(), POLICY, 1) == "frequency_cap"
    assert counters.over("ann", binding(), POLICY, 2) == SEND


def test_who_is_not_sent_to_is_not_counted() -> None:
    counters = Counters(None, NOW)
    assert decided(counters=counters, channels=[]) == Decision(["channel_disabled"] * 3, None)
    assert decided(counters=counters, quiet_hours=QUIET) == Decision([SEND] * 3, ENDS)
    assert decided(counters=counters, frequency_cap=0).reasons == ["frequency_cap"] * 3
    assert counters.pack() is None


def test_only_what_could_be_sent_is_held_or_refused() -> None:
    assert decided(quiet_hours=QUIET, email="") == Decision([SEND, "no_address", SEND], ENDS)
    assert decided(counters=Counters(None, NOW), frequency_cap=0, email="").reasons == ["frequency_cap", "no_address", "frequency_cap"]


def test_what_expires_before_quiet_hours_end_is_suppressed() -> None:
    assert decided({"expires_at": ENDS}, quiet_hours=QUIET) == Decision(["quiet_hours"] * 3, None)
    assert decided({"expires_at": ENDS + 1}, quiet_hours=QUIET) == Decision([SEND] * 3, ENDS)


def test_releases_are_spread_by_their_seed() -> None:
    spread = load_policy()
    told = notification(category="promotional")
    due = {
        decide("ann", profile(quiet_hours=QUIET), case(told, spread)._replace(seed=str(seed)), None).release_at or 0 for seed in range(50)
    }
    assert len(due) > 40
    assert all(ENDS <= one < ENDS + spread.spread_ms for one in due)


def test_of_a_notification_only_the_channels_that_are_asked_for_are_decided() -> None:
    told = notification(category="promotional")
    some = case(told, POLICY)._replace(channels=["email"])
    assert decide("ann", profile(quiet_hours=QUIET), some, None) == Decision([SEND], ENDS)


def test_policy_may_choose_to_suppress_in_quiet_hours() -> None:
    promotional = msgspec.structs.replace(POLICY.categories["promotional"], defers=False)
    policy = msgspec.structs.replace(POLICY, categories={"promotional": promotional})
    assert decided(policy=policy, quiet_hours=QUIET) == Decision(["quiet_hours"] * 3, None)


def test_quiet_hours_are_of_the_users_zone() -> None:
    assert decided(quiet_hours=QUIET, time_zone="Asia/Tokyo").release_at is None


def test_what_is_critical_is_bound_by_no_choice_and_counts_nowhere() -> None:
    counters = Counters(None, NOW)
    told = {"priority": Priority.CRITICAL}
    wishes: dict[str, Any] = {"quiet_hours": QUIET, "muted_categories": ["promotional"], "frequency_cap": 0}
    assert decided(told, counters, **wishes) == Decision([SEND] * 3, None)
    assert counters.pack() is None
    assert decided(told, counters, **wishes, channels=["email"], email="").reasons == ["channel_disabled", "no_address", "channel_disabled"]


def test_a_further_channel_of_what_was_counted_is_not_capped() -> None:
    assert decided(counters=None, frequency_cap=0) == Decision([SEND] * 3, None)


def test_transactional_is_told_at_night_and_counts() -> None:
    counters = Counters(None, NOW)
    assert decided({"category": "transactional"}, counters, quiet_hours=QUIET, frequency_cap=0) == Decision([SEND] * 3, None)
    assert counters.over("ann", binding(), POLICY, 1) == "frequency_cap"


FACTS = [check.reason for check in TABLE if check.rule not in ("", CONTROL, SEEN) and check.reason != "unsubscribed"]


@given(st.sets(st.sampled_from(FACTS)), st.sets(st.sampled_from(CHECKS)))
def test_the_first_of_the_table_that_binds_decides(true: set[str], binds: set[str]) -> None:
    """SMS alone: every check can speak against it."""
    about = notification(category="promotional", channels=["sms"], expires_at=NOW if "expired" in true else NOW + 1)
    category = binding(**{check: check in binds for check in CHECKS}, name="promotional", a_day=0 if "category_limit" in true else 1)
    policy = msgspec.structs.replace(POLICY, an_hour=0 if "hourly_limit" in true else 1, a_day=0 if "daily_limit" in true else 1)
    who: Profile | None = profile(
        channels=[] if "channel_disabled" in true else ["sms"],
        muted_categories=["promotional"] if "category_muted" in true else [],
        phone_verified="phone_not_verified" not in true,
        phone="" if "no_address" in true else "+1",
        suppressed={"+1": "stop"} if "address_suppressed" in true else {},
        devices=[Device("web", "t")],
        quiet_hours=QUIET if "quiet_hours" in true else None,
        frequency_cap=0 if "frequency_cap" in true else 1,
    )
    if "user_unknown" in true:
        who = None
    expected = next((check.reason for check in TABLE if check.reason in true and check.binds in {ALWAYS, NOT_CRITICAL, *binds}), SEND)
    given = case(about, policy, category)._replace(shed=["sms"] if "shed" in true else [], given_up=true & {"tried_elsewhere"} and {"ann"})
    assert decide("ann", who, given, Counters(None, NOW)) == Decision([expected], None)


def test_what_is_shed_on_every_channel_is_not_counted() -> None:
    counters = Counters(None, NOW)
    given = case(notification(category="promotional"), POLICY)
    assert decide("ann", profile(), given._replace(shed=["push", "email", "in_app"]), counters) == Decision(["shed"] * 3, None)
    assert counters.pack() is None
    assert decide("ann", profile(email=""), given._replace(shed=["push", "email"]), counters) == Decision(
        ["shed", "no_address", SEND], None
    )
    assert counters.pack() is not None


def test_who_is_held_is_not_shed_until_the_release() -> None:
    given = case(notification(category="promotional"), POLICY)._replace(shed=["push", "email", "in_app"])
    assert decide("ann", profile(quiet_hours=QUIET), given, None) == Decision([SEND] * 3, ENDS)
    assert decide("ann", profile(), given, None) == Decision(["shed"] * 3, None)


LIKE = {"category": "engagement", "digest_key": "item-7", "actor": "Bo"}


def folding() -> Folding:
    return Folding({Whose("ann", "engagement", "item-7"): None}, lambda notification: False, NOW)


def liked(some: Folding | None, about: dict[str, Any] | None = None, counters: Counters | None = None, **of: Any) -> Decision:
    waiting = msgspec.structs.replace(POLICY.categories["engagement"], digest=DigestPolicy(300_000, None, False, False))
    return decide("ann", profile(**of), case(notification(**LIKE | (about or {})), POLICY, waiting), counters, some)


def test_what_is_in_a_digest_is_neither_held_nor_counted() -> None:
    some, counters = folding(), Counters(None, NOW)
    told = liked(some, counters=counters, quiet_hours=QUIET, email="")
    assert (told.reasons, told.release_at) == ([SEND, "no_address", SEND], None)
    assert told.digest_id == digest_id("ann", "engagement", "item-7", notification().notification_id)
    assert not counters.changed
    assert liked(None, quiet_hours=QUIET) == Decision([SEND] * 3, ENDS), "of a category without digests"


def test_a_member_of_a_digest_says_what_is_the_users_own() -> None:
    some = folding()
    waiting = msgspec.structs.replace(POLICY.categories["engagement"], digest=DigestPolicy(300_000, None, False, False))
    about = notification(**LIKE, data={"item": "7", "name": "you"})
    decide("ann", profile(), case(about, POLICY, waiting)._replace(own={"ann": {"name": "Ann"}, "bo": {"name": "Bo"}}), None, some)
    (row,) = some.followed()
    assert row.after is not None
    assert row.after.shown == ((about.notification_id, {"item": "7", "name": "Ann"}),)


def test_what_can_not_be_sent_joins_no_digest() -> None:
    some = folding()
    assert liked(some, channels=[]).digest_id is None
    assert liked(some, {"expires_at": NOW}).reasons == ["expired"] * 3
    assert not list(some.followed())


def test_what_is_withheld_is_not_told_whatever_speaks_for_it() -> None:
    told = decided({"withheld": {"push": "seen", "in_app": "cancelled"}}, email="")
    assert told == Decision(["seen", "no_address", "cancelled"], None)


def test_what_is_for_a_local_time_waits_for_it() -> None:
    minute = (MINUTE + 30) % 1440
    due = NOW // 60_000 * 60_000 + 30 * 60_000
    assert decided({"local_minute": minute}) == Decision([SEND] * 3, due, LOCAL_TIME)
    assert decided({"local_minute": MINUTE}) == Decision([SEND] * 3, None)
    assert decided({"local_minute": minute}, time_zone="Asia/Kolkata").release_at == due + 18.5 * HOUR_MS
    assert decided({"local_minute": minute, "expires_at": due}).reasons == ["expired"] * 3
    assert decided({"local_minute": minute, "expires_at": due + 1}, quiet_hours=QUIET).waits_for == LOCAL_TIME
    later = decide("ann", profile(), case(notification(local_minute=minute), POLICY)._replace(now=due), None)
    assert later == Decision([SEND] * 3, None), "its time has come"
