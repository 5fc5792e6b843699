"""How fast weight leaves a provider that does badly, and comes back."""

from hypothesis import given
from hypothesis import strategies as st

from streams.routing.choice import provider_for
from streams.routing.health import ENOUGH, FLOOR, PATIENCE_MS, WINDOW_MS, Health, answered, at, weight
from tests.unit.streams.make import NOW

SECOND_MS = 1000


def asked(health: Health, begins: int, seconds: int, *, a_second: int = 10, bad: float = 0, slow: float = 0) -> Health:
    """After so many answers a second, of which these parts are bad and slow."""
    for second in range(seconds):
        for number in range(a_second):
            part = number / a_second
            health = answered(health, bad=part < bad, slow=part < slow, now=begins + second * SECOND_MS)
    return at(health, begins + seconds * SECOND_MS)


def test_who_is_dead_has_a_16th_after_20_s_and_a_64th_after_30_s() -> None:
    levels = [asked(Health(), NOW, seconds, bad=1).level for seconds in (9, 10, 20, 30, 300)]
    assert levels == [0, 2, 4, FLOOR, FLOOR]
    assert weight(3.0, Health(FLOOR)) == 3 / 64


def test_who_fails_in_part_or_is_slow_loses_half_in_10_s() -> None:
    assert [asked(Health(), NOW, 10, bad=bad).level for bad in (0, 0.1, 0.2, 0.3, 0.5, 0.6)] == [0, 0, 0, 1, 1, 2]
    assert [asked(Health(), NOW, 10, slow=slow).level for slow in (0.5, 0.6, 1)] == [0, 1, 1]


def test_who_fails_a_little_stays_where_it_is() -> None:
    assert asked(Health(3), NOW, 100, bad=0.1).level == 3


def test_who_works_again_has_all_its_weight_after_60_s() -> None:
    assert [asked(Health(FLOOR), NOW, seconds).level for seconds in (10, 30, 60)] == [5, 3, 0]


def test_who_is_not_asked_drifts_back_in_6_min() -> None:
    began = at(Health(FLOOR), NOW)
    assert [at(began, NOW + minutes * PATIENCE_MS).level for minutes in (0, 1, 3, 6, 10_000)] == [6, 5, 3, 0, 0]


def test_few_answers_are_looked_at_after_a_minute() -> None:
    few = asked(Health(), NOW, 19, a_second=1, bad=1)
    assert (few.answers, few.level) == (ENOUGH - 1, 0)
    assert at(few, NOW + PATIENCE_MS - 1).level == 0
    assert at(few, NOW + PATIENCE_MS).level == 2
    assert answered(few, bad=True, slow=False, now=NOW + 19 * SECOND_MS).answers == ENOUGH
    assert at(answered(few, bad=True, slow=False, now=NOW + 19 * SECOND_MS), NOW + 20 * SECOND_MS).level == 2


@given(st.lists(st.tuples(st.integers(0, 2 * PATIENCE_MS), st.booleans(), st.booleans()), max_size=60), st.integers(0, 10**12))
def test_it_keeps_within_its_bounds_and_a_look_changes_nothing(answers: list[tuple[int, bool, bool]], wait_ms: int) -> None:
    health, now = Health(), NOW
    for wait, bad, slow in answers:
        now += wait
        looked, before = at(health, now), health
        health = answered(before, bad=bad, slow=slow, now=now)
        assert answered(looked, bad=bad, slow=slow, now=now) == health
        assert 0 <= health.level <= min(FLOOR, before.level + 2)
        assert 0 <= health.bad <= health.answers
        assert now - health.began < max(WINDOW_MS, PATIENCE_MS)
        assert weight(1.0, health) >= 1 / 64
    later = at(health, now + wait_ms)
    assert at(later, now + wait_ms) == later
    assert later.level <= max(health.level, min(FLOOR, health.level + 2))


def test_a_provider_that_dies_gives_its_messages_to_the_other_and_gets_them_back() -> None:
    """Two with equal weights and 100 messages a second; the first is dead for two minutes."""
    health, shares = {"a": Health(), "b": Health()}, {}
    for second in range(300):
        now = NOW + second * SECOND_MS
        took = 0
        for number in range(100):
            name = provider_for(f"{second}.{number}", {each: weight(1, at(of, now)) for each, of in health.items()})
            health[name] = answered(health[name], bad=name == "a" and 60 <= second < 180, slow=False, now=now)
            took += name == "a"
        shares[second] = took
    assert 30 < sum(shares[second] for second in range(50, 60)) / 10 < 70
    assert sum(shares[second] for second in range(100, 180)) / 80 < 5
    assert min(sum(shares[second] for second in range(begin, begin + 20)) for begin in range(100, 180)) > 0, "it is still asked"
    assert 30 < sum(shares[second] for second in range(290, 300)) / 10 < 70


def test_when_all_are_bad_they_share_as_configured() -> None:
    dead = asked(Health(), NOW, 60, bad=1)
    assert weight(3, dead) / weight(1, dead) == 3
