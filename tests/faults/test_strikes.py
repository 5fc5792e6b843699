"""A seed is a schedule."""

from hypothesis import given
from hypothesis import strategies as st

from tests.faults.plan import ROLES, Plan
from tests.faults.strikes import AGAIN_S, draw


@given(st.integers(0, 2**32), st.integers(0, 60), st.sampled_from([ROLES, ("bulk",), ("plan", "bulk")]))
def test_strikes_follow_from_the_seed_and_are_as_many_as_planned(seed: int, kills: int, roles: tuple[str, ...]) -> None:
    plan = Plan(10, kills, seed, roles)
    strikes = draw(plan)
    assert strikes == draw(plan)
    assert sum(len(strike.roles) for strike in strikes) == kills
    assert all(len(set(strike.roles)) == len(strike.roles) <= 2 and set(strike.roles) <= set(roles) for strike in strikes)


def test_some_are_struck_again_before_they_recovered() -> None:
    strikes = draw(Plan(10, 300, 1))
    pairs = zip(strikes, strikes[1:], strict=False)
    assert sum(after.roles == before.roles[:1] and after.gap_s < AGAIN_S for before, after in pairs) > 30
