"""A request for later has no commands until it is due, and is blamed for none; but for each that is missing then."""

import msgspec
import pytest

from ops.audit.model import SCHEDULE_LATE_MS
from schemas.records import Audience, NotificationRequested
from schemas.topics import EXPANSIONS, FANOUT, REQUESTS
from tests.unit.ops.audit.world import NOW, SALE, T0, World, consistent, judge


def waiting(not_before: int | None) -> World:
    """A sale that was asked for, and nothing else."""
    world = World()
    asked = NotificationRequested(msgspec.structs.replace(SALE, not_before=not_before), Audience(expression="all"), "k")
    world.write(REQUESTS, 1, T0 + 1000, SALE.notification_id, asked)
    world.topics[EXPANSIONS] = []
    return world


def halfway(not_before: int) -> World:
    """A sale that went out on all partitions but one."""
    world = consistent()
    sale = world.find(REQUESTS, lambda it: it.notification == SALE)
    world.swap(sale, notification=msgspec.structs.replace(SALE, not_before=not_before))
    for entry in world.of(FANOUT, 2):
        world.drop(entry)
    return world


@pytest.mark.parametrize("settled", [True, False])
def test_before_its_time_nothing_is_missing(settled: bool) -> None:
    report = judge(waiting(NOW + 1), settled=settled)
    assert report.violations == []
    sale = report.notifications[SALE.notification_id]
    assert not sale.expanded
    assert {sums.audience for sums in sale.channels.values()} == {0}


@pytest.mark.parametrize("due", [None, NOW, NOW - 1, SALE.accepted_at])
def test_after_its_time_it_is(due: int | None) -> None:
    assert judge(waiting(due)).counts == {"command_missing": 1}


@pytest.mark.parametrize(("late_ms", "missing"), [(SCHEDULE_LATE_MS - 1, 0), (SCHEDULE_LATE_MS, 1)])
def test_while_things_are_under_way_a_timer_may_be_late(late_ms: int, missing: int) -> None:
    assert judge(halfway(NOW - late_ms), settled=False).counts.get("command_missing", 0) == missing
