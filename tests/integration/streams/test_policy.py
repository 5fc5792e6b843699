"""The policy on its topic: who follows it has the last that can be used, those published before too. What is wrong changes nothing, and
what is taken back leaves that of the file.
"""

import asyncio
from collections.abc import Iterator
from typing import NoReturn

import pytest

from ops.endpoints import Endpoints
from schemas.records import PolicyPublished
from schemas.topics import POLICY
from streams.policy.in_force import PARTITION, PolicyInForce
from streams.policy.loader import SHIPPED, load_policy, read_policy
from tests.integration.streams.conftest import Pipeline

WAIT_S = 30.0
TEXT = SHIPPED.read_text()
OTHER, THIRD = TEXT.replace("an_hour: 10", "an_hour: 11"), TEXT.replace("an_hour: 10", "an_hour: 12")


def die(reason: str) -> NoReturn:
    raise AssertionError(reason)


@pytest.fixture
def followed(own: Endpoints, pipeline: Pipeline) -> Iterator[list[PolicyInForce]]:
    made: list[PolicyInForce] = []
    yield made
    for one in made:
        one.stop()


def publish(pipeline: Pipeline, text: str | bytes | None) -> None:
    value = PolicyPublished(text=text, by="test", at=1) if isinstance(text, str) else text
    pipeline.log.write(POLICY, value, key="policy", partition=PARTITION)


async def follow(pipeline: Pipeline, followed: list[PolicyInForce]) -> PolicyInForce:
    one = PolicyInForce(pipeline.endpoints.kafka, "test.policy", pipeline.log.codec, load_policy(), die)
    followed.append(one)
    await asyncio.to_thread(one.follow)
    return one


async def in_force(one: PolicyInForce, text: str) -> None:
    wanted = read_policy(text.encode(), "test").version
    async with asyncio.timeout(WAIT_S):
        while one().version != wanted:
            await asyncio.sleep(0.01)


async def test_the_last_that_can_be_used_is_in_force(pipeline: Pipeline, followed: list[PolicyInForce]) -> None:
    first = await follow(pipeline, followed)
    assert first() == load_policy()
    publish(pipeline, OTHER)
    await in_force(first, OTHER)
    publish(pipeline, b"\xffgarbage")
    publish(pipeline, "user: {}")
    later = await follow(pipeline, followed)
    assert later().an_hour == 11, "of those that came before it"
    publish(pipeline, THIRD)
    for one in followed:
        await in_force(one, THIRD)
    publish(pipeline, TEXT)
    for one in followed:
        await in_force(one, TEXT)
    publish(pipeline, THIRD)
    for one in followed:
        await in_force(one, THIRD)
    publish(pipeline, None)
    for one in followed:
        await in_force(one, TEXT)
    assert first() == load_policy(), "what was taken back leaves that of the file"
