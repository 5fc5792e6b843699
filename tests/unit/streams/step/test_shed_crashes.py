"""A lane that is too late now and then, and a step that is killed at every effect: who is shed is told so once, the rest are sent to."""

from collections import Counter
from collections.abc import Callable
from typing import cast

import pytest

from schemas.records import AudienceExpanded, DeliverBatch, Notification, Priority, StatusBatch
from schemas.topics import EXPANSIONS, FANOUT, STATUS, deliver_topic
from streams.audience.agent import AudienceStep
from streams.profiles.replica import ProfileReplica
from tests.unit.streams.make import command, notification
from tests.unit.streams.step.sim import World, live_until_done
from tests.unit.streams.step.test_crashes import CODEC, POLICY, RestlessReplica, every_crash, once, tables_are_their_changelogs

pytestmark = pytest.mark.usefixtures("no_threads")

USERS = [f"u{number}" for number in range(6)]
SALE = notification(notification_id="sale", category="promotional", priority=Priority.LOW, channels=["push", "email"])


def step(world: World) -> AudienceStep:
    """Push is too late now and then."""
    return shedding(world, lambda told: ["push"] if world.clock() % 2 else [])


def late(world: World) -> AudienceStep:
    """Push is too late all the time."""
    return shedding(world, lambda told: ["push"])


def shedding(world: World, shed: Callable[[Notification], list[str]]) -> AudienceStep:
    return AudienceStep(FANOUT, CODEC, world.clock, lambda: POLICY, cast(ProfileReplica, RestlessReplica(world, USERS)), 2, shed)


async def test_each_has_one_end_on_each_channel() -> None:
    ends = Counter[str]()

    async def play(world: World) -> None:
        world.append(FANOUT, b"sale", CODEC.encode(command(notification=SALE, expression="all")))
        await live_until_done(world, FANOUT, lambda: step(world), CODEC)

    def judge(world: World, calm: World) -> None:
        found = Counter[tuple[str, str]]()
        for status in once(world, STATUS, StatusBatch, lambda it: it.status_id).values():
            found.update((status.channel, user) for user in status.users)
            ends.update(f"{status.channel} {status.outcomes[number].status}" for number in status.outcome_of)
        for channel in SALE.channels:
            for batch in once(world, deliver_topic(channel, "low"), DeliverBatch, lambda it: it.batch_id).values():
                found.update((channel, user) for user in batch.users)
                ends.update([f"{channel} queued"])
        assert set(found.values()) == {1}
        assert len(found) == 2 * len(USERS)
        parts = once(world, EXPANSIONS, AudienceExpanded, lambda one: one.chunk).values()
        assert sum(sum(one.queued.values()) + sum(one.suppressed.values()) for one in parts) == 2 * len(USERS)
        tables_are_their_changelogs(world, step(world))

    await every_crash(play, judge)
    assert {"push shed", "push queued", "email queued"} <= set(ends)
    assert "email shed" not in ends


async def test_who_was_queued_before_and_is_tried_again_is_not_shed() -> None:
    async def play(world: World) -> None:
        again = command(notification=SALE, users=USERS, hold_id="batch", channels=["push"], attempts=1, tried_since=world.now)
        world.append(FANOUT, b"sale", CODEC.encode(again))
        await live_until_done(world, FANOUT, lambda: late(world), CODEC)

    def judge(world: World, calm: World) -> None:
        told = once(world, STATUS, StatusBatch, lambda it: it.status_id).values()
        assert {outcome.reason for status in told for outcome in status.outcomes}.isdisjoint({"shed"})
        queued = once(world, deliver_topic("push", "low"), DeliverBatch, lambda it: it.batch_id).values()
        assert queued
        assert sorted(user for each in [*told, *queued] for user in each.users) == USERS, "some do not want it"

    await every_crash(play, judge)
