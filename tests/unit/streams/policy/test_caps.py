"""Caps: as an oracle says that keeps everything that ever happened, and in cases that are worth a name."""

import msgspec
import pytest

from streams.policy.caps import Counters, is_given_back
from streams.policy.loader import load_policy
from tests.generated import HISTORIES
from tests.unit.streams.make import NOW, binding
from tests.unit.streams.policy.caps_histories import run

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
MIDNIGHT = NOW // DAY_MS * DAY_MS
POLICY = msgspec.structs.replace(load_policy(), an_hour=2, a_day=4)
BINDS = binding(name="promotional", a_day=3)


def counted(*at: int, category: str = "promotional", packed: bytes | None = None, user: str = "ann") -> bytes | None:
    """The counters of a bucket after one was told at each of these times."""
    for now in at:
        counters = Counters(packed, now)
        counters.count(user, category)
        packed = counters.pack()
    return packed


def over(packed: bytes | None, now: int, *checks: str, user: str = "ann", cap: int = 100) -> str:
    binds = msgspec.structs.replace(binding(*checks), name="promotional", a_day=3)
    return Counters(packed, now).over(user, binds, POLICY, cap)


def test_every_decision_is_what_the_oracle_says() -> None:
    assert run(HISTORIES, derandomize=HISTORIES <= 1000) >= HISTORIES


def test_the_limit_of_an_hour_ends_with_the_hour() -> None:
    packed = counted(MIDNIGHT, MIDNIGHT + HOUR_MS - 1)
    assert over(packed, MIDNIGHT + HOUR_MS - 1) == "hourly_limit"
    assert over(packed, MIDNIGHT + HOUR_MS) == ""
    assert over(packed, MIDNIGHT, user="bob") == ""


def test_the_limits_of_a_day_end_with_the_day() -> None:
    packed = counted(*(MIDNIGHT + hour * HOUR_MS for hour in (0, 5, 10)))
    last = MIDNIGHT + DAY_MS - 1
    assert over(packed, last) == "category_limit"
    assert over(packed, last, "daily_limit") == ""
    packed = counted(MIDNIGHT + 11 * HOUR_MS, category="system", packed=packed)
    assert over(packed, last) == "daily_limit"
    assert over(packed, last + 1) == ""


def test_a_category_counts_its_own_only() -> None:
    packed = counted(MIDNIGHT, MIDNIGHT + HOUR_MS, MIDNIGHT + 2 * HOUR_MS, category="engagement")
    assert over(packed, MIDNIGHT + 3 * HOUR_MS, "category_limit") == ""


def test_the_users_own_cap_is_of_the_hour() -> None:
    packed = counted(MIDNIGHT)
    assert over(packed, MIDNIGHT, cap=1) == "frequency_cap"
    assert over(packed, MIDNIGHT, cap=2) == ""
    assert over(packed, MIDNIGHT + HOUR_MS, cap=1) == ""
    assert over(None, MIDNIGHT, cap=0) == "frequency_cap"


@pytest.mark.parametrize("check", ["hourly_limit", "daily_limit", "category_limit", "frequency_cap"])
def test_a_limit_binds_only_whom_it_binds(check: str) -> None:
    packed = counted(*[MIDNIGHT] * 4)
    assert over(packed, MIDNIGHT, check, cap=4) == check
    assert over(packed, MIDNIGHT, "mutes", cap=4) == ""


def test_what_did_not_arrive_is_given_back() -> None:
    packed = counted(MIDNIGHT, MIDNIGHT)
    counters = Counters(packed, MIDNIGHT + 1)
    counters.give_back("ann", "promotional", MIDNIGHT)
    assert counters.over("ann", BINDS, POLICY, 2) == ""
    counters.count("ann", "promotional")
    assert over(counters.pack(), MIDNIGHT) == "hourly_limit"


def test_an_hour_that_is_over_gets_nothing_back_but_its_day_does() -> None:
    packed = counted(*(MIDNIGHT + hour * HOUR_MS for hour in (0, 1, 2, 2)))
    counters = Counters(packed, MIDNIGHT + 2 * HOUR_MS)
    counters.give_back("ann", "promotional", MIDNIGHT)
    assert over(counters.pack(), MIDNIGHT + 2 * HOUR_MS, "hourly_limit") == "hourly_limit"
    assert over(counters.pack(), MIDNIGHT + 2 * HOUR_MS, "daily_limit") == ""


def test_a_day_that_is_over_gets_nothing_back() -> None:
    packed = counted(*[MIDNIGHT + DAY_MS] * 2)
    counters = Counters(packed, MIDNIGHT + DAY_MS)
    counters.give_back("ann", "promotional", MIDNIGHT + DAY_MS - 1)
    assert over(counters.pack(), MIDNIGHT + DAY_MS) == "hourly_limit"


def test_nothing_is_given_back_that_was_not_counted() -> None:
    counters = Counters(counted(MIDNIGHT), MIDNIGHT)
    for user, category in [("bob", "promotional"), ("ann", "system"), ("ann", "promotional"), ("ann", "promotional")]:
        counters.give_back(user, category, MIDNIGHT)
    assert counters.pack() is None
    counters.count("ann", "promotional")
    assert Counters(counters.pack(), MIDNIGHT).over("ann", BINDS, POLICY, 1) == "frequency_cap"


def test_who_was_given_everything_back_is_not_kept_and_the_others_are() -> None:
    packed = counted(MIDNIGHT, user="bob", packed=counted(MIDNIGHT, category="system"))
    counters = Counters(packed, MIDNIGHT)
    counters.give_back("ann", "system", MIDNIGHT)
    packed = counters.pack()
    assert packed is not None
    assert b"ann" not in packed
    assert counters.over("bob", BINDS, POLICY, 1) == over(packed, MIDNIGHT, user="bob", cap=1) == "frequency_cap"
    assert over(packed, MIDNIGHT, cap=1) == ""


def test_a_day_that_is_over_is_not_kept() -> None:
    assert Counters(counted(MIDNIGHT), MIDNIGHT + DAY_MS).pack() is None
    assert Counters(None, MIDNIGHT).pack() is None


def test_a_clock_that_was_set_back_begins_another_window() -> None:
    packed = counted(*[MIDNIGHT] * 4)
    assert over(packed, MIDNIGHT - 1) == ""
    assert over(counted(MIDNIGHT - 1, packed=packed), MIDNIGHT) == ""


def test_five_hundred_users_of_a_bucket_are_some_kilobytes() -> None:
    counters = Counters(None, NOW)
    for number in range(500):
        counters.count(f"user-{number:08d}", "promotional")
    packed = counters.pack()
    assert packed is not None
    assert len(packed) < 500 * (14 + 3) + 60


@pytest.mark.parametrize(
    ("statuses", "given_back"),
    [
        (("failed",), True),
        (("failed", "suppressed", "expired", "cancelled", "shed"), True),
        (("failed", "sent"), False),
        (("failed", "unknown"), False),
        (("failed", "queued"), False),
        (("failed", "deferred"), False),
        (("bounced",), False),
    ],
)
def test_given_back_is_what_nobody_was_or_may_be_told_of(statuses: tuple[str, ...], given_back: bool) -> None:
    assert is_given_back(statuses) == given_back
