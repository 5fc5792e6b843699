"""A day's limit, cut by partition: never exceeded on any day, whatever is taken when and given back."""

from hypothesis import given
from hypothesis import strategies as st

from streams.routing.days import DAY_MS, LATE_MS, Used, given_back, more, taken, until_next_ms, used_at

MIDNIGHT = 20_000 * DAY_MS


@given(
    quota=st.integers(0, 100),
    steps=st.lists(st.tuples(st.integers(0, DAY_MS // 3), st.integers(1, 40), st.integers(0, LATE_MS), st.integers(0, 40)), max_size=60),
)
def test_no_day_has_more_though_what_is_taken_arrives_later(quota: int, steps: list[tuple[int, int, int, int]]) -> None:
    used, now, arrived = Used(), MIDNIGHT, dict[int, int]()
    for idle, wanted, late, unsent in steps:
        now += idle
        used, granted = taken(used, wanted, quota, now)
        assert granted <= wanted
        unsent = min(unsent, granted)
        used = given_back(used, unsent, now // DAY_MS)
        day = (now + late) // DAY_MS
        arrived[day] = arrived.get(day, 0) + granted - unsent
    assert max(arrived.values(), default=0) <= quota


def test_all_of_it_may_be_taken_and_the_next_day_again() -> None:
    used, granted = taken(Used(), 30, 100, MIDNIGHT)
    used, rest = taken(used, 100, 100, MIDNIGHT + 1)
    assert (granted, rest) == (30, 70)
    assert taken(used, 1, 100, MIDNIGHT + 2)[1] == 0
    assert taken(used, 500, 100, MIDNIGHT + DAY_MS)[1] == 100


def test_what_was_not_sent_may_be_taken_again_but_on_that_day_alone() -> None:
    used, _ = taken(Used(), 100, 100, MIDNIGHT)
    assert taken(given_back(used, 10, MIDNIGHT // DAY_MS), 50, 100, MIDNIGHT)[1] == 10
    assert given_back(used, 10, MIDNIGHT // DAY_MS - 1) == used


def test_what_is_taken_at_the_end_of_a_day_counts_on_both() -> None:
    used, _ = taken(Used(), 60, 100, MIDNIGHT - LATE_MS - 1)
    used, late = taken(used, 60, 100, MIDNIGHT - LATE_MS)
    assert late == 40
    assert used_at(used, MIDNIGHT) == Used(20_000, 40)
    assert used_at(used, MIDNIGHT + DAY_MS) == Used(20_001, 0)


def test_of_two_copies_the_later_or_larger_holds() -> None:
    assert more(Used(5, 10), Used(6, 1)) == more(Used(6, 1), Used(5, 10)) == Used(6, 1)
    assert more(Used(5, 10, 1), Used(5, 9, 2)) == Used(5, 10, 1)
    assert until_next_ms(MIDNIGHT) == DAY_MS
    assert until_next_ms(MIDNIGHT - 1) == 1
