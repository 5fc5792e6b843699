"""When windows end."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from schemas.records import QuietHours
from streams.digest.windows import Terms, ends_at, is_first_now, next_pass, terms_of
from streams.policy.loader import load_policy
from streams.policy.policy import DigestPolicy
from tests.unit.streams import make

SHIPPED = load_policy()
MINUTE_MS, HOUR_MS = 60_000, 3_600_000


def at(zone: str, text: str, fold: int = 0) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).timestamp() * 1000)


@pytest.mark.parametrize(
    ("zone", "hour", "after", "passes"),
    [
        ("Europe/Berlin", 18, "2024-07-01T12:00", "2024-07-01T18:00"),
        ("Europe/Berlin", 18, "2024-07-01T18:00", "2024-07-02T18:00"),
        ("Europe/Berlin", 0, "2024-07-01T23:59", "2024-07-02T00:00"),
        ("Europe/Berlin", 2, "2024-03-30T12:00", "2024-03-31T03:00"),  # 02:00 was 03:00
        ("Europe/Berlin", 2, "2024-10-26T12:00", "2024-10-27T02:00"),  # the first of two
        ("Europe/Berlin", 2, "2024-10-27T02:30", "2024-10-28T02:00"),  # and not again that night
        ("Asia/Kathmandu", 9, "2024-01-01T12:00", "2024-01-02T09:00"),
        ("Pacific/Apia", 9, "2011-12-29T12:00", "2011-12-31T09:00"),  # there was no 30th
    ],
)
def test_the_clock_passes_an_hour(zone: str, hour: int, after: str, passes: str) -> None:
    assert next_pass(zone, hour, at(zone, after)) == at(zone, passes)


def test_a_clock_set_back_over_the_hour_passes_it_twice() -> None:
    first = at("America/St_Johns", "2010-11-07T00:00")
    assert next_pass("America/St_Johns", 0, first - 1) == first
    assert next_pass("America/St_Johns", 0, first) == first + HOUR_MS


def test_daily_ones_are_spread_by_user() -> None:
    ends = {
        ends_at(Terms(DigestPolicy(MINUTE_MS, daily=True), make.profile(f"u-{n}", daily_digest=18), True, 900_000), make.NOW)
        for n in range(50)
    }
    passes = next_pass("UTC", 18, make.NOW)
    assert len(ends) > 40
    assert all(passes <= end < passes + 900_000 and end % 1000 == 0 for end in ends)


def test_a_window_that_would_end_in_quiet_hours_ends_with_them() -> None:
    quiet = QuietHours(22 * 60, 7 * 60)
    heeds, not_ = (Terms(DigestPolicy(5 * MINUTE_MS, first_now=True), make.profile(quiet_hours=quiet), heeds, 0) for heeds in (True, False))
    begins = at("UTC", "2024-07-01T21:56")
    assert ends_at(heeds, begins) == at("UTC", "2024-07-02T07:00")
    assert ends_at(heeds, begins - 2 * MINUTE_MS) == begins + 3 * MINUTE_MS
    assert ends_at(not_, begins) == begins + 5 * MINUTE_MS
    assert (is_first_now(heeds, begins), is_first_now(heeds, begins + 4 * MINUTE_MS)) == (True, False)
    assert is_first_now(not_, begins + 4 * MINUTE_MS)


def test_terms_are_of_the_policy_and_the_user() -> None:
    engagement = SHIPPED.categories["engagement"]
    made = terms_of(make.profile(daily_digest=7), engagement, SHIPPED)
    assert made is not None
    assert (made.policy, made.heeds_quiet, made.spread_ms, made.hour, made.cools) == (engagement.digest, True, SHIPPED.spread_ms, 7, False)
    assert terms_of(None, engagement, SHIPPED) is None
    assert terms_of(make.profile(), SHIPPED.categories["promotional"], SHIPPED) is None
