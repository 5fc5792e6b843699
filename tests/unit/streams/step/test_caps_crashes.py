"""Caps by a step that is killed at every effect: deciding and counting are one, so that nobody is told more, and nothing counts twice."""

from collections import Counter
from typing import cast

import msgspec
import pytest

from schemas.records import DeliverBatch, Priority, QuietHours, StatusBatch
from schemas.topics import CHANGELOG_CAPS, FANOUT, FANOUT_URGENT, STATUS, TIMERS, deliver_topic
from streams.audience.agent import AudienceStep
from streams.audience.counting import counter_keys
from streams.policy.caps import Counters
from streams.profiles.replica import ProfileReplica
from streams.profiles.stored import Known
from tests.unit.streams.make import ALL, binding, command, notification, profile
from tests.unit.streams.step.sim import World, live_until_done
from tests.unit.streams.step.test_crashes import CODEC, POLICY, RestlessReplica, every_crash, once, tables_are_their_changelogs
from tests.unit.streams.step.test_hold_crashes import NIGHT, fire_with

pytestmark = pytest.mark.usefixtures("no_threads")

USERS = [f"u{number}" for number in range(3)]
A_DAY = 1
STRICT = msgspec.structs.replace(POLICY, categories={"promotional": msgspec.structs.replace(POLICY.categories["promotional"], a_day=A_DAY)})
SALES = [notification(notification_id=f"sale-{number}", category="promotional", channels=["push", "email"]) for number in range(2)]
CODES = [notification(notification_id=f"code-{number}", category="promotional", priority=Priority.CRITICAL) for number in range(3)]
SCANS = [command(notification=one, expression="all") for one in SALES]


def step(world: World, topic: str = FANOUT, quiet: QuietHours | None = None) -> AudienceStep:
    replica = WakefulReplica(world, USERS, quiet)
    return AudienceStep(topic, CODEC, world.clock, lambda: STRICT, cast(ProfileReplica, replica), chunk=2)


class WakefulReplica(RestlessReplica):
    """They take some channels or none, as they like every time they are read; `quiet`: and never at night."""

    def __init__(self, world: World, users: list[str], quiet: QuietHours | None) -> None:
        super().__init__(world, users)
        self._quiet = quiet

    def _known(self, user: str) -> Known:
        now = self._world.clock()
        channels = [["push"], ["push", "email"], []][now % 3] if user != "u0" else list(ALL)
        return Known(profile(user, channels=channels, quiet_hours=self._quiet), now)


def told(world: World, priority: str = "normal") -> dict[str, set[str]]:
    """By user: the notifications that were handed over for them."""
    found: dict[str, set[str]] = {user: set() for user in USERS}
    for channel in ALL:
        for batch in once(world, deliver_topic(channel, priority), DeliverBatch, lambda it: it.batch_id).values():
            for user in batch.users:
                found[user].add(batch.notification.notification_id)
    return found


def counted(world: World) -> dict[str, int]:
    """By user: how many were counted this day, by asking with every cap."""
    rows = world.tables["caps"].rows
    caps = binding("frequency_cap")
    found = {}
    for user, key in zip(USERS, counter_keys(USERS), strict=True):
        counters = Counters(rows.get(key), world.now)
        found[user] = next(number for number in range(99) if not counters.over(user, caps, POLICY, number + 1))
    return found


def reasons(world: World) -> Counter[str]:
    found = Counter[str]()
    for status in once(world, STATUS, StatusBatch, lambda it: it.status_id).values():
        found.update(status.outcomes[number].reason for number in status.outcome_of)
    return found


async def hear(world: World, *commands: object, topic: str = FANOUT, quiet: QuietHours | None = None) -> None:
    for one in commands:
        world.append(topic, b"k", CODEC.encode(one))  # type: ignore[arg-type]
    await live_until_done(world, topic, lambda: step(world, topic, quiet), CODEC)


def never_more(world: World) -> None:
    handed = told(world)
    assert {user: len(some) for user, some in handed.items()} == counted(world)
    assert max(map(len, handed.values())) <= A_DAY
    assert len(handed["u0"]) == A_DAY, "who takes everything has as much as there may be"
    assert world.tables["caps"].rows == world.latest(CHANGELOG_CAPS)


async def test_nobody_is_told_more_than_they_may_and_each_counts_once() -> None:
    async def play(world: World) -> None:
        await hear(world, *SCANS, SCANS[0])

    def judge(world: World, calm: World) -> None:
        never_more(world)
        assert reasons(world)["category_limit"] >= 2, "of u0, on both channels"
        tables_are_their_changelogs(world, step(world))

    await every_crash(play, judge)


async def test_who_is_held_is_counted_when_they_are_released() -> None:
    async def play(world: World) -> None:
        await hear(world, *SCANS, quiet=NIGHT)
        assert not world.tables["caps"].rows
        assert world.records(TIMERS)
        assert await fire_with(world, 12, lambda: hear(world, quiet=NIGHT))

    def judge(world: World, calm: World) -> None:
        never_more(world)

    await every_crash(play, judge)


async def test_what_is_critical_counts_nowhere() -> None:
    async def play(world: World) -> None:
        await hear(world, *[command(notification=one, users=USERS) for one in CODES], topic=FANOUT_URGENT)
        world.committed = 0  # the other lane has offsets of its own

    def judge(world: World, calm: World) -> None:
        assert len(told(world, "critical")["u0"]) == len(CODES)
        assert "caps" not in world.tables

    await every_crash(play, judge)
