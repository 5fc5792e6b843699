"""Decided before quiet hours, delivered in them, sent after them, by steps that are killed at every effect: each ends and counts once."""

from collections import Counter

import pytest

from schemas import ids
from schemas.records import DeliverBatch, ExpandAudience, QuietHours, StatusBatch
from schemas.topics import FANOUT, STATUS, TIMERS, deliver_topic
from streams.audience.counting import counter_keys
from streams.policy.caps import Counters, is_given_back
from tests.unit.streams.make import binding
from tests.unit.streams.step.sim import World
from tests.unit.streams.step.test_caps_crashes import USERS
from tests.unit.streams.step.test_crashes import CODEC, POLICY, every_crash, once, tables_are_their_changelogs
from tests.unit.streams.step.test_give_back_crashes import CHANNELS, COMMANDS, Lanes, audience
from tests.unit.streams.step.test_hold_crashes import fire_with

pytestmark = pytest.mark.usefixtures("no_threads")

BREAK = QuietHours(1350, 1380)
"""22:30 to 23:00; the world begins at 22:13."""
MINUTE_MS = 60_000
Reached = tuple[str, str]


def batches(world: World) -> list[DeliverBatch]:
    return [
        batch
        for channel in CHANNELS
        for batch in once(world, deliver_topic(channel, "normal"), DeliverBatch, lambda it: it.batch_id).values()
    ]


def met(world: World) -> dict[Reached, list[str]]:
    """By user and channel: each thing they were told, in order."""
    found: dict[Reached, list[str]] = {}
    for status in once(world, STATUS, StatusBatch, lambda it: it.status_id).values():
        for user, number in zip(status.users, status.outcome_of, strict=True):
            found.setdefault((user, status.channel), []).append(status.outcomes[number].status)
    return found


def standing(world: World) -> Counter[str]:
    """By user: decisions that count, and were not given back by what became of all they handed over."""
    ends = {status.batch_id: status for status in once(world, STATUS, StatusBatch, lambda it: it.status_id).values() if status.batch_id}
    handed: dict[tuple[str, int], list[bool]] = {}
    for batch in batches(world):
        status = ends[batch.batch_id]
        for user, counted_on, number in zip(batch.users, batch.counted_on, status.outcome_of, strict=True):
            if counted_on:
                became = status.outcomes[number].status
                void = is_given_back([became]) or (became == "deferred" and counted_on == 1)
                handed.setdefault((user, batch.fanout_offset), []).append(void)
    return Counter(user for (user, _), voids in handed.items() if not all(voids))


def today(world: World) -> dict[str, int]:
    """By user: how many were counted this day, by asking with every limit."""
    found, rows = {}, world.tables["caps"].rows
    for user, key in zip(USERS, counter_keys(USERS), strict=True):
        counters, limits = (
            Counters(rows.get(key), world.now),
            [binding("category_limit", name="promotional", a_day=day) for day in range(9)],
        )
        found[user] = next(number for number in range(9) if not counters.over(user, limits[number + 1], POLICY, 0))
    return found


async def test_who_is_asleep_when_delivery_comes_to_them_is_told_later_and_counts_once() -> None:
    async def play(world: World) -> None:
        lanes = Lanes(world, BREAK)
        world.append(FANOUT, b"k", CODEC.encode(COMMANDS[0]))
        await lanes.decide()
        world.now += 20 * MINUTE_MS
        await lanes.deliver()
        assert {one.hold_id for one in commands(world) if one.hold_id} == {ids.handed_back_id(one.batch_id) for one in batches(world)}
        await lanes.decide()
        assert world.records(TIMERS)
        assert await fire_with(world, 1, lanes.decide)
        await lanes.deliver()
        await lanes.decide()

    def judge(world: World, calm: World) -> None:
        found = met(world)
        assert set(found) == {(user, channel) for user in USERS for channel in CHANNELS}
        for place, told in found.items():
            assert sum(one != "deferred" for one in told) == 1, (place, told)
            assert told[-1] not in ("sent", "unknown", "failed") or told[:2] == ["deferred", "deferred"], (
                "by delivery, then by the decision"
            )
        assert {found["u0", channel][-1] for channel in CHANNELS} <= {"failed", "unknown"}, "nobody else refuses them, caps do not"
        sent = {user for (user, _), told in found.items() if told[-1] == "sent"}
        assert set(standing(world).values()) <= {1}
        assert sent <= set(standing(world))
        assert today(world) == {user: standing(world)[user] for user in USERS}
        tables_are_their_changelogs(world, audience(world))

    await every_crash(play, judge)


def commands(world: World) -> list[ExpandAudience]:
    heard = [CODEC.decode_any(record.value_).name for record in world.records(FANOUT)]
    return [
        CODEC.decode(record.value_, ExpandAudience)
        for record, name in zip(world.records(FANOUT), heard, strict=True)
        if name == "carillon.v1.ExpandAudience"
    ]
