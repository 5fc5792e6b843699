"""Lists in parts, by steps that are killed at every effect: each command once, and everybody in it told once."""

import msgspec
import pytest

from schemas.records import Audience, AudienceExpanded, DeliverBatch, ExpandAudience, NotificationRequested
from schemas.topics import CHANGELOG_PLANNER, EXPANSIONS, FANOUT, deliver_topic
from tests.unit.streams.make import ALL, request
from tests.unit.streams.step.sim import Chaos, World, live_until_done
from tests.unit.streams.step.test_control_crashes import ends
from tests.unit.streams.step.test_control_crashes import step as audience
from tests.unit.streams.step.test_crashes import CODEC, every_crash, once
from tests.unit.streams.step.test_schedule_crashes import LATER, plan, wait

pytestmark = pytest.mark.usefixtures("no_threads")

USERS = ("nobody", "u01", "u02", "u03")
OWN = {user: {"name": user} for user in USERS[1:]}


def part(number: int, *users: str, **changed: object) -> NotificationRequested:
    """A part in which everybody but `nobody` has data of their own."""
    return msgspec.structs.replace(
        request(notification_id="list", **changed),  # type: ignore[arg-type]
        audience=Audience(list(users), data=[OWN.get(user, {}) for user in users]),
        part=number,
        users_in_all=len(USERS),
    )


def commands(world: World) -> dict[object, ExpandAudience]:
    return once(world, FANOUT, ExpandAudience, lambda one: (one.notification.notification_id, one.chunk))


def batch_id(one: DeliverBatch) -> str:
    return one.batch_id


async def expand(world: World) -> None:
    world.committed = 0
    await live_until_done(world, FANOUT, lambda: audience(world), CODEC)


async def test_a_list_in_parts_is_planned_once_whatever_comes_again() -> None:
    first, second, third = part(0, *USERS[:1]), part(1, *USERS[1:3]), part(2, USERS[3])
    twice, alone, early = part(1, "zed"), request(users=USERS, notification_id="list"), part(3, "zed")

    async def play(world: World) -> None:
        await plan(world, first, early, second, first, twice, alone, third, second)
        await expand(world)

    def judge(world: World, calm: World) -> None:
        assert commands(world) == commands(calm)
        assert [(one.users, one.last) for one in commands(world).values()] == [
            (["nobody"], False),
            (["u01", "u02"], False),
            (["u03"], True),
        ]
        assert {record.key_ for record in world.records("notify.dlq")} == {f"notify.requests/0/{offset}".encode() for offset in (1, 4, 5)}
        assert set(world.latest(CHANGELOG_PLANNER)) == {b"list", b"list\x000", b"list\x001", b"list\x002"}
        assert {user for (_, _, user) in ends(world)} == set(USERS)
        told = once(world, EXPANSIONS, AudienceExpanded, lambda one: one.chunk)
        assert sum(one.users for one in told.values()) == len(USERS)
        batches = [one for channel in ALL for one in once(world, deliver_topic(channel, "normal"), DeliverBatch, batch_id).values()]
        assert batches
        assert all(dict(zip(one.users, one.data, strict=True)) == {user: OWN[user] for user in one.users} for one in batches)

    await every_crash(play, judge)


async def test_a_part_that_was_early_is_planned_when_it_is_replayed() -> None:
    world = World(Chaos())
    await plan(world, part(1, *USERS[2:]), part(0, *USERS[:2]), part(1, *USERS[2:]))
    assert [(one.users, one.last) for one in commands(world).values()] == [(list(USERS[:2]), False), (list(USERS[2:]), True)]


async def test_chunks_that_come_out_of_order_are_all_decided() -> None:
    """Timers of one moment fire in the order of their ids."""
    world = World(Chaos())
    await plan(world, part(0, *USERS[:1], not_before=LATER), part(1, *USERS[1:2], not_before=LATER), part(2, *USERS[2:], not_before=LATER))
    await wait(world)
    written = sorted(world.records(FANOUT), key=lambda record: CODEC.decode(record.value_, ExpandAudience).chunk)
    for record in (*reversed(written), *written):
        world.append(FANOUT, record.key_, record.value_)
    world.committed = len(written)
    await live_until_done(world, FANOUT, lambda: audience(world), CODEC)
    told = once(world, EXPANSIONS, AudienceExpanded, lambda one: one.chunk)
    assert (list(told), sum(one.users for one in told.values())) == ([2, 1, 0], len(USERS))
    assert world.tables["expanded"].rows[b"list"] == (3).to_bytes(4, "big")
