"""Codes that are pushed, and mailed when that fails or takes too long, by a step that is killed at every effect: once on a channel."""

from collections import Counter
from typing import cast

import pytest

from schemas.records import AudienceExpanded, ChannelEnded, ControlCampaign, DeliverBatch, Outcome, Priority, Record, SetTimer, StatusBatch
from schemas.topics import EXPANSIONS, FANOUT_URGENT, STATUS, TIMERS, deliver_topic
from streams.audience.agent import AudienceStep
from streams.profiles.replica import ProfileReplica
from streams.profiles.stored import Known
from tests.unit.streams.make import command, notification, profile
from tests.unit.streams.step.sim import World, live_until_done
from tests.unit.streams.step.test_control_crashes import of
from tests.unit.streams.step.test_crashes import CODEC, POLICY, RestlessReplica, every_crash, once, tables_are_their_changelogs

pytestmark = pytest.mark.usefixtures("no_threads")

USERS = [f"u{number}" for number in range(6)]
CODE = notification(notification_id="code", priority=Priority.CRITICAL, channels=[])
NAMED = [command(notification=CODE, users=USERS[start : start + 3], chunk=chunk, last=chunk == 1) for chunk, start in enumerate((0, 3))]
ENDS = {"u0": Outcome("failed", "unregistered"), "u1": Outcome("delivered"), "u3": Outcome("failed", "provider_unavailable")}
PUSH, EMAIL = deliver_topic("push", "critical"), deliver_topic("email", "critical")


class Careless(RestlessReplica):
    """They lose their devices and find them again, as often as they are read; the last has no address at all."""

    def _known(self, user: str) -> Known:
        now = self._world.clock()
        channels = [["push", "email"], ["push", "email"], ["email"]][now % 3] if user != "u5" else ["push"]
        return Known(profile(user, channels=channels), now)


def step(world: World) -> AudienceStep:
    return AudienceStep(FANOUT_URGENT, CODEC, world.clock, lambda: POLICY, cast(ProfileReplica, Careless(world, USERS)), chunk=4)


async def hear(world: World, *told: Record) -> None:
    for one in told:
        world.append(FANOUT_URGENT, b"code", CODEC.encode(one))
    await live_until_done(world, FANOUT_URGENT, lambda: step(world), CODEC)


def batches(world: World, topic: str) -> list[DeliverBatch]:
    return list(once(world, topic, DeliverBatch, lambda it: it.batch_id).values())


async def deliver(world: World) -> None:
    """What delivery says of each batch, twice: as it may when it is killed."""
    for batch in [*batches(world, PUSH), *batches(world, EMAIL)]:
        assert batch.followed
        users = [user for user in batch.users if user in ENDS] if batch.channel == "push" else []
        if users:
            outcomes = [ENDS[user] for user in users]
            await hear(world, *[ChannelEnded(
                notification=CODE, channel="push", users=users, outcomes=outcomes, outcome_of=list(range(len(users))), at=world.now
            )] * 2)  # fmt: skip


async def fire(world: World) -> None:
    """A minute goes by, and every timer fires twice."""
    world.now += 60_000
    for timer in once(world, TIMERS, SetTimer, lambda it: it.timer_id).values():
        assert timer.kind == "fallback"
        assert timer.due <= world.now
        assert timer.write
        for _ in range(2):
            world.append(timer.write.topic, timer.write.key, timer.write.value)
    await hear(world)


def placed(world: World) -> dict[str, Counter[str]]:
    """By channel, in how many batches and statuses each user is."""
    found: dict[str, Counter[str]] = {"push": Counter(), "email": Counter()}
    for batch in [*batches(world, PUSH), *batches(world, EMAIL)]:
        found[batch.channel].update(batch.users)
    for status in once(world, STATUS, StatusBatch, lambda it: it.status_id).values():
        found[status.channel].update(status.users)
    return found


def whole(world: World) -> None:
    found = placed(world)
    assert set(found["push"].values()) == {1}, "each once"
    assert set(found["email"].values()) <= {1}
    assert set(found["push"]) == set(USERS)
    parts = once(world, EXPANSIONS, AudienceExpanded, lambda one: (one.chunk, one.hold_id)).values()
    assert sum(one.users for one in parts if not one.tried) == len(USERS)
    assert sum(one.users for one in parts if one.tried) == len(found["email"])
    assert not any(one.hold_id for one in parts if not one.tried)
    assert sum(one.last for one in parts) == 1
    assert not world.tables["tried"].rows, "nothing is kept for ever"
    tables_are_their_changelogs(world, step(world))


async def test_who_was_not_reached_by_one_channel_is_tried_on_the_next_once() -> None:
    async def play(world: World) -> None:
        await hear(world, *NAMED)
        await deliver(world)
        await fire(world)
        await deliver(world)

    def judge(world: World, calm: World) -> None:
        whole(world)
        pushed = {user for batch in batches(world, PUSH) for user in batch.users}
        reached = {"u1"} & pushed
        assert placed(calm)["email"]
        assert set(placed(world)["email"]) == set(USERS) - reached

    await every_crash(play, judge)


async def test_what_fails_before_its_time_needs_no_timer_and_a_late_success_ends_it() -> None:
    """The failures are told, and then, late, that each was delivered all the same: who is tried on the next channel is, and nobody else."""

    async def play(world: World) -> None:
        await hear(world, *NAMED)
        await deliver(world)
        late = ChannelEnded(
            notification=CODE, channel="push", users=USERS, outcomes=[Outcome("delivered")], outcome_of=[0] * 6, at=world.now
        )
        await hear(world, late)
        await fire(world)

    def judge(world: World, calm: World) -> None:
        whole(world)
        pushed = {user for batch in batches(world, PUSH) for user in batch.users}
        assert set(placed(world)["email"]) == (set(USERS) - pushed) | ({"u0", "u3"} & pushed)

    await every_crash(play, judge)


async def test_who_would_be_tried_next_when_it_is_cancelled_is_told_so() -> None:
    async def play(world: World) -> None:
        await hear(world, *NAMED)
        cancel: ControlCampaign = of("code", "cancel", 1)
        await hear(world, cancel)
        await fire(world)

    def judge(world: World, calm: World) -> None:
        whole(world)
        before = {user for one in once(world, STATUS, StatusBatch, lambda it: it.status_id).values() for user in one.users}
        late = {user for user in placed(world)["email"] if user in {user for batch in batches(world, PUSH) for user in batch.users}}
        assert late <= before
        assert not late & {user for batch in batches(world, EMAIL) for user in batch.users}

    await every_crash(play, judge)


async def test_a_try_that_is_met_while_it_is_paused_waits_for_it_to_go_on() -> None:
    async def play(world: World) -> None:
        await hear(world, *NAMED, of("code", "pause", 1))
        await deliver(world)
        await fire(world)
        await hear(world, of("code", "resume", 2))

    def judge(world: World, calm: World) -> None:
        whole(world)

    await every_crash(play, judge)
