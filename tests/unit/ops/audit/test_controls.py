"""Campaigns under control: who waits is not lost, who was cancelled was told so, and a step that does not obey is found."""

from typing import Any

import msgspec
import pytest

from ops.audit.controls import CANCELLED, PAUSED, RUNNING, Controls
from ops.audit.model import Entry, Place, Terms
from ops.audit.report import Report
from schemas import ids
from schemas.partition import partition_of
from schemas.records import Audience, AudienceExpanded, ControlCampaign, ExpandAudience, Notification, Outcome, SendsEnded
from schemas.topics import EXPANSIONS, FANOUT, FANOUT_URGENT, REQUESTS, STATUS, deliver_topic, ledger_topic
from tests.unit.ops.audit.world import HOME, NAMED, PARTITIONS, SALE, T0, USERS, World, consistent, expand, judge, refused

ID = SALE.notification_id
MANY = 100
"""Records over which a step can't have left one out without being behind."""


def told(world: World, action: str, at: int = 1, lane: str = FANOUT, notification: str = ID) -> None:
    """Control on every partition."""
    for partition in range(PARTITIONS):
        control = ControlCampaign(notification_id=notification, command_id=f"c-{action}-{at}", action=action, at=at)
        world.write(lane, partition, T0 + 2500, notification, control)


def waiting(world: World) -> None:
    """One more command on each partition, which nobody answers."""
    for entry in list(world.topics[EXPANSIONS]):
        if entry.record.notification_id == ID and entry.record.last:
            world.swap(entry, last=False)
            command = ExpandAudience(notification=SALE, expression="all", chunk=entry.record.chunk + 1, partitions=PARTITIONS)
            world.write(FANOUT, entry.record.partition, T0 + 2600, ID, command)


def alike(name: str) -> Notification:
    """Another sale."""
    return msgspec.structs.replace(SALE, notification_id=name)


def only(report: Report) -> dict[str, int]:
    return dict(report.counts)


def test_a_command_that_nobody_answers_is_lost_unless_the_campaign_is_paused() -> None:
    left, paused, resumed = consistent(), consistent(), consistent()
    for world, actions in ((left, []), (paused, ["pause"]), (resumed, ["pause", "resume"])):
        for number, action in enumerate(actions):
            told(world, action, number)
        waiting(world)
    assert only(judge(left)) == only(judge(resumed)) == {"chunk_missing": PARTITIONS}
    assert judge(paused).green
    assert not judge(paused).notifications[ID].expanded, "and it is not done"


def test_the_younger_of_two_commands_counts_whatever_their_order() -> None:
    world = consistent()
    told(world, "pause", 2)
    told(world, "resume", 1)
    waiting(world)
    assert judge(world).green


def test_what_is_given_back_of_caps_is_on_the_lane_and_no_command() -> None:
    world = consistent()
    world.write(FANOUT, 0, T0 + 2500, ID, SendsEnded(ID, 0, SALE.category, "push", USERS[:1], [2], T0 + 2000))
    assert judge(world).green


def test_control_of_another_or_on_the_other_lane_excuses_nothing() -> None:
    world = consistent()
    told(world, "pause", notification="another")
    told(world, "pause", lane=FANOUT_URGENT)
    waiting(world)
    assert only(judge(world)) == {"chunk_missing": PARTITIONS}


def test_control_that_was_refused_was_not_obeyed() -> None:
    world = consistent()
    waiting(world)
    told(world, "pause")
    held = frozenset(entry.place for entry in world.topics[FANOUT] if isinstance(entry.record, ControlCampaign))
    assert judge(world).green
    assert only(judge(world, held=held)) == {"chunk_missing": PARTITIONS}


def answered_later(world: World) -> None:
    """The step went on to others, far behind."""
    for number in range(MANY):
        wanted = alike(f"n-{number}")
        command = ExpandAudience(notification=wanted, users=[], expression="x", partitions=PARTITIONS)
        for partition in range(PARTITIONS):
            offset = world.write(FANOUT, partition, T0 + 2700, f"n-{number}", command)
            empty = dict.fromkeys(wanted.channels, 0)
            done = AudienceExpanded(f"n-{number}", partition, 0, PARTITIONS, True, 0, empty, empty, T0 + 3000, offset)
            world.write(EXPANSIONS, partition_of(f"n-{number}", PARTITIONS), T0 + 3000, f"n-{number}", done)
        request = world.find(REQUESTS, lambda it: it.notification.notification_id == ID)
        world.again(request, notification=wanted)


@pytest.mark.parametrize(("actions", "green"), [([], False), (["pause"], True), (["pause", "resume"], False), (["rate"], True)])
def test_while_others_are_under_way_too(actions: list[str], green: bool) -> None:
    world = consistent()
    for number, action in enumerate(actions):
        told(world, action, number)
    waiting(world)
    answered_later(world)
    assert judge(world, settled=False).green is green


def test_what_goes_on_just_now_is_waited_for() -> None:
    """Resumed after all the others: the command will be written again."""
    world = consistent()
    told(world, "pause", 1)
    waiting(world)
    answered_later(world)
    told(world, "resume", 2)
    assert judge(world, settled=False).green
    assert not judge(world).green


def test_at_a_rate_all_must_be_answered_once_it_is_settled() -> None:
    world = consistent()
    told(world, "rate")
    waiting(world)
    assert only(judge(world)) == {"chunk_missing": PARTITIONS}


def test_a_command_may_be_written_again_with_its_turn() -> None:
    world = consistent()
    command = world.find(FANOUT)
    world.again(command, not_before=T0 + 9)
    assert judge(world).green
    world.again(command, not_before=T0 + 9, cursor="elsewhere")
    assert only(judge(world)) == {"command_changed": 1}


def test_who_decides_while_it_is_paused_is_found() -> None:
    world = World()
    told(world, "pause")
    report = judge(consistent(world))
    assert only(report) == {"decided_while_paused": sum(entry.record.notification_id == ID for entry in world.topics[EXPANSIONS])}


def test_who_hands_over_after_a_cancel_is_found() -> None:
    world = World()
    told(world, "cancel")
    report = judge(consistent(world))
    handed = [entry for entry in world.topics[EXPANSIONS] if entry.record.notification_id == ID and any(entry.record.queued.values())]
    assert only(report) == {"queued_after_cancel": len(handed)}
    assert report.violations[0].topic == EXPANSIONS


def cancelled(world: World) -> World:
    """A second sale, of which everybody is told that it is cancelled."""
    wanted = alike("gone")
    world.again(world.find(REQUESTS, lambda it: it.notification.notification_id == ID), notification=wanted)
    for partition in range(PARTITIONS):
        users = [user for user in USERS if HOME[user] == partition]
        command = ExpandAudience(notification=wanted, expression="all", partitions=PARTITIONS)
        offset = world.write(FANOUT, partition, T0 + 2600, "gone", command)
        for channel in wanted.channels:
            batch_id = ids.batch_id("gone", partition, 0, channel)
            status = refused(world, wanted, channel, batch_id, users, (FANOUT, partition, offset))
            at = world.write(STATUS, partition, T0 + 3000, "gone", status)
            entry = next(one for one in world.topics[STATUS] if one.place == Place(STATUS, partition, at))
            world.swap(entry, outcomes=[Outcome("cancelled", "cancelled")])
        none, all_ = dict.fromkeys(wanted.channels, 0), dict.fromkeys(wanted.channels, len(users))
        done = AudienceExpanded("gone", partition, 0, PARTITIONS, True, len(users), none, all_, T0 + 3000, offset)
        world.write(EXPANSIONS, partition_of("gone", PARTITIONS), T0 + 3000, "gone", done)
    return world


def test_the_cancelled_are_part_of_the_sum() -> None:
    world = consistent()
    told(world, "cancel", notification="gone")
    report = judge(cancelled(world))
    assert report.green
    sums = report.notifications["gone"]
    assert sums.expanded
    assert {channel: one.outcomes for channel, one in sums.channels.items()} == {
        channel: {"cancelled": len(USERS)} for channel in SALE.channels
    }


def cancelled_in_the_queue(world: World) -> World:
    """Of a sale that was handed over, one was not sent to yet."""
    status = world.find(STATUS, lambda it: it.batch_id and it.channel == "push" and len(it.outcomes) == 2)
    outcomes = [status.record.outcomes[0], Outcome("cancelled", "cancelled")]
    for entry in [one for one in world.topics[ledger_topic(deliver_topic("push", "normal"))] if one.key.decode() == status.record.batch_id]:
        if entry.record.finished_at:
            world.swap(entry, outcomes=outcomes)
    world.swap(status, outcomes=outcomes)
    return world


def test_delivery_tells_so_whom_it_did_not_send_to_by_then() -> None:
    world = cancelled_in_the_queue(consistent())
    assert only(judge(world)) == {"cancelled_unasked": 1}
    told(world, "cancel", lane=FANOUT_URGENT)
    assert only(judge(world)) == {"cancelled_unasked": 1}, "that is of the other lane"
    told(world, "cancel")
    report = judge(world)
    assert report.green
    assert report.notifications[ID].channels["push"].outcomes["cancelled"] == 1


def test_nobody_is_told_so_when_nobody_cancelled() -> None:
    world = cancelled(consistent())
    told(world, "cancel", notification="gone")  # too late
    assert only(judge(world)) == {"cancelled_unasked": PARTITIONS * len(SALE.channels)}
    assert judge(world, partial=True).not_checkable["the command to cancel may be older than the log"] > 0


def test_named_users_of_whom_some_wait() -> None:
    """The second of three commands is held while the others were decided."""
    for control, expected in (([], {"chunk_missing": 1}), (["pause"], {})):
        world = World()
        consistent(world)
        partition, users = HOME[NAMED[0]], [user for user in USERS if HOME[user] == HOME[NAMED[0]]]
        wanted = alike("named")
        request = world.find(REQUESTS, lambda it: it.notification.notification_id == ID)
        world.again(request, notification=wanted, audience=Audience(users=users))
        for chunk in (0, 2):
            some = users[chunk * 2 : chunk * 2 + 2] if chunk == 0 else users[4:]
            expand(world, partition, ExpandAudience(notification=wanted, users=some, chunk=chunk, partitions=1), some, 1, chunk == 2)
        command = ExpandAudience(notification=wanted, users=users[2:4], chunk=1, partitions=1, last=False)
        for action in control:
            told(world, action, notification="named")
        world.write(FANOUT, partition, T0 + 2000, "named", command)
        assert only(judge(world)) == expected


def entry(offset: int, action: str, at: int, lane: str = FANOUT) -> tuple[Entry, ControlCampaign]:
    record = ControlCampaign(notification_id="n", command_id=f"c{offset}", action=action, at=at)
    return Entry(Place(lane, 0, offset), T0, b"n", record, 0), record


def test_the_state_is_that_of_the_moment() -> None:
    controls = Controls(Terms(now_ms=T0))
    steps: list[tuple[int, str, int]] = [
        (1, "pause", 5),
        (3, "resume", 4),
        (5, "rate", 9),
        (7, "resume", 6),
        (9, "cancel", 0),
        (11, "pause", 99),
    ]
    for step in steps:
        controls.note(*entry(*step))
    found: list[Any] = [controls.state("n", FANOUT, offset) for offset in (1, 2, 4, 6, 8, 10, 12)]
    assert found == [RUNNING, PAUSED, PAUSED, PAUSED, RUNNING, CANCELLED, CANCELLED]
    assert controls.state("n", FANOUT) == CANCELLED
    assert (controls.state("n", FANOUT_URGENT), controls.last("m", FANOUT)) == (RUNNING, None)
