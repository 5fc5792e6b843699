"""An account that is down is left alone, asked by one request when it may be back, and not run over when it is."""

from hypothesis import given
from hypothesis import strategies as st

from streams.routing.breaker import COOL_MS, COOLEST_MS, ENOUGH, FAILURES, Breaker, came_to_nothing, room, succeeded

NOW = 1_700_000_000_000


def down(times: int = FAILURES, breaker: Breaker | None = None, now: int = NOW) -> Breaker:
    breaker = breaker or Breaker()
    for _ in range(times):
        breaker = came_to_nothing(breaker, now, 0.5)
    return breaker


def test_it_opens_after_so_many_in_a_row_and_one_good_one_begins_anew() -> None:
    assert room(down(FAILURES - 1), NOW) is None
    assert room(down(FAILURES), NOW) == 0
    assert room(down(FAILURES - 1, succeeded(down(FAILURES - 1))), NOW) is None


def test_it_opens_at_once_when_our_settings_are_wrong() -> None:
    assert room(came_to_nothing(Breaker(), NOW, 0.0, config=True), NOW) == 0


def test_after_the_cool_down_one_request_asks() -> None:
    breaker = down()
    assert NOW + COOL_MS // 2 <= breaker.until <= NOW + COOL_MS
    assert room(breaker, breaker.until - 1) == 0
    assert room(breaker, breaker.until) == 1


def test_each_time_it_is_down_longer_to_a_limit() -> None:
    breaker, spans = down(), []
    for _ in range(12):
        now = breaker.until
        breaker = came_to_nothing(breaker, now, 1 - 1e-9)
        spans.append(breaker.until - now)
    assert spans == sorted(spans)
    assert spans[0] == 2 * COOL_MS
    assert spans[-1] == COOLEST_MS


def test_when_it_is_back_requests_double_until_there_is_no_limit() -> None:
    breaker = down()
    rooms = []
    while room(breaker := succeeded(breaker), breaker.until) is not None:
        rooms.append(room(breaker, NOW))
    assert rooms == [2, 4, 8, 16, 32, ENOUGH]
    assert breaker == Breaker()


def test_one_failure_on_the_way_back_opens_it_again_for_longer() -> None:
    first = down()
    breaker = succeeded(succeeded(first))
    again = came_to_nothing(breaker, NOW + 5_000, 0.0)
    assert room(again, NOW + 5_000) == 0
    assert again.opened == 2


def test_what_was_under_way_when_it_opened_changes_nothing() -> None:
    breaker = down()
    assert came_to_nothing(breaker, NOW + 1, 0.9) == breaker


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 100_000), st.floats(0, 1, exclude_max=True)), max_size=100))
def test_it_is_never_shut_for_longer_than_its_longest_cool_down(heard: list[tuple[bool, int, float]]) -> None:
    breaker, now = Breaker(), NOW
    for good, after, draw in heard:
        now += after
        breaker = succeeded(breaker) if good else came_to_nothing(breaker, now, draw)
        assert room(breaker, now + COOLEST_MS) != 0
        assert breaker.until <= now + COOLEST_MS
