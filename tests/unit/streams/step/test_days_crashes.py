"""A provider with a daily limit, and delivery that is killed at every effect: no day has more, and everybody ends once."""

from collections import Counter
from collections.abc import Sequence
from typing import cast

import pytest

from providers.base import Accepted, AnyProvider, Declaration
from providers.base import Message as ToSend
from providers.base import Outcome as Answer
from providers.features import FEATURES
from providers.registry import Route
from providers.sender import Sender
from schemas.topics import CHANGELOG_DAYS, FANOUT, deliver_topic
from streams.delivery.agent import DeliveryStep
from streams.delivery.call import Caller
from streams.delivery.days import Days
from streams.delivery.shares import Shares, Standing
from streams.profiles.replica import ProfileReplica
from streams.routing.days import DAY_MS
from streams.step.turns import Turns
from tests.unit.streams.make import command
from tests.unit.streams.step.sim import World, live_until_done
from tests.unit.streams.step.test_caps_crashes import SALES, USERS
from tests.unit.streams.step.test_crashes import CODEC, NONE_CANCELLED, TEMPLATES, every_crash
from tests.unit.streams.step.test_give_back_crashes import CHANNELS, Lanes, SleepyReplica
from tests.unit.streams.step.test_handed_back_crashes import met
from tests.unit.streams.step.test_retry_crashes import POLICY, next_timer

pytestmark = pytest.mark.usefixtures("no_threads")

PER_DAY = 3
"""Of an account that all channels share: fewer than there are to be sent to."""


class Provider:
    def __init__(self, channel: str) -> None:
        self.declaration = Declaration(
            name=f"sim-{channel}", channel=channel, carries=FEATURES, batch_size=2, rate_per_day=PER_DAY, account="sim"
        )


class Taking:
    """Takes everything, and notes the day."""

    def __init__(self, world: World, took: list[tuple[str, str, int]]) -> None:
        self._world, self._took = world, took

    async def send_all(self, provider: AnyProvider, messages: Sequence[ToSend]) -> list[Answer]:
        day = self._world.now // DAY_MS
        self._took += [(one.user_id, provider.declaration.channel, day) for one in messages]
        self._world.chaos.point()
        return [Accepted("p")] * len(messages)


async def test_no_day_has_more_than_the_limit_and_everybody_ends_once() -> None:
    sent: dict[int, list[tuple[str, str, int]]] = {}
    days = set[int]()

    async def play(world: World) -> None:
        took = sent[id(world)] = []
        lanes, delivered = Lanes(world), dict[str, int]()

        async def deliver() -> None:
            for channel in CHANNELS:
                topic = deliver_topic(channel, "normal")
                world.committed = delivered.get(topic, 0)
                await live_until_done(world, topic, lambda: delivery(world, topic, Taking(world, took)), CODEC)  # noqa: B023
                delivered[topic] = world.committed

        world.append(FANOUT, b"k", CODEC.encode(command(notification=SALES[0], users=USERS)))
        for _ in range(60):
            await lanes.decide()
            await deliver()
            await lanes.decide()
            if not await next_timer(world):
                break

    def judge(world: World, calm: World) -> None:
        took = sent.pop(id(world))
        assert max(Counter(day for _, _, day in took).values()) <= PER_DAY
        assert set(Counter((user, channel) for user, channel, _ in took).values()) == {1}, "sent to twice"
        days.add(len({day for _, _, day in took}))
        found = met(world)
        assert set(found) == {(user, channel) for user in USERS for channel in CHANNELS}
        for place, told in found.items():
            ends = [one for one in told if one != "deferred"]
            assert len(ends) == 1, (place, told)

    await every_crash(play, judge)
    assert max(days) > 1, "some waited for the next day"


def delivery(world: World, topic: str, taking: Taking) -> DeliveryStep:
    days = Days("bulk", 1.0, 1, lambda partition: [one.value_ for one in world.records(CHANGELOG_DAYS)], world.clock)
    standing = Standing(world.clock, days=days)
    routes = {one.declaration.name: Route(cast(AnyProvider, one)) for one in (Provider(topic.split(".")[2]),)}
    caller, replica = Caller(cast(Sender, taking)), cast(ProfileReplica, SleepyReplica(None))
    args = (topic, Shares(routes, standing), caller, TEMPLATES, CODEC, world.clock, lambda: POLICY, replica, NONE_CANCELLED, Turns())
    return DeliveryStep(*args, draw=lambda: 0.9)
