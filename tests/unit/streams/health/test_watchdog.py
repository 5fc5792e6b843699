"""The thin part: who is asked what, and when the process ends."""

from collections.abc import Mapping
from typing import NoReturn

import pytest

from streams.health.loop import StillLoop
from streams.health.rules import Group, Held, Limits, Offsets, Place, Seen
from streams.health.watchdog import Watchdog

A = ("notify.requests", 1)
STUCK = Seen({A: Held(True)}, {A: Offsets(3, 5)}, Group(True, frozenset({A})))


class Died(Exception):
    pass


def die(reason: str) -> NoReturn:
    raise Died(reason)


class Cluster:
    """Answers what it is told to."""

    def __init__(self, seen: Seen | None, has: bool | None) -> None:
        self.seen, self.has = seen, has
        self.asked: list[tuple[Place, int]] = []

    def look(self, held: Mapping[Place, Held]) -> Seen | None:
        return self.seen

    def has_record(self, place: Place, offset: int) -> bool | None:
        self.asked.append((place, offset))
        return self.has


def watch(cluster: Cluster, looks: int) -> Watchdog:
    clock = iter(range(0, 100_000, 5))
    dog = Watchdog(cluster, dict, Limits(), die, check_s=5, clock=lambda: float(next(clock)))
    for _ in range(looks):
        dog.look()
    return dog


def test_it_ends_the_process_when_the_log_has_work_that_is_not_done() -> None:
    cluster = Cluster(STUCK, has=True)
    with pytest.raises(Died, match=r"requests/1 has not moved for .* \(committed offset 3, end 5\)"):
        watch(cluster, 100)
    assert cluster.asked == [(A, 3)]


def test_it_asks_once_about_an_end_with_nothing_before_it() -> None:
    cluster = Cluster(STUCK, has=False)
    watch(cluster, 100)
    assert cluster.asked == [(A, 3)]


def test_a_broker_that_does_not_answer_is_no_reason() -> None:
    watch(Cluster(None, has=None), 1000)
    watch(Cluster(STUCK, has=None), 1000)


def test_a_loop_that_stands_still_is_seen_and_one_that_has_not_begun_is_not() -> None:
    watch = StillLoop(limit_s=3)
    assert not any(watch.look(0) for _ in range(100))
    assert not any(watch.look(turns) for turns in range(1, 100))
    assert [watch.look(99) for _ in range(4)] == [False, False, False, True]
    assert watch.still_s == 4
    assert not watch.look(100)
