"""Deciding and delivering, each killed at every effect: what was counted for who was not told in the end is given back, once."""

from collections.abc import Callable, Sequence
from typing import cast

import msgspec
import pytest

from providers.base import Accepted, AnyProvider, Declaration, Rejected
from providers.base import Message as ToSend
from providers.base import Outcome as Answer
from providers.features import FEATURES
from providers.sender import Sender
from schemas.records import DeliverBatch, QuietHours, SendsEnded, StatusBatch
from schemas.topics import FANOUT, STATUS, deliver_topic
from streams.audience.agent import AudienceStep
from streams.delivery.agent import DeliveryStep
from streams.delivery.call import Caller
from streams.policy.caps import is_given_back
from streams.profiles.replica import ProfileReplica
from streams.profiles.stored import Known
from streams.step.step import Step
from streams.step.turns import Turns
from tests.unit.streams.make import command, profile, shares
from tests.unit.streams.step.sim import Chaos, World, live_until_done
from tests.unit.streams.step.test_caps_crashes import A_DAY, SALES, STRICT, USERS, WakefulReplica, counted, told
from tests.unit.streams.step.test_crashes import (
    CODEC,
    NONE_CANCELLED,
    TEMPLATES,
    SteadyReplica,
    every_crash,
    once,
    tables_are_their_changelogs,
)

pytestmark = pytest.mark.usefixtures("no_threads")

COMMANDS = [command(notification=one, users=USERS) for one in SALES]
CHANNELS = ("push", "email")
GONE = {("u0", "push"), ("u0", "email"), ("u1", "push")}
"""Whom a provider refuses on what channel; u0, who takes everything, has nowhere to be told."""


class Refusing:
    """A provider that takes all but those."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def send_all(self, provider: AnyProvider, messages: Sequence[ToSend]) -> list[Answer]:
        self.world.chaos.point()
        channel = provider.declaration.channel
        return [Rejected("unregistered") if (one.user_id, channel) in GONE else Accepted("p") for one in messages]


class Provider:
    def __init__(self, channel: str) -> None:
        self.declaration = Declaration(name=f"sim-{channel}", channel=channel, carries=FEATURES, batch_size=2)


class Lanes:
    """Steps of one world, one after the other, each with a place in its topic."""

    def __init__(self, world: World, quiet: QuietHours | None = None) -> None:
        """`quiet`: of everybody."""
        self._world, self._quiet, self._reached = world, quiet, dict[str, int]()

    async def decide(self) -> None:
        await self._live(FANOUT, lambda: audience(self._world, self._quiet))

    async def deliver(self) -> None:
        for channel in CHANNELS:
            topic = deliver_topic(channel, "normal")
            await self._live(topic, lambda: delivery(self._world, topic, channel, self._quiet))  # noqa: B023

    async def _live(self, topic: str, make: Callable[[], Step]) -> None:
        self._world.committed = self._reached.get(topic, 0)
        await live_until_done(self._world, topic, make, CODEC)
        self._reached[topic] = self._world.committed


class SleepyReplica(SteadyReplica):
    """Everybody has one device and these quiet hours."""

    def __init__(self, quiet: QuietHours | None) -> None:
        self._quiet = quiet

    def get_many(self, partition: int, users: Sequence[str]) -> list[Known]:
        return [Known(profile(user, quiet_hours=self._quiet), 7) for user in users]


def audience(world: World, quiet: QuietHours | None = None) -> AudienceStep:
    return AudienceStep(FANOUT, CODEC, world.clock, lambda: STRICT, cast(ProfileReplica, WakefulReplica(world, USERS, quiet)))


def delivery(world: World, topic: str, channel: str, quiet: QuietHours | None) -> DeliveryStep:
    provider, caller = cast(AnyProvider, Provider(channel)), Caller(cast(Sender, Refusing(world)))
    replica = cast(ProfileReplica, SleepyReplica(quiet))
    return DeliveryStep(topic, shares(provider), caller, TEMPLATES, CODEC, world.clock, lambda: STRICT, replica, NONE_CANCELLED, Turns())


def ends(world: World) -> dict[tuple[str, str], dict[str, str]]:
    """By notification and user: how each channel ended on which they were handed over."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    for status in once(world, STATUS, StatusBatch, lambda it: it.status_id).values():
        if status.batch_id:
            for user, number in zip(status.users, status.outcome_of, strict=True):
                mine = found.setdefault((status.notification.notification_id, user), {})
                mine[status.channel] = status.outcomes[number].status
    return found


def reached(world: World) -> dict[str, int]:
    """By user: of how many notifications they were, or may have been, told."""
    told_of = [user for (_, user), statuses in ends(world).items() if not is_given_back(statuses.values())]
    return {user: told_of.count(user) for user in USERS}


async def test_whoever_was_told_nothing_may_be_told_of_the_next_and_what_is_said_again_gives_nothing_back_again() -> None:
    """Again: as if delivery had died after it wrote, the same records once more when the first were had."""

    async def play(world: World) -> None:
        lanes = Lanes(world)
        for one in COMMANDS:  # each may have one a day; the second is asked for when the first is through
            world.append(FANOUT, b"k", CODEC.encode(one))
            await lanes.decide()
            await lanes.deliver()
            await lanes.decide()
            for record in [record for record in world.records(FANOUT) if is_end(record.value_)]:
                world.append(FANOUT, record.key_, record.value_)
            await lanes.decide()

    def judge(world: World, calm: World) -> None:
        assert counted(world) == reached(world)
        assert max(reached(world).values()) <= A_DAY
        may_have_been = [statuses for (_, user), statuses in ends(world).items() if user == "u0" and "unknown" in statuses.values()]
        assert len(told(world)["u0"]) == 2 or may_have_been, "refused on both channels both times"
        tables_are_their_changelogs(world, audience(world))

    await every_crash(play, judge)


def is_end(value: bytes | None) -> bool:
    return CODEC.decode_any(value).name == "carillon.v1.SendsEnded"


async def test_what_was_counted_yesterday_changes_no_row_of_today() -> None:
    world = World(Chaos())
    lanes = Lanes(world)
    world.append(FANOUT, b"k", CODEC.encode(COMMANDS[0]))
    await lanes.decide()
    await lanes.deliver()
    assert [record for record in world.records(FANOUT) if is_end(record.value_)]
    world.now += 86_400_000
    rows = {name: dict(table.rows) for name, table in world.tables.items()}
    await lanes.decide()
    assert {name: table.rows for name, table in world.tables.items()} == rows


async def test_ends_that_make_no_sense_are_kept_and_the_rest_goes_on() -> None:
    world = World(Chaos())
    bad = SendsEnded("sale-0", 0, "promotional", "push", ["u0"], [], world.now)
    unheard_of = msgspec.structs.replace(bad, category="spam", counted_on=[1])
    for one in (bad, unheard_of, COMMANDS[0]):
        world.append(FANOUT, b"k", CODEC.encode(one))
    await Lanes(world).decide()
    assert [record.key_ for record in world.records("notify.dlq")] == [b"notify.fanout/0/0"]
    assert once(world, deliver_topic("push", "normal"), DeliverBatch, lambda it: it.batch_id)
