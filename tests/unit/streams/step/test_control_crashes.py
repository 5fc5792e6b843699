"""Campaigns that are paused, resumed, cancelled and slowed down, by a step that is killed at every effect: everybody has one end."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, cast

import msgspec
import pytest

from schemas.records import AudienceExpanded, ControlCampaign, DeadLetter, DeliverBatch, ExpandAudience, SetTimer, StatusBatch
from schemas.topics import CANCELS, EXPANSIONS, FANOUT, STATUS, TIMERS, deliver_topic
from streams.audience.agent import AudienceStep
from streams.audience.campaigns import campaign_of
from streams.audience.control import CANCELLED, PAUSED, RUNNING
from streams.profiles.replica import ProfileReplica
from streams.step.step import View
from tests.unit.streams.make import ALL, command, control, notification
from tests.unit.streams.step.sim import World, live_until_done
from tests.unit.streams.step.test_crashes import CODEC, POLICY, RestlessReplica, every_crash, once, tables_are_their_changelogs

pytestmark = pytest.mark.usefixtures("no_threads")

USERS = [f"u{number:02d}" for number in range(10)]
SCAN = command(notification=notification(notification_id="scan"), expression="all")
NAMED = [
    command(notification=notification(notification_id="named"), users=USERS[start : start + 3], chunk=chunk, last=chunk == 3)
    for chunk, start in enumerate(range(0, 10, 3))
]
SINGLE = command(notification=notification(notification_id="single"), users=["u01", "nobody"])
SIZES = {"scan": 10, "named": 10, "single": 2}
Told = ExpandAudience | ControlCampaign
Reached = tuple[str, str, str]


def of(name: str, action: str, at: int, **changed: Any) -> ControlCampaign:
    return control(action, at, notification_id=name, **changed)


def step(world: World) -> AudienceStep:
    return AudienceStep(FANOUT, CODEC, world.clock, lambda: POLICY, cast(ProfileReplica, RestlessReplica(world, USERS)), chunk=4)


async def hear(world: World, *told: Told) -> None:
    """Write records, and let the step do all of them and what follows."""
    for one in told:
        name = one.notification_id if isinstance(one, ControlCampaign) else one.notification.notification_id
        world.append(FANOUT, name.encode(), CODEC.encode(one))
    await live_until_done(world, FANOUT, lambda: step(world), CODEC)


async def fire(world: World) -> int:
    """Let time pass, and every timer fire that did not; twice, as a timer may. Returns how many."""
    world.now += 10_000_000
    timers = {one.timer_id: one for record in world.records(TIMERS) for one in [CODEC.decode(record.value_, SetTimer)]}
    there = {record.value_ for record in world.records(FANOUT)}
    due = [one.write for one in timers.values() if one.write and one.write.value not in there]
    for write in due * 2:
        world.append(write.topic, write.key, write.value)
    await hear(world)
    return len(due)


def ends(world: World) -> dict[Reached, tuple[str, int]]:
    """By notification, channel and user: queued or the reason against, and the offset of the command. Raises when somebody has two."""
    found: dict[Reached, tuple[str, int]] = {}
    for topic in (deliver_topic(channel, "normal") for channel in ALL):
        for one in once(world, topic, DeliverBatch, lambda it: it.batch_id).values():
            note(found, one, ["queued"] * len(one.users), one.fanout_offset)
    for told in once(world, STATUS, StatusBatch, lambda it: it.status_id).values():
        reasons = [told.outcomes[number].reason for number in told.outcome_of]
        assert all((one.status == "cancelled") == (one.reason == "cancelled") for one in told.outcomes)
        note(found, told, reasons, told.caused_by_offset)
    return found


def note(found: dict[Reached, tuple[str, int]], one: DeliverBatch | StatusBatch, ends: Sequence[str], offset: int) -> None:
    for user, end in zip(one.users, ends, strict=True):
        place = (one.notification.notification_id, one.channel, user)
        assert place not in found, f"{place} was met twice"
        found[place] = (end, offset)


def whole(world: World, *names: str) -> None:
    """Everybody of these has one end, and the figures of the chunks say the same."""
    met = Counter(name for name, _, _ in ends(world))
    assert met == {name: 3 * SIZES[name] for name in names}
    chunks = once(world, EXPANSIONS, AudienceExpanded, lambda one: (one.notification_id, one.chunk)).values()
    assert sum(one.users for one in chunks) == sum(SIZES[name] for name in names)
    assert all(one.queued[channel] + one.suppressed[channel] == one.users for one in chunks for channel in one.queued)
    assert sorted(one.notification_id for one in chunks if one.last) == sorted(names)


def state(world: World, name: str) -> str:
    return campaign_of(cast(View, Rows(world)), name.encode()).state


class Rows:
    """The tables as a view."""

    def __init__(self, world: World) -> None:
        self._world = world

    def get(self, table: str, key: bytes) -> bytes | None:
        return self._world.tables[table].rows.get(key)


def held(world: World) -> set[bytes]:
    return {key for key in world.tables["campaigns"].rows if b"\0" in key}


async def test_paused_in_the_middle_and_resumed_everyone_is_met_once() -> None:
    async def play(world: World) -> None:
        await hear(world, SCAN, *NAMED[:2], of("scan", "pause", 1), of("named", "pause", 1), *NAMED[2:], SINGLE, NAMED[0])
        assert held(world) == {b"scan\x001", b"named\x002", b"named\x003"}
        assert Counter(name for name, _, _ in ends(world)) == {"scan": 12, "named": 18, "single": 6}
        assert (state(world, "scan"), state(world, "named"), state(world, "single")) == (PAUSED, PAUSED, RUNNING)
        await hear(world, of("scan", "resume", 2), of("named", "resume", 2), of("named", "pause", 1))

    def judge(world: World, calm: World) -> None:
        whole(world, *SIZES)
        assert held(world) == set()
        assert not any(end == "cancelled" for end, _ in ends(world).values())
        tables_are_their_changelogs(world, step(world))

    await every_crash(play, judge)


async def test_cancelled_in_the_middle_all_others_are_told_so() -> None:
    async def play(world: World) -> None:
        await hear(world, SCAN, *NAMED[:1], of("scan", "cancel", 1), of("named", "cancel", 1), *NAMED[1:])
        await hear(world, of("scan", "resume", 2), of("named", "pause", 2), of("scan", "cancel", 3))

    def judge(world: World, calm: World) -> None:
        whole(world, "scan", "named")
        cancels = {record.key_.decode(): record.offset_ for record in world.records(FANOUT)[2:4] if record.key_}
        assert set(cancels) == {"scan", "named"}
        assert {record.key_: record.value_ for record in world.records(CANCELS)} == {
            record.key_: record.value_ for record in world.records(FANOUT)[2:4]
        }, "delivery hears of the first of each, and of no resume"
        for (name, _, _), (end, offset) in ends(world).items():
            assert (end == "cancelled") == (offset > cancels[name])
        assert Counter(end for end, _ in ends(world).values())["cancelled"] == 3 * (6 + 7)

    await every_crash(play, judge)


async def test_cancelled_while_paused_who_waits_is_told_so() -> None:
    async def play(world: World) -> None:
        await hear(world, of("scan", "pause", 1), of("named", "pause", 1), SCAN, *NAMED, *NAMED[:2])
        assert ends(world) == {}
        await hear(world, of("named", "cancel", 2), of("scan", "cancel", 0))

    def judge(world: World, calm: World) -> None:
        whole(world, "scan", "named")
        assert {end for end, _ in ends(world).values()} == {"cancelled"}
        assert held(world) == set()
        assert (state(world, "scan"), state(world, "named")) == (CANCELLED, CANCELLED)

    await every_crash(play, judge)


async def test_resumed_and_paused_again_while_what_waited_is_on_its_way() -> None:
    async def play(world: World) -> None:
        await hear(world, of("named", "pause", 1), *NAMED)
        await hear(world, of("named", "resume", 2), of("named", "pause", 3))
        assert len(held(world)) >= 3
        await hear(world, of("named", "resume", 4), of("scan", "resume", 4), SCAN)

    def judge(world: World, calm: World) -> None:
        whole(world, "scan", "named")
        assert held(world) == set()

    await every_crash(play, judge)


async def test_at_a_rate_what_follows_waits_for_its_turn() -> None:
    async def play(world: World) -> None:
        await hear(world, of("scan", "rate", 1, per_second=3), of("named", "rate", 1, per_second=1), SCAN, *NAMED, SINGLE)
        assert Counter(name for name, _, _ in ends(world))["single"] == 6
        rounds = 0
        while await fire(world):
            rounds += 1
        assert rounds

    def judge(world: World, calm: World) -> None:
        whole(world, *SIZES)
        sizes = {one.users for one in once(world, EXPANSIONS, AudienceExpanded, key_of).values() if one.notification_id == "scan"}
        assert max(sizes) == 3, "a second allows three"

    await every_crash(play, judge)


async def test_paused_and_cancelled_while_commands_wait_for_their_turn() -> None:
    async def play(world: World) -> None:
        await hear(world, of("scan", "rate", 1, per_second=3), of("named", "rate", 1, per_second=1), SCAN, *NAMED)
        await hear(world, of("scan", "pause", 2), of("named", "pause", 2))
        assert await fire(world)
        assert held(world)
        await hear(world, of("scan", "cancel", 3), of("named", "resume", 3), of("named", "rate", 4, per_second=0))
        while await fire(world):
            pass

    def judge(world: World, calm: World) -> None:
        whole(world, "scan", "named")
        assert held(world) == set()
        assert not any(end == "cancelled" for (name, _, _), (end, _) in ends(world).items() if name == "named")

    await every_crash(play, judge)


async def test_control_of_what_is_not_there_or_done_is_harmless() -> None:
    async def play(world: World) -> None:
        await hear(world, SINGLE, of("never", "cancel", 1), of("never", "pause", 1))
        await hear(world, of("single", "pause", 1), of("single", "cancel", 2), SINGLE, of("single", "halt", 3))

    def judge(world: World, calm: World) -> None:
        whole(world, "single")
        assert not any(end == "cancelled" for end, _ in ends(world).values())
        assert {record.key_ for record in world.records("notify.dlq")} == {b"notify.fanout/0/6"}

    await every_crash(play, judge)


async def test_what_waits_behind_a_command_that_is_refused_goes_on() -> None:
    """The policy changed meanwhile: each of them is a dead letter, and none stays behind."""
    spam = [msgspec.structs.replace(one, notification=notification(notification_id="named", category="spam")) for one in NAMED]

    async def play(world: World) -> None:
        await hear(world, of("named", "pause", 1), *spam, SINGLE)
        assert len(held(world)) == len(spam)
        await hear(world, of("named", "resume", 2))

    def judge(world: World, calm: World) -> None:
        whole(world, "single")
        assert held(world) == set()
        letters = {CODEC.decode(record.value_, DeadLetter).value for record in world.records("notify.dlq")}
        assert letters == {CODEC.encode(one) for one in spam}

    await every_crash(play, judge)


def key_of(one: AudienceExpanded) -> tuple[str, int]:
    return one.notification_id, one.chunk
