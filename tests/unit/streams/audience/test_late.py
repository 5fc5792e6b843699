"""Which channels are shed, by what is seen of their lanes."""

import pytest

from schemas.records import Priority
from schemas.topics import HOUR_MS
from streams.audience.late import LOOKS, Late
from streams.policy.loader import load_policy
from streams.routing.shedding import PATIENCE_MS, Lag
from tests.unit.streams.make import NOW, notification

POLICY = load_policy()
SALE = notification(category="promotional", priority=Priority.LOW)
LOOK_MS = 10_000


class World:
    """Lanes of which so much waits, and goes at a rate; each look is 10 s after the one before."""

    def __init__(self) -> None:
        self.now, self.answers = NOW, True
        self.lags = {"push": Lag(0, 0), "email": Lag(0, 0)}
        self.late = Late(self, lambda: POLICY, lambda: self.now)

    def look(self) -> dict[str, Lag] | None:
        return dict(self.lags) if self.answers else None

    def goes_on(self, looks: int = 2 * LOOKS, *, comes: int = 10, goes: int = 10) -> list[str]:
        """On push; email has nothing to do. Returns what is shed."""
        for _ in range(looks):
            self.now += LOOK_MS
            push = self.lags["push"]
            self.lags["push"] = Lag(push.done + goes, push.end + comes)
            self.late.look()
        return sorted(self.late.channels(SALE))


def test_nothing_is_shed_before_anything_is_known() -> None:
    world = World()
    assert list(world.late.channels(SALE)) == []
    world.lags["push"] = Lag(0, 10**9)
    assert world.goes_on(1) == []


def test_a_channel_is_shed_while_it_is_too_late_and_the_others_are_not() -> None:
    world = World()
    world.lags["push"] = Lag(0, 2_000)
    assert world.goes_on() == ["push"], "10 in 10 s, of 2,000: half an hour and more"
    assert world.goes_on(comes=0, goes=50) == [], "what is left goes in a few minutes"


def test_when_nobody_answers_or_nothing_moves_it_stays_as_it_was() -> None:
    world = World()
    world.lags["push"] = Lag(0, 2_000)
    assert world.goes_on() == ["push"]
    world.answers = False
    assert world.goes_on() == ["push"]
    world.answers = True
    assert world.goes_on(goes=0, comes=0) == ["push"]


def test_a_restart_sheds_nobody() -> None:
    """A little was done, and then nothing for a while: by that alone the rest would take for hours."""
    world = World()
    world.lags["push"] = Lag(0, 2_000)
    assert world.goes_on(1, goes=2) == []
    assert world.goes_on(LOOKS - 1, goes=0, comes=200) == [], "most of a minute later it is back"
    assert world.goes_on(goes=500) == []


def test_what_stands_still_for_longer_than_policy_allows_is_shed() -> None:
    world = World()
    world.goes_on(2, comes=0, goes=0)
    world.lags["push"] = Lag(0, 1)
    minutes_30 = HOUR_MS // 2 // LOOK_MS
    assert world.goes_on(minutes_30, comes=0, goes=0) == []
    assert world.goes_on(2 + PATIENCE_MS // LOOK_MS, comes=0, goes=0) == ["push"]


@pytest.mark.parametrize(
    "other",
    [
        notification(category="promotional", priority=Priority.NORMAL),
        notification(category="promotional", priority=Priority.CRITICAL),
        notification(category="transactional", priority=Priority.LOW),
    ],
)
def test_only_what_matters_least_is(other: object) -> None:
    world = World()
    world.lags["push"] = Lag(0, HOUR_MS)
    assert world.goes_on() == ["push"]
    assert list(world.late.channels(other)) == []  # type: ignore[arg-type]
