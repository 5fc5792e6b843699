"""People who are held: pending until their release is told of; and each way to lose, double or mix them up is found."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from ops.audit.report import Report
from schemas import ids
from schemas.partition import partition_of
from schemas.records import Audience, AudienceExpanded, DeliverBatch, ExpandAudience, Outcome, StatusBatch
from schemas.topics import EXPANSIONS, FANOUT, FEEDBACK, REQUESTS, STATUS, deliver_topic, ledger_topic
from tests.unit.ops.audit.world import (
    HOME,
    NOW,
    PARTITIONS,
    SALE,
    T0,
    USERS,
    World,
    consistent,
    deliver,
    judge,
    notification,
    profiles,
    refused,
)

NIGHT = notification("night", ["push", "in_app"], SALE.priority)
ID = NIGHT.notification_id
PARTITION = HOME[USERS[0]]
MINE = [user for user in USERS if HOME[user] == PARTITION][:5]
AWAKE, ASLEEP = MINE[:2], MINE[2:]
DUE, UNTIL = T0 + 10_000, "2027-01-15T08:00:10+00:00"
HOLD = ids.hold_id(ID, PARTITION, "0", DUE, NIGHT.channels, "quiet_hours")
PUSH = deliver_topic("push", "normal")


def at_night() -> World:
    """Two are sent to, three are held."""
    world = consistent()
    world.write(REQUESTS, partition_of(ID, PARTITIONS), T0, ID, alike(world))
    offset = world.write(FANOUT, PARTITION, T0 + 2000, ID, ExpandAudience(notification=NIGHT, users=MINE, partitions=1))
    for channel in NIGHT.channels:
        batch_id = ids.batch_id(ID, PARTITION, 0, channel)
        deliver(world, PARTITION, DeliverBatch(batch_id, NIGHT, channel, AWAKE, profiles(world, AWAKE), "p1", T0 + 3000, offset))
        world.write(STATUS, PARTITION, T0 + 3000, ID, held(world, channel, ASLEEP, HOLD, offset))
    tell(world, 0, len(MINE), len(AWAKE), 0, len(ASLEEP), offset, T0 + 3000)
    return world


def released(world: World, users: list[str] = ASLEEP, hold: str = HOLD, at: int = DUE) -> World:
    """One of them has opted out meanwhile."""
    one = command(users, hold)
    offset = world.write(FANOUT, PARTITION, at, ID, one)
    for channel in NIGHT.channels:
        batch_id = ids.batch_id(ID, PARTITION, hold, channel)
        deliver(world, PARTITION, DeliverBatch(batch_id, NIGHT, channel, users[:-1], profiles(world, users[:-1]), "p1", at, offset))
        world.write(STATUS, PARTITION, at, ID, refused(world, NIGHT, channel, batch_id, users[-1:], (FANOUT, PARTITION, offset)))
    tell(world, 0, len(users), len(users) - 1, 1, 0, offset, at, hold)
    return world


def command(users: list[str], hold: str) -> ExpandAudience:
    return ExpandAudience(notification=NIGHT, users=users, partitions=1, last=False, hold_id=hold, channels=NIGHT.channels)


def alike(world: World) -> Any:
    request = world.find(REQUESTS).record
    return msgspec.structs.replace(request, notification=NIGHT, audience=Audience(users=MINE))


def held(world: World, channel: str, users: list[str], hold: str, offset: int) -> StatusBatch:
    told = refused(world, NIGHT, channel, "", users, (FANOUT, PARTITION, offset))
    outcome = Outcome("deferred", "quiet_hours", UNTIL)
    return msgspec.structs.replace(told, status_id=ids.deferred_id(hold, channel), outcomes=[outcome])


def tell(world: World, chunk: int, users: int, queued: int, suppressed: int, deferred: int, offset: int, at: int, hold: str = "") -> None:
    counts = [dict.fromkeys(NIGHT.channels, number) for number in (queued, suppressed)]
    told = AudienceExpanded(ID, PARTITION, chunk, 1, not hold, users, *counts, at, offset, hold, dict.fromkeys(NIGHT.channels, deferred))
    world.write(EXPANSIONS, partition_of(ID, PARTITIONS), at, ID, told)


def only(report: Report) -> dict[str, int]:
    return dict(report.counts)


def test_who_is_held_is_pending_until_it_is_time() -> None:
    report = judge(at_night(), now_ms=DUE)
    assert report.green, report.violations
    push = report.notifications[ID].channels["push"]
    assert (push.audience, push.outcomes, push.pending) == (5, {"sent": 2}, 3)
    assert report.notifications[ID].expanded


def test_who_is_released_is_part_of_the_audience_once() -> None:
    report = judge(released(at_night()))
    assert report.green, report.violations
    push = report.notifications[ID].channels["push"]
    assert (push.audience, push.outcomes, push.pending) == (5, {"sent": 4, "suppressed": 1}, 0)


def test_while_a_release_is_not_told_of_yet_nobody_counts_twice() -> None:
    world = released(at_night())
    world.drop(world.find(EXPANSIONS, lambda it: it.hold_id == HOLD))
    report = judge(world, settled=False)
    assert report.green, report.violations
    assert report.notifications[ID].channels["push"].pending == 0


def test_who_is_held_again_is_pending_again() -> None:
    world = at_night()
    offset = world.write(FANOUT, PARTITION, DUE, ID, command(ASLEEP, HOLD))
    again = ids.hold_id(ID, PARTITION, HOLD, DUE, NIGHT.channels, "quiet_hours")
    for channel in NIGHT.channels:
        world.write(STATUS, PARTITION, DUE, ID, held(world, channel, ASLEEP, again, offset))
    tell(world, 0, 3, 0, 0, 3, offset, DUE, HOLD)
    assert judge(world, now_ms=DUE).green
    assert judge(world, now_ms=DUE).notifications[ID].channels["in_app"].pending == 3
    report = judge(released(world, hold=again))
    assert report.green, report.violations
    assert only(judge(world, now_ms=NOW, settled=False)) == {}, "nothing says that the timers are that far"


Plant = Callable[[World], object]


def find_release(world: World) -> Any:
    return world.find(FANOUT, lambda it: getattr(it, "hold_id", ""))


def of_release(world: World) -> Any:
    return world.find(EXPANSIONS, lambda it: it.hold_id)


PLANTS: dict[str, tuple[Plant, dict[str, int]]] = {
    "a release of nobody who was held": (
        lambda world: released(world, [user for user in USERS if HOME[user] == PARTITION][5:7], "another hold"),
        {"audience_differs": 1, "release_without_hold": 2},
    ),
    "the release is told of twice, otherwise": (lambda world: world.again(of_release(world), users=2), {"chunk_changed": 1}),
    "the release comes twice, otherwise": (lambda world: world.again(find_release(world), users=ASLEEP[:1]), {"command_changed": 1}),
    "a person is sent to in their release and refused too": (
        lambda world: world.swap(
            world.find(STATUS, lambda it: it.status_id == ids.status_id(ids.batch_id(ID, PARTITION, HOLD, "push"), "suppressed")),
            users=ASLEEP[:1],
        ),
        {"recipient_twice": 1},
    ),
    "a person is held and sent to": (
        lambda world: world.swap(
            world.find(STATUS, lambda it: it.status_id == ids.deferred_id(HOLD, "push")), users=[AWAKE[0], *ASLEEP[1:]]
        ),
        {"recipient_twice": 1, "release_differs": 1},
    ),
    "it comes before its time": (
        lambda world: world.swap(of_release(world), at=DUE - 5000),
        {"released_early": 2},
    ),
    "a status says that it is held, and not until when": (
        lambda world: world.swap(
            world.find(STATUS, lambda it: it.status_id == ids.deferred_id(HOLD, "push")), outcomes=[Outcome("deferred", "quiet_hours", "?")]
        ),
        {"status_not_final": 1},
    ),
    "a figure of the held is wrong": (lambda world: world.swap(of_release(world), deferred={"push": 1}), {"chunk_sum": 1}),
}


@pytest.mark.parametrize("name", PLANTS)
def test_what_is_planted_is_found(name: str) -> None:
    world = released(at_night())
    plant, expected = PLANTS[name]
    plant(world)
    report = judge(world)
    assert not report.green
    assert expected.items() <= only(report).items(), only(report)


def test_a_release_that_leaves_one_out_is_found() -> None:
    world = released(at_night())
    world.swap(find_release(world), users=ASLEEP[1:])
    assert only(judge(world))["release_differs"] == len(NIGHT.channels)


@pytest.mark.parametrize(("now", "settled", "found"), [(NOW, True, True), (DUE + 5000, True, False), (NOW, False, False)])
def test_who_is_due_and_never_released(now: int, settled: bool, found: bool) -> None:
    report = judge(at_night(), now_ms=now, settled=settled)
    assert only(report) == ({"hold_not_released": len(NIGHT.channels)} if found else {})


def test_who_is_left_out_while_others_who_were_due_later_are_released() -> None:
    world = released(at_night())
    user = [user for user in USERS if HOME[user] == PARTITION][5]
    first = world.find(FANOUT, lambda it: it.notification.notification_id == ID)
    early = held(world, "push", [user], "forgotten", first.place.offset)
    world.write(
        STATUS, PARTITION, T0 + 3000, ID, msgspec.structs.replace(early, outcomes=[Outcome("deferred", "x", "2027-01-15T07:59:50+00:00")])
    )
    assert only(judge(world, settled=False))["hold_not_released"] == 1


BACK = ids.handed_back_id(ids.batch_id(ID, PARTITION, 0, "push"))


AGAIN = ids.retry_id(ids.batch_id(ID, PARTITION, 0, "push"))
LATER = Outcome("deferred", "provider_unavailable", f"{UNTIL} down")


def handed_back(later: Outcome = Outcome("deferred", "quiet_hours", UNTIL)) -> World:  # noqa: B008
    """Five are handed over; of the first channel two have come into quiet hours by then, and are decided afresh."""
    world = consistent()
    world.write(REQUESTS, partition_of(ID, PARTITIONS), T0, ID, alike(world))
    offset = world.write(FANOUT, PARTITION, T0 + 2000, ID, ExpandAudience(notification=NIGHT, users=MINE, partitions=1))
    for channel in NIGHT.channels:
        batch_id = ids.batch_id(ID, PARTITION, 0, channel)
        deliver(world, PARTITION, DeliverBatch(batch_id, NIGHT, channel, MINE, profiles(world, MINE), "p1", T0 + 3000, offset))
    tell(world, 0, len(MINE), len(MINE), 0, 0, offset, T0 + 3000)
    ended(world, outcomes=[Outcome("sent"), later], outcome_of=[0, 0, 0, 1, 1])
    return world


def ended(world: World, **columns: Any) -> None:
    """What became of the first channel's batch is another thing."""
    batch_id = ids.batch_id(ID, PARTITION, 0, "push")
    ledger = [one for one in world.topics[ledger_topic(PUSH)] if one.key.decode() == batch_id and one.record.finished_at]
    world.swap(ledger[0], **columns)
    world.swap(world.find(STATUS, lambda it: it.batch_id == batch_id), **columns)


def decided_afresh(world: World, users: list[str] = MINE[3:], hold: str = BACK, at: int = T0 + 6000) -> World:
    """One is sent to in the end, the other has opted out meanwhile."""
    one = msgspec.structs.replace(command(users, hold), channels=["push"])
    offset = world.write(FANOUT, PARTITION, at, ID, one)
    batch_id = ids.batch_id(ID, PARTITION, hold, "push")
    sent = DeliverBatch(batch_id, NIGHT, "push", users[:1], profiles(world, users[:1]), "p1", at, offset, attempts=int(hold == AGAIN))
    deliver(world, PARTITION, sent)
    world.write(STATUS, PARTITION, at, ID, refused(world, NIGHT, "push", batch_id, users[1:], (FANOUT, PARTITION, offset)))
    counts = {"push": 1}, {"push": len(users) - 1}
    told = AudienceExpanded(ID, PARTITION, 0, 1, False, len(users), *counts, at, offset, hold, {"push": 0})
    world.write(EXPANSIONS, partition_of(ID, PARTITIONS), at, ID, told)
    return world


def test_who_is_handed_back_is_pending_until_they_are_decided_afresh() -> None:
    report = judge(handed_back(), now_ms=T0 + 8000)
    assert report.green, report.violations
    push = report.notifications[ID].channels["push"]
    assert (push.audience, push.outcomes, push.pending) == (5, {"sent": 3}, 2)
    report = judge(decided_afresh(handed_back()))
    assert report.green, report.violations
    push = report.notifications[ID].channels["push"]
    assert (push.audience, push.outcomes, push.pending) == (5, {"sent": 4, "suppressed": 1}, 0)


def test_who_is_handed_back_and_forgotten_is_found() -> None:
    assert only(judge(handed_back())) == {"hold_not_released": 1}


def test_who_is_handed_back_by_nobody_is_found() -> None:
    world = decided_afresh(handed_back())
    ended(world, outcomes=[Outcome("sent")], outcome_of=[0] * 5)
    assert only(judge(world)) == {"release_without_hold": 1}


def test_others_than_those_who_were_handed_back_are_found() -> None:
    assert "release_differs" in only(judge(decided_afresh(handed_back(), MINE[2:])))


def test_whom_the_provider_could_not_take_is_pending_until_they_are_tried_again() -> None:
    report = judge(handed_back(LATER), now_ms=DUE - 1_000)
    assert report.green, report.violations
    assert report.notifications[ID].channels["push"].pending == 2
    report = judge(decided_afresh(handed_back(LATER), hold=AGAIN, at=DUE))
    assert report.green, report.violations
    push = report.notifications[ID].channels["push"]
    assert (push.outcomes, push.pending) == ({"sent": 4, "suppressed": 1}, 0)


def test_who_is_tried_again_too_soon_or_never_is_found() -> None:
    assert only(judge(handed_back(LATER))) == {"hold_not_released": 1}
    assert only(judge(decided_afresh(handed_back(LATER), hold=AGAIN, at=DUE - 8_000))) == {"released_early": 1}
    assert "release_without_hold" in only(judge(decided_afresh(handed_back(LATER), hold=BACK, at=DUE)))


def heard(world: World, *outcomes: Outcome) -> World:
    """What a provider told later of those of one batch."""
    batch = world.find(PUSH).record
    users = batch.users[: len(outcomes)]
    told = StatusBatch(
        status_id="heard", notification=batch.notification, channel="push", batch_id=batch.batch_id, users=users, outcomes=list(outcomes),
        outcome_of=list(range(len(users))), profile_offsets=[-1] * len(users), at=T0 + 9000, caused_by_topic=FEEDBACK,
        caused_by_partition=0, caused_by_offset=7,
    )  # fmt: skip
    world.write(STATUS, world.find(PUSH).place.partition, T0 + 9000, batch.notification.notification_id, told)
    return world


def test_what_a_provider_tells_later_is_no_end() -> None:
    world = consistent()
    before = judge(world)
    report = judge(heard(world, Outcome("delivered"), Outcome("opened")))
    assert report.green, report.violations
    notification_id = world.find(PUSH).record.notification.notification_id
    push, then = report.notifications[notification_id].channels["push"], before.notifications[notification_id].channels["push"]
    assert push.heard == {"delivered": 1, "opened": 1}
    assert (push.outcomes, push.pending) == (then.outcomes, then.pending)
    assert only(judge(heard(consistent(), Outcome("failed")))) == {"heard_an_end": 1}
