"""People in quiet hours, by a step that is killed at every effect: held once, decided afresh once, and each has one end."""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import cast

import pytest

from schemas.records import AudienceExpanded, DeliverBatch, QuietHours, SetTimer, StatusBatch
from schemas.topics import EXPANSIONS, FANOUT, STATUS, TIMERS, deliver_topic
from streams.audience.agent import AudienceStep
from streams.profiles.replica import ProfileReplica
from streams.profiles.stored import Known
from tests.unit.streams.make import ALL, command, notification, profile
from tests.unit.streams.step.sim import World, live_until_done
from tests.unit.streams.step.test_control_crashes import Told, of
from tests.unit.streams.step.test_crashes import CODEC, POLICY, RestlessReplica, every_crash, once, tables_are_their_changelogs

pytestmark = pytest.mark.usefixtures("no_threads")

USERS = [f"u{number}" for number in range(6)]
DAY_MS = 86_400_000
SOON = 1_700_000_000_000 + 3 * DAY_MS
TOLD = notification(notification_id="sale", category="promotional", channels=["push", "email"], expires_at=SOON)
SCAN = command(notification=TOLD, expression="all")
NIGHT = QuietHours(1260, 420)  # the world begins at 22:13 UTC
ENDS = dict[tuple[str, str], list[str]]


class SleepyReplica(RestlessReplica):
    """Most are asleep; whether, where and on which channels is another thing every time they are read."""

    def _known(self, user: str) -> Known:
        now = self._world.clock()
        quiet = NIGHT if user != "u0" and now % 5 else None
        channels = [["push", "email"], ["push"], ["push", "email"], []][now % 4]
        return Known(profile(user, quiet_hours=quiet, time_zone=["UTC", "Europe/Lisbon", "Asia/Tokyo"][now % 3], channels=channels), now)


def step(world: World) -> AudienceStep:
    return AudienceStep(FANOUT, CODEC, world.clock, lambda: POLICY, cast(ProfileReplica, SleepyReplica(world, USERS)), chunk=4)


async def hear(world: World, *told: Told) -> None:
    for one in told:
        world.append(FANOUT, b"sale", CODEC.encode(one))
    await live_until_done(world, FANOUT, lambda: step(world), CODEC)


async def fire(world: World, hours: int) -> int:
    """As `fire_with`, by this step."""
    return await fire_with(world, hours, lambda: hear(world))


async def fire_with(world: World, hours: int, live: Callable[[], Awaitable[None]]) -> int:
    """Let time pass, and every timer fire that did not, twice: as one may. Returns how many."""
    world.now += hours * 3_600_000
    there = {record.value_ for record in world.records(FANOUT)}
    timers = once(world, TIMERS, SetTimer, lambda it: it.timer_id).values()
    due = [one.write for one in timers if one.write and one.due <= world.now and one.write.value not in there]
    for write in due * 2:
        world.append(write.topic, write.key, write.value)
    await live()
    return len(due)


async def fire_all(world: World, hours: int = 1) -> None:
    """Until nobody is held any more: the notification expires."""
    while world.now < SOON + DAY_MS:
        await fire(world, hours)


def met(world: World) -> ENDS:
    """By channel and user: each thing they were told, in order."""
    found: ENDS = {}
    for told in once(world, STATUS, StatusBatch, lambda it: it.status_id).values():
        for user, number in zip(told.users, told.outcome_of, strict=True):
            found.setdefault((told.channel, user), []).append(told.outcomes[number].status)
    for channel in ALL:
        for batch in once(world, deliver_topic(channel, "normal"), DeliverBatch, lambda it: it.batch_id).values():
            for user in batch.users:
                found.setdefault((channel, user), []).append("queued")
    return found


def whole(world: World, expected: Sequence[str] = ("queued", "suppressed", "expired")) -> None:
    """Everybody has one end, whatever they were told before it, and the figures say the same."""
    found = met(world)
    assert set(found) == {(channel, user) for channel in TOLD.channels for user in USERS}
    for place, told in found.items():
        ends = [one for one in told if one != "deferred"]
        assert len(ends) == 1, (place, told)
        assert ends[0] in expected
    parts = once(world, EXPANSIONS, AudienceExpanded, lambda one: (one.chunk, one.hold_id)).values()
    assert sum(one.users for one in parts if not one.hold_id) == len(USERS)
    assert sum(one.last for one in parts) == 1
    sums = Counter[str]()
    for one in parts:
        for name in ("queued", "suppressed", "deferred"):
            sums[name] += sum(getattr(one, name).values())
    said = Counter("suppressed" if one in ("expired", "cancelled") else one for told in found.values() for one in told)
    assert +sums == said


async def test_who_is_held_is_decided_afresh_and_ends_once() -> None:
    async def play(world: World) -> None:
        await hear(world, SCAN)
        assert world.records(TIMERS)
        await fire_all(world, 9)

    def judge(world: World, calm: World) -> None:
        whole(world)
        assert any(told[0] == "deferred" for told in met(world).values())
        tables_are_their_changelogs(world, step(world))

    await every_crash(play, judge)


async def test_a_release_that_is_met_while_the_campaign_is_paused_waits_for_it_too() -> None:
    async def play(world: World) -> None:
        await hear(world, SCAN, of("sale", "pause", 1))
        await fire(world, 11)
        await hear(world, of("sale", "resume", 2))
        await fire_all(world, 12)

    def judge(world: World, calm: World) -> None:
        whole(world)
        assert not [key for key in world.tables["campaigns"].rows if b"\0" in key]

    await every_crash(play, judge)


async def test_who_is_held_when_the_campaign_is_cancelled_is_told_so_on_release() -> None:
    async def play(world: World) -> None:
        await hear(world, SCAN)
        await hear(world, of("sale", "cancel", 1))
        await fire_all(world, 24)

    def judge(world: World, calm: World) -> None:
        whole(world, ("queued", "suppressed", "cancelled"))
        assert all(told[-1] != "queued" for told in met(world).values() if "deferred" in told)

    await every_crash(play, judge)


async def test_at_a_rate_releases_take_turns_with_the_rest() -> None:
    async def play(world: World) -> None:
        await hear(world, of("sale", "rate", 1, per_second=2), SCAN)
        await fire_all(world, 10)

    def judge(world: World, calm: World) -> None:
        whole(world)

    await every_crash(play, judge)
