"""A provider that is down for a while, and steps that are killed at every effect: each is sent to once, or ends once as not sent to."""

from collections import Counter
from collections.abc import Sequence
from typing import cast

import msgspec
import pytest

from providers.base import Accepted, AnyProvider, Throttled, Unavailable
from providers.base import Message as ToSend
from providers.base import Outcome as Answer
from providers.sender import Sender
from schemas.records import SetTimer
from schemas.topics import FANOUT, TIMERS, deliver_topic
from streams.delivery.agent import DeliveryStep
from streams.delivery.call import Caller
from streams.policy.policy import Retry
from streams.profiles.replica import ProfileReplica
from streams.step.turns import Turns
from tests.unit.streams.make import command, shares
from tests.unit.streams.step.sim import World, live_until_done
from tests.unit.streams.step.test_caps_crashes import SALES, STRICT, USERS, counted
from tests.unit.streams.step.test_crashes import (
    CODEC,
    NONE_CANCELLED,
    TEMPLATES,
    every_crash,
    once,
    tables_are_their_changelogs,
)
from tests.unit.streams.step.test_give_back_crashes import CHANNELS, Lanes, Provider, SleepyReplica, audience
from tests.unit.streams.step.test_handed_back_crashes import met, standing

pytestmark = pytest.mark.usefixtures("no_threads")

RETRY = Retry(for_ms=30_000, first_ms=2_000, most_ms=20_000)
POLICY = msgspec.structs.replace(
    STRICT, categories={name: msgspec.structs.replace(one, retry=RETRY) for name, one in STRICT.categories.items()}
)
DOWN_MS = 6_000
NEVER = "u2"
"""The provider can never take it."""


class Down:
    """A provider that can take nothing for a while, and then all but one user; what it took is in `world.sent`."""

    def __init__(self, world: World, began: int, sent: list[tuple[str, str]]) -> None:
        self._world, self._began, self._sent = world, began, sent

    async def send_all(self, provider: AnyProvider, messages: Sequence[ToSend]) -> list[Answer]:
        if self._world.now < self._began + DOWN_MS:
            answers: list[Answer] = [Throttled(2_000) if one.user_id == "u1" else Unavailable("down") for one in messages]
        else:
            answers = [Unavailable("never") if one.user_id == NEVER else Accepted("p") for one in messages]
            self._sent += [
                (one.user_id, provider.declaration.channel)
                for one, answer in zip(messages, answers, strict=True)
                if isinstance(answer, Accepted)
            ]
        self._world.chaos.point()
        return answers


async def test_each_is_sent_to_once_when_the_provider_is_back_or_has_failed() -> None:
    sent: dict[int, list[tuple[str, str]]] = {}

    async def play(world: World) -> None:
        took = sent[id(world)] = []
        lanes, began = Lanes(world), world.now
        delivered: dict[str, int] = {}

        async def deliver() -> None:
            for channel in CHANNELS:
                topic = deliver_topic(channel, "normal")
                world.committed = delivered.get(topic, 0)
                await live_until_done(world, topic, lambda: delivery(world, topic, channel, Down(world, began, took)), CODEC)  # noqa: B023
                delivered[topic] = world.committed

        world.append(FANOUT, b"k", CODEC.encode(command(notification=SALES[0], users=USERS)))
        for _ in range(60):
            await lanes.decide()
            await deliver()
            await lanes.decide()
            if not await next_timer(world):
                break
        assert world.now >= began + DOWN_MS

    def judge(world: World, calm: World) -> None:
        found = met(world)
        assert set(found) == {(user, channel) for user in USERS for channel in CHANNELS}
        took = Counter(sent.pop(id(world)))
        assert set(took.values()) <= {1}, "sent to twice"
        for place, told in found.items():
            ends = [one for one in told if one != "deferred"]
            assert len(ends) == 1, (place, told)
            assert (ends == ["sent"]) <= (place in took)
            wishes = set() if place[0] == "u0" else {"suppressed"}  # the others change their mind all the time
            assert ends[0] in ({"failed", "unknown"} if place[0] == NEVER else {"sent", "unknown"}) | wishes, (place, told)
        assert counted(world) == {user: standing(world)[user] for user in USERS}
        tables_are_their_changelogs(world, audience(world))

    await every_crash(play, judge)


async def next_timer(world: World) -> bool:
    """Let time pass until the next timer that has not fired, and fire it twice: as one may. False: there is none."""
    there = {record.value_ for record in world.records(FANOUT)}
    waiting = [one for one in once(world, TIMERS, SetTimer, lambda it: it.timer_id).values() if one.write.value not in there]
    if not waiting:
        return False
    first = min(waiting, key=lambda one: one.due)
    world.now = max(world.now, first.due)
    for _ in range(2):
        world.append(first.write.topic, first.write.key, first.write.value)
    return True


def delivery(world: World, topic: str, channel: str, down: Down) -> DeliveryStep:
    provider, caller = cast(AnyProvider, Provider(channel)), Caller(cast(Sender, down))
    replica = cast(ProfileReplica, SleepyReplica(None))
    args = (topic, shares(provider), caller, TEMPLATES, CODEC, world.clock, lambda: POLICY, replica, NONE_CANCELLED, Turns())
    return DeliveryStep(*args, draw=lambda: 0.9)
