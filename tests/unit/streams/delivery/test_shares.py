"""Which provider of a channel a recipient is sent to by, and what is known of how each does."""

import asyncio
from collections import Counter
from typing import cast

import pytest

from providers.base import Accepted, AnyProvider, Declaration, Outcome, Rejected, Throttled, Unavailable, Unknown
from providers.features import FEATURES
from providers.registry import Route
from streams.delivery.shares import SINGLE_SLICE, Shares, Standing
from streams.routing.breaker import COOLEST_MS, FAILURES
from tests.unit.streams.make import NOW

MANY = [f"b-1.{number}" for number in range(1000)]


class Provider:
    def __init__(self, name: str, batch_size: int = 1, *, repeatable: bool = False) -> None:
        self.declaration = Declaration(name=name, channel="push", carries=FEATURES, batch_size=batch_size, repeatable=repeatable)


class Clock:
    now = NOW

    def __call__(self) -> int:
        return self.now


def of(*providers: Provider, weights: tuple[int, ...] = (), standing: Standing | None = None) -> Shares:
    routes = [Route(cast(AnyProvider, one), weight) for one, weight in zip(providers, weights or [1] * len(providers), strict=True)]
    return Shares({one.provider.declaration.name: one for one in routes}, standing or Standing(Clock()))


def dead(standing: Standing, clock: Clock, name: str, seconds: int) -> None:
    for _ in range(seconds):
        standing.heard(name, [Unavailable()] * 10, 1)
        clock.now += 1000


def test_the_only_one_takes_what_it_takes_at_once() -> None:
    assert of(Provider("a", 50)).chosen(iter(MANY), []) == ["a"] * 50
    assert of(Provider("a")).chosen(MANY, []) == ["a"] * SINGLE_SLICE
    assert of(Provider("a")).chosen(MANY[:3], ["gone"]) == ["a"] * 3


def test_shares_are_as_the_weights_and_none_has_more_than_it_takes() -> None:
    taken = Counter(of(Provider("a", 1000), Provider("b", 1000), weights=(3, 1)).chosen(MANY, []))
    assert 700 < taken["a"] < 800
    assert taken["a"] + taken["b"] == 1000
    assert max(Counter(of(Provider("a", 1000), Provider("b")).chosen(MANY, [])).values()) in range(SINGLE_SLICE, 300)


def test_who_was_called_by_an_attempt_without_a_result_is_called_again() -> None:
    shares = of(Provider("a"), Provider("b"))
    free = shares.chosen(MANY[:40], [])
    other = ["b" if name == "a" else "a" for name in free]
    assert shares.chosen(MANY[:40], other[:20]) == other[:20] + free[20:]
    assert shares.chosen(MANY[:40], ["gone"] * 20) == free


def test_weight_0_is_only_there_for_what_others_can_not_send() -> None:
    shares = of(Provider("a", 1000), Provider("spare", 1000), weights=(1, 0))
    assert set(shares.chosen(MANY, [])) == {"a"}
    assert shares.after("b-1.0", ["a"]) == "spare"
    assert shares.after("b-1.0", ["a", "spare"]) is None
    assert of(Provider("a")).after("b-1.0", ["a"]) is None


def test_who_dies_loses_its_messages_and_gets_them_back() -> None:
    clock = Clock()
    standing = Standing(clock)
    shares = of(Provider("a", 1000), Provider("b", 1000), standing=standing)
    before = shares.chosen(MANY, [])
    dead(standing, clock, "a", 30)
    standing.heard("a", [Unavailable()], 1)  # whatever its cool-down was, it is in one now
    assert set(shares.chosen(MANY, [])) == {"b"}
    assert shares.figures() == {"a_percent": 2, "b_percent": 100, "a_down": 1, "b_down": 0}
    shares.gate("a").heard([Accepted()])  # somebody else's request, that was under way
    after = shares.chosen(MANY, [])
    assert 0 < after.count("a") < 60
    assert all(then == now for then, now in zip(before, after, strict=True) if then == "b"), "only messages of who died move"
    clock.now += 600_000
    for _ in range(10):
        shares.gate("a").heard([Accepted()])
    assert shares.chosen(MANY, []) == before


def test_who_is_down_is_not_asked_while_another_is_there() -> None:
    clock = Clock()
    standing = Standing(clock)
    shares = of(Provider("a", 1000), Provider("b", 1000), standing=standing)
    dead(standing, clock, "a", 1)
    assert "a" in shares.chosen(MANY, [])
    for _ in range(FAILURES):
        standing.heard("a", [Unavailable()], 1)
    assert set(shares.chosen(MANY, [])) == {"b"}
    assert shares.after("b-1.0", ["b"]) is None, "nobody else is there"
    assert shares.chosen(MANY[:3], ["a"] * 2)[:2] == ["a", "a"], "only it can know the message"
    for _ in range(FAILURES):
        standing.heard("b", [Unavailable()], 1)
    assert shares.chosen(MANY[:1], []), "somebody is, when all are: it is waited for"


async def test_when_all_are_down_it_waits_until_one_may_be_asked() -> None:
    clock = Clock()
    standing = Standing(clock)
    shares, signs = of(Provider("a"), Provider("b"), standing=standing), list[int]()
    for name in "ab":
        standing.heard(name, [Unavailable(config=True)], 1)

    def alive() -> None:
        signs.append(1)
        if len(signs) == 4:
            clock.now += COOLEST_MS

    async with asyncio.timeout(20):
        await shares.opened(alive)
    assert len(signs) >= 4
    await shares.opened(alive)


@pytest.mark.parametrize(
    ("outcome", "took_ms", "percent"),
    [
        (Accepted("x"), 1, 100),
        (Rejected("bad"), 1, 100),
        (Accepted("x"), 3001, 50),
        (Throttled(), 1, 25),
        (Unavailable(), 1, 25),
        (Unknown(), 1, 25),
    ],
)
def test_what_counts_against_a_provider(outcome: Outcome, took_ms: int, percent: int) -> None:
    clock = Clock()
    standing = Standing(clock)
    shares = of(Provider("a"), standing=standing)
    standing.heard("a", [outcome] * 20, took_ms)
    clock.now += 10_000
    shares.chosen(MANY, [])
    assert shares.figures()["a_percent"] == percent


def test_a_channel_may_repeat_when_all_its_providers_may() -> None:
    assert of(Provider("a", repeatable=True), Provider("b", repeatable=True)).repeatable
    assert not of(Provider("a", repeatable=True), Provider("b")).repeatable
