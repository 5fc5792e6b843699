"""Those whom a replay reopened: pending until they are decided afresh, ending once; and each way to reopen wrongly is found."""

from collections.abc import Callable

import msgspec
import pytest

from schemas import ids
from schemas.records import Outcome, StatusBatch
from schemas.topics import STATUS
from tests.unit.ops.audit.test_holds import ID, MINE, NIGHT, PARTITION, decided_afresh, handed_back, only
from tests.unit.ops.audit.world import T0, World, judge

BATCH = ids.batch_id(ID, PARTITION, 0, "push")
HOLD = ids.replay_id(BATCH, 0)
AT = T0 + 5_000
FAILED = Outcome("failed", "provider_unavailable", "down")
REOPENED = Outcome("deferred", "replayed", "2027-01-15T08:00:05+00:00 replay r: failed provider_unavailable")
Plant = Callable[[World], object]


def failed() -> World:
    """Of five on the first channel the provider could not take two."""
    return handed_back(FAILED)


def reopened(world: World, **changed: object) -> World:
    """A replay takes both."""
    before = world.find(STATUS, lambda it: it.batch_id == BATCH)
    told = StatusBatch(
        status_id=ids.deferred_id(HOLD, "push"), notification=NIGHT, channel="push", batch_id=BATCH, users=MINE[3:], outcomes=[REOPENED],
        outcome_of=[0, 0], profile_offsets=[-1, -1], at=AT, caused_by_topic=STATUS, caused_by_partition=PARTITION,
        caused_by_offset=before.place.offset,
    )  # fmt: skip
    world.write(STATUS, PARTITION, AT, ID, msgspec.structs.replace(told, **changed))
    return world


def test_who_is_reopened_is_pending_until_they_are_decided_afresh() -> None:
    push = judge(failed()).notifications[ID].channels["push"]
    assert (push.outcomes, push.pending) == ({"sent": 3, "failed": 2}, 0)
    report = judge(reopened(failed()), now_ms=AT + 1_000)
    assert report.green, report.violations
    push = report.notifications[ID].channels["push"]
    assert (push.audience, push.outcomes, push.pending) == (5, {"sent": 3}, 2)
    report = judge(decided_afresh(reopened(failed()), hold=HOLD))
    assert report.green, report.violations
    push = report.notifications[ID].channels["push"]
    assert (push.audience, push.outcomes, push.pending) == (5, {"sent": 4, "suppressed": 1}, 0)


def test_a_status_that_was_written_twice_may_be_named_by_either_place() -> None:
    world = failed()
    world.again(world.find(STATUS, lambda it: it.batch_id == BATCH))
    last = max(entry.place.offset for entry in world.of(STATUS, PARTITION))
    report = judge(decided_afresh(reopened(world, caused_by_offset=last), hold=HOLD))
    assert report.green, report.violations


PLANTS: dict[str, tuple[Plant, dict[str, int]]] = {
    "nobody is handed over": (lambda world: reopened(world), {"hold_not_released": 1}),
    "others are handed over": (lambda world: decided_afresh(reopened(world), MINE[2:], hold=HOLD), {"release_differs": 1}),
    "nobody was reopened": (lambda world: decided_afresh(world, hold=HOLD), {"release_without_hold": 1}),
    "who was sent to is reopened": (
        lambda world: decided_afresh(reopened(world, users=MINE[2:4]), MINE[2:4], hold=HOLD),
        {"reopened_no_end": 1},
    ),
    "they are reopened twice": (
        lambda world: reopened(reopened(world), status_id=ids.deferred_id(ids.replay_id(BATCH, 1), "push")),
        {"reopened_no_end": 1},
    ),
    "under an id of its own": (lambda world: reopened(world, status_id="x"), {"wrong_id": 1}),
    "it names another status": (lambda world: reopened(world, caused_by_offset=99), {"status_cause": 1, "reopened_no_end": 1}),
    "it says that they were sent to": (lambda world: reopened(world, outcomes=[Outcome("sent")]), {"status_not_final": 1}),
}


@pytest.mark.parametrize("name", PLANTS)
def test_what_is_planted_is_found(name: str) -> None:
    world = failed()
    plant, expected = PLANTS[name]
    plant(world)
    found = only(judge(world))
    assert expected.items() <= found.items(), found
