"""Two providers, one of which fails now and then, and a delivery that is killed at every effect: nobody is told twice."""

from collections import Counter
from collections.abc import Sequence
from typing import cast

import pytest

from providers.base import Accepted, AnyProvider, Declaration, Message, Outcome, Unavailable
from providers.features import FEATURES
from providers.registry import Route
from providers.sender import Sender
from schemas.records import Priority, StatusBatch
from schemas.topics import STATUS, deliver_topic
from streams.delivery.agent import DeliveryStep
from streams.delivery.call import Caller
from streams.delivery.shares import Shares, Standing
from streams.profiles.replica import ProfileReplica
from streams.step.turns import Turns
from tests.unit.streams.make import batch
from tests.unit.streams.step.sim import World, live_until_done
from tests.unit.streams.step.test_crashes import (
    BATCHES,
    CODEC,
    NONE_CANCELLED,
    POLICY,
    TEMPLATES,
    SteadyReplica,
    attempts_of,
    every_crash,
    once,
    tables_are_their_changelogs,
)

pytestmark = pytest.mark.usefixtures("no_threads")


class Fickle:
    """Takes what it is given, or (`fails`) nothing of every other request."""

    def __init__(self, world: World, name: str, *, fails: bool) -> None:
        self.declaration = Declaration(name=name, channel="push", carries=FEATURES, batch_size=2)
        self.took: Counter[str] = Counter()
        self._world, self._fails = world, fails

    async def deliver(self, messages: Sequence[Message]) -> list[Outcome]:
        self._world.chaos.point()
        if self._fails and self._world.clock() % 2:
            return [Unavailable("down")] * len(messages)
        self.took.update(message.message_id for message in messages)
        self._world.chaos.point()
        return [Accepted(f"p-{message.message_id}") for message in messages]


class Sending:
    """As the Sender, one request after the other: a crash comes through as it is."""

    def __init__(self, standing: Standing) -> None:
        self._standing = standing

    async def send_all(self, provider: Fickle, messages: Sequence[Message]) -> list[Outcome]:
        outcomes = list[Outcome]()
        for start in range(0, len(messages), provider.declaration.batch_size):
            answers = await provider.deliver(messages[start : start + provider.declaration.batch_size])
            self._standing.heard(provider.declaration.name, answers, 1)
            outcomes += answers
        return outcomes


def delivery(world: World, topic: str, providers: Sequence[Fickle]) -> DeliveryStep:
    standing = Standing(world.clock)
    shares = Shares({one.declaration.name: Route(cast(AnyProvider, one)) for one in providers}, standing)
    caller = Caller(cast(Sender, Sending(standing)))
    replica = cast(ProfileReplica, SteadyReplica())
    return DeliveryStep(topic, shares, caller, TEMPLATES, CODEC, world.clock, lambda: POLICY, replica, NONE_CANCELLED, Turns())


@pytest.mark.parametrize("priority", [Priority.NORMAL, Priority.CRITICAL])
async def test_nobody_is_sent_to_by_two_but_those_the_ledger_lists(priority: Priority) -> None:
    topic = deliver_topic("push", priority)
    fickle: dict[World, list[Fickle]] = {}
    taken_over = 0

    async def play(world: World) -> None:
        fickle[world] = [Fickle(world, "a", fails=True), Fickle(world, "b", fails=False)]
        for name, users in [*BATCHES.items(), ("b-1", BATCHES["b-1"])]:
            world.append(topic, name.encode(), CODEC.encode(batch(*users, batch_id=name, priority=priority)))
        await live_until_done(world, topic, lambda: delivery(world, topic, fickle[world]), CODEC)

    def judge(world: World, calm: World) -> None:
        nonlocal taken_over
        took = {one.declaration.name: one.took for one in fickle[world]}
        statuses = once(world, STATUS, StatusBatch, lambda one: one.batch_id)
        assert {name: one.users for name, one in statuses.items()} == BATCHES
        attempts = attempts_of(world, topic)
        for name, one in statuses.items():
            by = [one.providers[number] for number in one.provider_of] or [one.provider] * len(one.users)
            for index, (user, number) in enumerate(zip(one.users, one.outcome_of, strict=True)):
                message, outcome = f"{name}.{index}.0", one.outcomes[number]
                count = took["a"][message] + took["b"][message]
                if user == "nobody" and outcome.reason == "user_unknown":
                    assert count == 0
                elif outcome.status == "unknown":
                    assert user == "nobody" or priority != Priority.CRITICAL
                    assert count <= 1
                else:
                    assert outcome.status == "sent"
                    assert took[by[index]][message], "the status names who took it"
                    assert count <= (attempts[str(name)] if priority == Priority.CRITICAL else 1)
                    taken_over += by[index] == "b"
        tables_are_their_changelogs(world, delivery(world, topic, fickle[world]))

    await every_crash(play, judge)
    assert taken_over
