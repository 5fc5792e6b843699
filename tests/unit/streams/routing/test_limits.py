"""A limit holds in every second, whatever is sent when and however late, and falls and rises with what the provider says."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.routing.limits import (
    AHEAD_MS,
    DOWN,
    LATE_MS,
    LEAST,
    PARTS,
    REACH_MS,
    SLICES,
    UP,
    Pace,
    Went,
    answered,
    factor_at,
    has_room,
    request_size,
    sent,
    slice_size,
    throttled,
    wait_ms,
)

NOW = 1_700_000_000_000.0


def went(pace: Pace, count: int, per_s: float | None, now: float, late: float = 0.0) -> float:
    """Sent when it may be, or so many ms later: the time."""
    for _ in range(100):
        if (wait := wait_ms(pace, count, per_s, now)) <= 0:
            break
        now += wait
    now += late
    assert wait_ms(pace, count, per_s, now) <= 0, "who is late may go"
    sent(pace, count, per_s, now)
    return now


@given(
    per_s=st.floats(0.3, 5_000),
    sends=st.lists(st.tuples(st.floats(0, 1), st.floats(0, 700), st.floats(0, 400)), min_size=1, max_size=200),
    delays=st.lists(st.floats(0, REACH_MS - 0.1), min_size=1, max_size=50),
)
def test_no_second_at_the_provider_has_more_than_the_limit(
    per_s: float, sends: list[tuple[float, float, float]], delays: list[float]
) -> None:
    """Whoever was idle or late before, and though requests take unequal times; any second that begins with one of them."""
    pace, now, arrived = Pace(), NOW, list[tuple[float, int]]()
    for number, (part, idle, late) in enumerate(sends):
        count = max(1, round(request_size(per_s, 1_000) * part))
        now = went(pace, count, per_s, now + (idle if number % 5 == 0 else 0.0), late if number % 3 == 0 else 0.0)
        arrived.append((now + delays[number % len(delays)], count))
    for begins, _ in arrived:
        assert sum(count for at, count in arrived if begins <= at < begins + 1_000) <= max(1, per_s)


@given(
    per_s=st.floats(2, 2_000),
    sends=st.lists(st.tuples(st.floats(0, 1), st.floats(0, 3_000), st.floats(0, 1)), min_size=1, max_size=150),
)
def test_nor_when_some_take_much_longer_to_arrive(per_s: float, sends: list[tuple[float, float, float]]) -> None:
    """As long as their answers are as late. Any part of the lateness may have been on the way there."""
    pace, now, arrived = Pace(), NOW, list[tuple[float, int]]()
    under_way: list[tuple[float, float, Went]] = []
    for number, (part, late, there) in enumerate(sends):
        count = max(1, round(request_size(per_s, 1_000) * part))
        late = late if number % 4 == 0 else 0.0
        while (wait := wait_ms(pace, count, per_s, now)) > 0:
            now += min(wait, 5.0)
            for one in [one for one in under_way if one[0] <= now]:
                under_way.remove(one)
                pace.fastest = 20.0
                answered(pace, one[2], one[1], one[0])
        request = sent(pace, count, per_s, now)
        assert request is not None
        under_way.append((now + 20 + late, 20 + late, request))
        arrived.append((now + there * (late + REACH_MS - 0.1), count))
    for begins, _ in arrived:
        assert sum(count for at, count in arrived if begins <= at < begins + 1_000) <= per_s


def test_how_long_the_fastest_take_is_what_one_in_twenty_does() -> None:
    pace, draw = Pace(), random.Random(1)
    for took in (300.0, *(draw.uniform(20, 120) for _ in range(3_000))):
        request = sent(pace, 1, 100, NOW)
        assert request is not None
        answered(pace, request, took, NOW + took)
    assert 20 < pace.fastest < 32


def test_what_is_not_answered_counts_until_it_is_and_for_as_much_longer_as_it_was_late() -> None:
    pace = Pace(fastest=20.0)
    request = sent(pace, 10, 10, NOW)
    assert request is not None
    assert wait_ms(pace, 10, 10, NOW + 2_000) > 0
    assert wait_ms(pace, 10, 10, NOW + 5_000) > 0
    answered(pace, request, 6_000, NOW + 6_000)
    assert wait_ms(pace, 10, 10, NOW + 6_000) == pytest.approx(1_000 + REACH_MS - 20)


def test_a_provider_that_always_takes_long_is_not_waited_for() -> None:
    """What took no longer than the fastest did not arrive late: it counts for a second."""
    pace = Pace(fastest=3_000.0)
    request = sent(pace, 10, 10, NOW)
    assert request is not None
    assert wait_ms(pace, 10, 10, NOW + 1_000 + REACH_MS) == 0
    answered(pace, request, 3_500, NOW + 3_500)
    assert wait_ms(pace, 10, 10, NOW + 3_500) == 0


def test_what_was_forgotten_and_is_late_counts_again() -> None:
    pace = Pace(fastest=3_000.0)
    request = sent(pace, 10, 10, NOW)
    assert request is not None
    assert wait_ms(pace, 10, 10, NOW + 2_500) == 0
    answered(pace, request, 5_000, NOW + 2_900)
    assert wait_ms(pace, 10, 10, NOW + 2_900) == pytest.approx(100 + REACH_MS)


def test_and_all_of_it_is_used_when_there_is_more() -> None:
    pace, now, count = Pace(), NOW, 0
    while now < NOW + 20_000:
        now = went(pace, 20, 1_000, now)
        count += 20
    assert 0.97 <= count / 20_000 <= 1_000 / (1_000 + REACH_MS) + 0.02


@pytest.mark.parametrize("late", [5.0, 40.0, 90.0])
def test_lateness_is_made_good(late: float) -> None:
    """A process that wakes up late each time, by up to several requests' time, uses the limit all the same."""
    pace, now, count = Pace(), NOW, 0
    while now < NOW + 20_000:
        now += late
        for _ in range(5):
            now = went(pace, 20, 1_000, now)
            count += 20
    assert count / 20_000 >= 0.955


def test_after_a_rest_little_goes_at_once() -> None:
    pace, at_once = Pace(), 0
    went(pace, 20, 1_000, NOW)
    while wait_ms(pace, 20, 1_000, NOW + 60_000) <= 0:
        sent(pace, 20, 1_000, NOW + 60_000)
        at_once += 20
    assert at_once <= LATE_MS + 20


def test_less_than_one_a_second() -> None:
    pace = Pace()
    assert went(pace, 1, 0.5, NOW) == NOW
    assert went(pace, 1, 0.5, NOW) == pytest.approx(NOW + 2_000 + REACH_MS)


def test_when_the_clock_is_set_back_nothing_is_waited_for() -> None:
    pace = Pace()
    for _ in range(50):
        went(pace, 20, 1_000, NOW)
    assert wait_ms(pace, 20, 1_000, NOW - 3_600_000) <= 0


def test_what_is_asked_for_is_waited_for_also_without_a_limit() -> None:
    pace = Pace()
    throttled(pace, 7_000, NOW)
    assert wait_ms(pace, 1, None, NOW + 1_000) == 6_000
    assert wait_ms(pace, 1, 100, NOW + 1_000) == 6_000
    assert wait_ms(pace, 1, None, NOW + 7_000) == 0


def test_the_rate_falls_once_a_second_and_rises_again() -> None:
    pace = Pace()
    throttled(pace, 0, NOW)
    throttled(pace, 0, NOW + 500)
    assert factor_at(pace, NOW) == pytest.approx(DOWN)
    throttled(pace, 0, NOW + 1_000)
    assert factor_at(pace, NOW + 1_000) == pytest.approx((DOWN + UP) * DOWN)
    assert factor_at(pace, NOW + 100_000) == 1.0
    for second in range(50):
        throttled(pace, 0, NOW + 1_000 * second)
    assert factor_at(pace, pace.changed) >= LEAST


def test_a_lower_rate_is_kept_to() -> None:
    pace, now, count = Pace(factor=0.5, changed=NOW + 60_000), NOW, 0
    while now < NOW + 10_000:
        now = went(pace, 10, 1_000, now)
        count += 10
    assert count <= 5_000 + LATE_MS


@pytest.mark.parametrize(
    ("per_s", "size", "together", "intended"),
    [
        (None, 1_000, 1_000, 1_000),
        (1_000, 200, 20, 100),
        (10, 200, 1, 1),
        (1e9, 200, 200, 200),
        (0.5, 200, 1, 1),
        (123.75, 200, 1, 12),
        (247, 200, 3, 24),
    ],
)
def test_requests_and_intents_are_small_beside_the_limit(per_s: float | None, size: int, together: int, intended: int) -> None:
    assert (request_size(per_s, size), slice_size(per_s, size)) == (together, intended)
    assert (PARTS, SLICES) == (50, 10)


def test_few_are_on_their_way_and_never_nobody() -> None:
    assert has_room(1_000, int(AHEAD_MS) - 100, 100)
    assert not has_room(1_000, int(AHEAD_MS) - 100, 101)
    assert has_room(1, 0, 5), "one slice always"
    assert has_room(None, 10**9, 10**9)
