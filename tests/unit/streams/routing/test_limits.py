"""A limit holds in every second, whatever is sent when, and falls and rises with what the provider says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.routing.limits import DOWN, LEAST, PARTS, SHARE, UP, Pace, factor_at, most, taken, throttled

NOW = 1_700_000_000_000.0


@given(per_s=st.integers(1, 5_000), sends=st.lists(st.tuples(st.floats(0, 0.5), st.floats(0, 300)), min_size=1, max_size=300))
def test_no_second_has_more_than_the_limit(per_s: int, sends: list[tuple[float, float]]) -> None:
    """Of requests as large as they may be, and smaller; any second that begins with one of them."""
    pace, now, went = Pace(), NOW, list[tuple[float, int]]()
    for part, idle in sends:
        now += idle
        count = max(1, int(most(per_s, 1_000) * 2 * part))
        pace, wait = taken(pace, count, per_s, now)
        went.append((now + wait, count))
    for begins, _ in went:
        assert sum(count for at, count in went if begins <= at < begins + 1_000) <= max(per_s * SHARE + most(per_s, 1_000), 1)


def test_and_all_of_it_is_used_when_there_is_more() -> None:
    pace, now, sent = Pace(), NOW, 0
    while now < NOW + 10_000:
        pace, wait = taken(pace, 20, 1_000, now)
        now += wait
        sent += 20
    assert 10_000 * SHARE <= sent <= 10_000 * SHARE + 40


def test_time_that_was_not_used_is_lost() -> None:
    pace, _ = taken(Pace(), 10, 100, NOW)
    pace, wait = taken(pace, 10, 100, NOW + 60_000)
    assert wait == 0
    assert taken(pace, 1, 100, NOW + 60_000)[1] == pytest.approx(100 / SHARE)


def test_what_is_asked_for_is_waited_for_also_without_a_limit() -> None:
    pace = throttled(Pace(), 7_000, NOW)
    assert taken(pace, 1, None, NOW + 1_000)[1] == 6_000
    assert taken(pace, 1, 100, NOW + 1_000)[1] == 6_000
    assert taken(pace, 1, None, NOW + 7_000)[1] == 0


def test_the_rate_falls_once_a_second_and_rises_again() -> None:
    pace = throttled(throttled(Pace(), 0, NOW), 0, NOW + 500)
    assert factor_at(pace, NOW) == pytest.approx(DOWN)
    pace = throttled(pace, 0, NOW + 1_000)
    assert factor_at(pace, NOW + 1_000) == pytest.approx((DOWN + UP) * DOWN)
    assert factor_at(pace, NOW + 100_000) == 1.0
    for second in range(50):
        pace = throttled(pace, 0, NOW + 1_000 * second)
    assert factor_at(pace, pace.changed) >= LEAST


@pytest.mark.parametrize(
    ("per_s", "size", "together"), [(None, 1_000, 1_000), (1_000, 200, 20), (10, 200, 1), (1e9, 200, 200), (0.5, 200, 1)]
)
def test_requests_are_small_beside_the_limit(per_s: float | None, size: int, together: int) -> None:
    assert most(per_s, size) == together
    assert PARTS == 50
