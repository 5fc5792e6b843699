"""Requests for later, by steps that are killed at every effect: each command once, not early, and nobody is told of what was called off."""

import pytest

from schemas.records import ControlCampaign, ExpandAudience, NotificationRequested, Output, SetTimer
from schemas.topics import FANOUT, REQUESTS, TIMERS
from streams.planner.agent import PlannerStep
from streams.timers.agent import TimerStep
from tests.unit.streams.make import NOW, control, request
from tests.unit.streams.step.sim import Chaos, World, live_until_done
from tests.unit.streams.step.test_control_crashes import ends
from tests.unit.streams.step.test_control_crashes import step as audience
from tests.unit.streams.step.test_crashes import CODEC, POLICY, every_crash, once

pytestmark = pytest.mark.usefixtures("no_threads")

USERS = ("u01", "u02", "nobody")
LATER = NOW + 100_000


async def plan(world: World, *asked: NotificationRequested) -> None:
    """Write requests, and plan them."""
    for one in asked:
        world.append(REQUESTS, one.notification.notification_id.encode(), CODEC.encode(one))
    await live_until_done(world, REQUESTS, lambda: PlannerStep(CODEC, world.clock, lambda: POLICY, 1), CODEC)


async def wait(world: World) -> None:
    """Let the timers that are set fire, each at its time, which is soon now."""
    world.now = max(world.now, LATER - 30)
    world.committed, world.waits = 0, lambda: len(world.partition("timers", 0).rows) > 1
    await live_until_done(world, TIMERS, lambda: TimerStep(CODEC, lambda: world.now, [FANOUT], 1), CODEC)
    world.committed, world.waits = 0, lambda: False


def not_early(world: World) -> None:
    """Refuse a command that is written before its time."""

    def look(output: Output) -> None:
        told = CODEC.decode_one_of(output.value, (ExpandAudience, ControlCampaign)) if output.topic == FANOUT else None
        assert not isinstance(told, ExpandAudience) or (told.notification.not_before or 0) <= world.now

    world.wrote = look


async def test_what_is_for_later_is_a_timer_and_is_planned_once() -> None:
    later, now = request(users=USERS, notification_id="later", not_before=LATER), request(users=USERS, notification_id="now")
    again = request(users=USERS, notification_id="later", not_before=LATER + 5, accepted_at=NOW + 5)
    conflict = request(users=("u02",), notification_id="later")

    async def play(world: World) -> None:
        not_early(world)
        await plan(world, later, now, again, conflict)
        before = {one.notification.notification_id for one in commands(world).values()}
        assert before == {"now"}
        await wait(world)

    def commands(world: World) -> dict[object, ExpandAudience]:
        return once(world, FANOUT, ExpandAudience, lambda one: (one.notification.notification_id, one.chunk))

    def judge(world: World, calm: World) -> None:
        assert once(world, TIMERS, SetTimer, lambda one: one.timer_id) == once(calm, TIMERS, SetTimer, lambda one: one.timer_id)
        assert commands(world) == commands(calm)
        assert sorted(one.notification.notification_id for one in commands(world).values()) == ["later", "now"]
        assert {record.key_ for record in world.records("notify.dlq")} == {b"notify.requests/0/3"}
        remembered = {name: set(world.latest(changelog)) for name, changelog in PlannerStep.tables.items()}
        assert remembered == {"planned": {b"now"}, "scheduled": {b"later"}}

    await every_crash(play, judge)


async def test_a_request_that_comes_again_when_the_usual_memory_has_ended_is_not_planned_again() -> None:
    """After 48 h only what was for later is remembered; else its timers would be set again, and its people told twice."""
    world = World(Chaos())
    later = request(users=USERS, notification_id="later", not_before=LATER)
    await plan(world, later)
    await wait(world)
    world.tables["planned"].rows.clear()
    fired = len(world.records(FANOUT))
    world.committed = len(world.records(REQUESTS))
    await plan(world, later)
    await wait(world)
    assert (len(world.records(FANOUT)), len(world.records(TIMERS))) == (fired, 1)


async def test_who_was_called_off_before_the_time_is_told_so_and_not_sent_to() -> None:
    async def play(world: World) -> None:
        await plan(world, request(users=USERS, notification_id="later", not_before=LATER))
        world.append(FANOUT, b"later", CODEC.encode(control("cancel", NOW + 1, notification_id="later")))
        world.committed = 0
        await live_until_done(world, FANOUT, lambda: audience(world), CODEC)
        reached, world.committed = world.committed, 0
        await wait(world)
        world.committed = reached
        await live_until_done(world, FANOUT, lambda: audience(world), CODEC)

    def judge(world: World, calm: World) -> None:
        found = ends(world)
        assert {place: end for place, (end, _) in found.items()} == {
            ("later", channel, user): "cancelled" for channel in ("push", "email", "in_app") for user in USERS
        }

    await every_crash(play, judge)
