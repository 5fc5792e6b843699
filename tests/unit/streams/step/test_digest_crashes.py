"""Digests by a step that is killed at every effect: each that a member names is made once, with exactly those who name it."""

from collections import defaultdict
from typing import Any, cast

import msgspec
import pytest

from schemas.records import (
    DeliverBatch,
    DigestWindowEnded,
    NotificationRequested,
    Record,
    SetTimer,
    StatusBatch,
    UserSeen,
)
from schemas.topics import FANOUT, REQUESTS, STATUS, TIMERS, deliver_topic
from streams.audience.agent import AudienceStep
from streams.digest.rules import REMEMBERED_MS
from streams.policy.policy import DigestPolicy
from streams.profiles.replica import ProfileReplica
from streams.profiles.stored import NOBODY, Known
from tests.unit.streams.make import ALL, command, control, notification, profile
from tests.unit.streams.step.sim import Chaos, World, live_until_done
from tests.unit.streams.step.test_crashes import CODEC, POLICY, RestlessReplica, every_crash, once, tables_are_their_changelogs

pytestmark = pytest.mark.usefixtures("no_threads")

USERS = [f"u{number}" for number in range(3)]
WINDOW_MS = 60_000
ACTORS = ("Ann", "Bo", "Cy")
LIKES = [
    notification(
        notification_id=f"like-{number}",
        category="engagement",
        channels=["push", "in_app"],
        data={"n": f"like-{number}"},
        digest_key=f"item-{number % 2}",
        actor=ACTORS[number % 3],
    )
    for number in range(6)
]
MEMBERS = dict[str, set[str]]


def policy(first_now: bool, count: int | None) -> Any:
    told = msgspec.structs.replace(POLICY.categories["engagement"], digest=DigestPolicy(WINDOW_MS, count, first_now, False), a_day=99)
    return msgspec.structs.replace(POLICY, categories=POLICY.categories | {"engagement": told}, an_hour=99, a_day=99)


class FickleReplica(RestlessReplica):
    """They take other channels every time they are read; `u2` is gone after a while."""

    def _known(self, user: str) -> Known:
        now = self._world.clock()
        if user == "u2" and now > 1_700_000_000_000 + WINDOW_MS // 2:
            return NOBODY
        return Known(profile(user, channels=[["push"], ["push", "in_app"], ["in_app"]][now % 3]), now)


def step(world: World, first_now: bool = False, count: int | None = None) -> AudienceStep:
    return AudienceStep(
        FANOUT, CODEC, world.clock, lambda: policy(first_now, count), cast(ProfileReplica, FickleReplica(world, USERS)), chunk=2
    )


async def live(world: World, *told: Record, first_now: bool = False, count: int | None = None) -> None:
    for one in told:
        world.append(FANOUT, b"k", CODEC.encode(one))
    await live_until_done(world, FANOUT, lambda: step(world, first_now, count), CODEC)


async def let_pass(world: World, ms: int, **how: Any) -> int:
    """Time passes, and each timer that is due fires twice, as one may. Returns how many."""
    world.now += ms
    latest = {(timer := CODEC.decode(record.value_, SetTimer)).timer_id: timer for record in world.records(TIMERS)}
    fired = [CODEC.decode(record.value_, SetTimer) for record in world.records("fired")]
    due = [one for one in latest.values() if one.write and one.due <= world.now and one not in fired]
    for one in due:
        world.append("fired", None, CODEC.encode(one))
        assert one.write
        for _ in range(2):
            world.append(one.write.topic, one.write.key, one.write.value)
    await live(world, **how)
    return len(due)


async def end_all(world: World, **how: Any) -> None:
    """Until no window is left, and nothing is remembered."""
    for _ in range(6):
        await let_pass(world, REMEMBERED_MS + WINDOW_MS, **how)


def ends(world: World) -> tuple[MEMBERS, dict[tuple[str, str], set[str]]]:
    """Users and notifications by the digest that they ended in; and how each ended, one of each channel."""
    members: MEMBERS = defaultdict(set)
    ways: dict[tuple[str, str], set[str]] = defaultdict(set)
    placed: dict[tuple[str, str, str], int] = defaultdict(int)
    for told in once(world, STATUS, StatusBatch, lambda it: it.status_id).values():
        about = told.notification.notification_id
        for user, number in zip(told.users, told.outcome_of, strict=True):
            outcome = told.outcomes[number]
            placed[user, about, told.channel] += 1
            ways[user, about].add(outcome.status)
            if outcome.status == "digested":
                members[outcome.detail].add(f"{user} {about}")
    for channel in ALL:
        for batch in once(world, deliver_topic(channel, "normal"), DeliverBatch, lambda it: it.batch_id).values():
            for user in batch.users:
                placed[user, batch.notification.notification_id, channel] += 1
                ways[user, batch.notification.notification_id].add("handed over")
    assert placed == {(user, like.notification_id, channel): 1 for user in USERS for like in LIKES for channel in ("push", "in_app")}
    return members, ways


def digests(world: World) -> dict[Any, NotificationRequested]:
    return once(world, REQUESTS, NotificationRequested, lambda it: it.notification.notification_id)


def exact(world: World, members: MEMBERS, cancelled: frozenset[str] = frozenset()) -> None:
    """Each digest is of exactly those who name it, of one user and key, and says whom and what."""
    made = digests(world)
    assert made.keys() == members.keys()
    for name, asked in made.items():
        (user,) = asked.audience.users
        about = [each.split()[1] for each in members[name]]
        assert {each.split()[0] for each in members[name]} == {user}
        assert len({like.digest_key for like in LIKES if like.notification_id in about}) == 1
        left = sorted(set(about) - cancelled)
        assert asked.notification.data["digest_count"] == str(len(left))
        assert not asked.notification.digest_key, "it is not digested again"
        if said := asked.notification.data.get("digest_members"):
            assert sorted(each["n"] for each in msgspec.json.decode(said)) == left


def nothing_left(world: World) -> None:
    assert not world.tables["digests"].rows, "nothing is kept for ever"
    tables_are_their_changelogs(world, step(world))


@pytest.mark.parametrize("count", [None, 2])
async def test_every_member_is_in_one_digest_and_each_digest_is_made_once(count: int | None) -> None:
    commands = [command(notification=one, users=USERS) for one in LIKES[:5]] + [command(notification=LIKES[5], expression="all")]

    async def play(world: World) -> None:
        await live(world, *commands, commands[0], count=count)
        await end_all(world, count=count)

    def judge(world: World, calm: World) -> None:
        members, ways = ends(world)
        exact(world, members)
        assert all(len(how) == 1 or how == {"digested", "suppressed"} for how in ways.values())
        nothing_left(world)

    await every_crash(play, judge)


async def test_the_first_is_told_at_once_and_the_next_ones_wait() -> None:
    async def play(world: World) -> None:
        for one in LIKES:
            await live(world, command(notification=one, users=USERS), first_now=True)
        await end_all(world, first_now=True)

    def judge(world: World, calm: World) -> None:
        members, ways = ends(world)
        exact(world, members)
        for user in ("u0", "u1"):
            assert "digested" not in ways[user, "like-0"] | ways[user, "like-1"]
            assert "digested" in ways[user, "like-2"]
        nothing_left(world)

    await every_crash(play, judge)


async def test_what_was_cancelled_is_not_in_it_and_who_was_seen_is_told_in_the_inbox_only() -> None:
    off = control("cancel", 1_700_000_000_001, notification_id="like-2")

    async def play(world: World) -> None:
        await live(world, *[command(notification=one, users=["u0", "u1"], last=False) for one in LIKES], off)
        await live(world, *[command(notification=one, users=["u2"], chunk=1) for one in LIKES])
        await live(world, *[UserSeen("u0", world.now + 1, "app")] * 2, UserSeen("u1", 1, "app"))
        assert not world.records("fired")
        await end_all(world)

    def judge(world: World, calm: World) -> None:
        members, ways = ends(world)
        exact(world, members, frozenset({"like-2"}))
        assert ways["u2", "like-2"] == {"cancelled"}
        for asked in digests(world).values():
            seen = asked.audience.users == ["u0"]
            assert asked.notification.withheld == ({"push": "seen"} if seen else {})
        nothing_left(world)

    await every_crash(play, judge)


async def test_a_window_that_is_no_more_ends_nothing() -> None:
    world = World(Chaos())
    await live(world, DigestWindowEnded("u0", "engagement", "item-0", "w"), UserSeen("u9", 1, "app"))
    assert not world.records(REQUESTS)
    assert not world.records(TIMERS)
