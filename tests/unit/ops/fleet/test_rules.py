"""What the supervisor does, as a story of what it sees."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.fleet.rules import Action, Care, Policy, Sight, backoff_s, decide, started

POLICY = Policy(first_s=1, cap_s=30, deaths=5, within_s=120, sick_checks=3, silent_s=90)
DEAD = Sight(None)


def act(care: Care, sight: Sight, now: float) -> Action:
    return decide(care, sight, now, 1.0, POLICY)


def lives(pid: int, *, asked: bool = False, healthy: bool | None = None) -> Sight:
    return Sight(pid, asked=asked, healthy=healthy)


def die_and_come_back(care: Care, pid: int, now: float) -> float:
    """One death and one start; returns when it started."""
    while (found := act(care, DEAD, now)) is Action.NOTHING:
        now += 1
    assert found is Action.START
    started(care)
    assert act(care, lives(pid), now) is Action.NOTHING
    return now


def test_what_died_starts_again_after_a_while() -> None:
    care = Care()
    assert act(care, lives(7), 0) is Action.NOTHING
    assert act(care, DEAD, 10) is Action.NOTHING
    assert act(care, DEAD, 10.9) is Action.NOTHING
    assert act(care, DEAD, 11) is Action.START
    assert act(care, DEAD, 12) is Action.START  # the lock was taken: it still wants to
    started(care)
    assert care.restarts == 1


def test_what_somebody_stopped_stays_stopped() -> None:
    care = Care()
    act(care, lives(7), 0)
    assert all(act(care, Sight(None, recorded=False), now) is Action.NOTHING for now in range(1, 500))


def test_the_fifth_death_within_two_minutes_is_the_last() -> None:
    care, now = Care(), 0.0
    for pid in range(4):
        now = die_and_come_back(care, pid, now) + 1
    assert act(care, DEAD, now) is Action.GIVE_UP
    assert all(act(care, DEAD, now + later) is Action.NOTHING for later in range(1, 1000))
    assert act(care, lives(99), now + 1001) is Action.NOTHING  # somebody started it
    assert not care.gave_up
    assert die_and_come_back(care, 100, now + 1002) < now + 1005


def test_deaths_far_apart_are_never_too_many() -> None:
    care, now = Care(), 0.0
    for pid in range(100):
        now = die_and_come_back(care, pid, now) + 121
    assert care.restarts == 100


def test_while_what_it_needs_is_away_nothing_starts_and_nothing_is_given_up() -> None:
    care = Care()
    away = Sight(None, served=False)
    act(care, lives(7), 0)
    assert all(act(care, away, now) is Action.NOTHING for now in range(1, 10_000))
    assert act(care, DEAD, 10_000) is Action.START


def test_one_that_is_not_well_for_long_is_killed() -> None:
    care = Care()
    sick = lives(7, asked=True, healthy=False)
    assert [act(care, sick, now) for now in range(3)] == [Action.NOTHING, Action.NOTHING, Action.KILL]


def test_a_good_answer_in_between_is_enough_and_rounds_without_a_question_are_none() -> None:
    care = Care()
    for now in range(0, 100, 4):
        assert act(care, lives(7, asked=True, healthy=False), now) is Action.NOTHING
        assert act(care, lives(7), now + 1) is Action.NOTHING
        assert act(care, lives(7, asked=True, healthy=False), now + 2) is Action.NOTHING
        assert act(care, lives(7, asked=True, healthy=True), now + 3) is Action.NOTHING


def test_one_that_does_not_say_where_it_is_has_longer() -> None:
    care = Care()
    silent = lives(7, asked=True)
    assert all(act(care, silent, now) is Action.NOTHING for now in range(93))
    assert act(care, silent, 93) is Action.KILL


def test_a_new_process_is_not_blamed_for_the_old_one() -> None:
    care = Care()
    for now in range(2):
        act(care, lives(7, asked=True, healthy=False), now)
    assert act(care, lives(8, asked=True, healthy=False), 3) is Action.NOTHING


@given(st.integers(1, 50), st.floats(0, 1))
def test_a_wait_is_bounded_and_never_shorter_than_half(deaths: int, draw: float) -> None:
    longest = min(30.0, 2.0 ** (deaths - 1))
    assert longest / 2 <= backoff_s(deaths, draw, POLICY) <= longest


@pytest.mark.parametrize(("deaths", "wait"), [(1, 1), (2, 2), (3, 4), (6, 30)])
def test_waits_double_up_to_a_limit(deaths: int, wait: float) -> None:
    assert backoff_s(deaths, 1.0, POLICY) == wait
