"""Fetching on a real broker: what is taken, from where, and who is held back."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from typing import NoReturn

import pytest
from confluent_kafka import Producer

from ops.endpoints import Endpoints
from schemas.clients import producer_config
from streams import fetching as fetching_module
from streams.fetching import Fetching
from tests.integration.conftest import NewTopicFixture

WAIT_S = 30.0
QUIET_S = 0.3


def die(reason: str) -> NoReturn:
    raise AssertionError(reason)


@pytest.fixture
async def fetching(stack: Endpoints, topic_prefix: str) -> AsyncIterator[Fetching]:
    made = Fetching(stack.kafka, topic_prefix, asyncio.get_running_loop(), die)
    yield made
    await asyncio.to_thread(made.stop)


def write(stack: Endpoints, topic: str, partition: int, values: Sequence[bytes]) -> None:
    producer = Producer(producer_config(stack.kafka))
    for value in values:
        producer.produce(topic, value=value, partition=partition)
    assert producer.flush(30) == 0


async def taken(fetching: Fetching, active: set[tuple[str, int]], count: int) -> dict[tuple[str, int], list[int]]:
    """The offsets of the next `count` records."""
    found: dict[tuple[str, int], list[int]] = {}
    async with asyncio.timeout(WAIT_S):
        while sum(map(len, found.values())) < count:
            for place, messages in (await fetching.take(active, 1.0)).items():
                found.setdefault(place, []).extend(int(message.offset() or 0) for message in messages)
    return found


async def test_each_partition_is_read_in_order_from_where_it_was_told(
    stack: Endpoints, new_topic: NewTopicFixture, fetching: Fetching
) -> None:
    topic = new_topic("t", partitions=2)
    for partition in (0, 1):
        write(stack, topic, partition, [b"v"] * 200)
    fetching.begin({(topic, 0): 150, (topic, 1): None})
    found = await taken(fetching, {(topic, 0), (topic, 1)}, 250)
    assert found == {(topic, 0): list(range(150, 200)), (topic, 1): list(range(200))}
    assert await fetching.take({(topic, 0)}, QUIET_S) == {}
    write(stack, topic, 0, [b"v"])
    assert await taken(fetching, {(topic, 0)}, 1) == {(topic, 0): [200]}


async def test_who_begins_again_has_nothing_of_before(stack: Endpoints, new_topic: NewTopicFixture, fetching: Fetching) -> None:
    """After a rebalance: what was fetched and not taken comes again, and nothing of a partition that is somebody else's."""
    topic = new_topic("t", partitions=2)
    for partition in (0, 1):
        write(stack, topic, partition, [b"v"] * 100)
    fetching.begin({(topic, 0): 0, (topic, 1): 0})
    await taken(fetching, {(topic, 0)}, 64)
    fetching.begin({(topic, 0): 10})
    assert await taken(fetching, {(topic, 0), (topic, 1)}, 90) == {(topic, 0): list(range(10, 100))}
    assert await fetching.take({(topic, 1)}, QUIET_S) == {}


async def test_what_nobody_takes_waits_in_bounded_memory_and_nothing_of_it_is_lost(
    stack: Endpoints, new_topic: NewTopicFixture, fetching: Fetching, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching_module, "HIGH", 20_000)
    monkeypatch.setattr(fetching_module, "LOW", 5_000)
    topic = new_topic("t", partitions=2)
    write(stack, topic, 0, [b"x" * 1000] * 3000)
    fetching.begin({(topic, 0): 0, (topic, 1): 0})
    deadline = time.monotonic() + WAIT_S
    while (topic, 0) not in fetching._held:  # the loop stands still meanwhile: what is fetched for it is bounded all the same
        assert time.monotonic() < deadline
        time.sleep(0.01)
    write(stack, topic, 1, [b"v"] * 10)
    assert await taken(fetching, {(topic, 1)}, 10) == {(topic, 1): list(range(10))}
    assert fetching._bytes((topic, 0)) < 20_000 + fetching_module.BATCH * (1000 + fetching_module.RECORD_BYTES) + 1
    assert await taken(fetching, {(topic, 0)}, 3000) == {(topic, 0): list(range(3000))}


async def test_a_partition_that_becomes_active_is_not_waited_for(stack: Endpoints, new_topic: NewTopicFixture, fetching: Fetching) -> None:
    topic, active = new_topic("t"), set[tuple[str, int]]()
    write(stack, topic, 0, [b"v"])
    fetching.begin({(topic, 0): 0})
    waiting = asyncio.create_task(fetching.take(active, WAIT_S))
    async with asyncio.timeout(WAIT_S):
        while not fetching._waiting:
            await asyncio.sleep(0.01)
    active.add((topic, 0))
    fetching.look()
    assert list(await waiting) == [(topic, 0)]


async def test_what_upstream_took_back_is_not_read(stack: Endpoints, new_topic: NewTopicFixture, fetching: Fetching) -> None:
    topic = new_topic("t")
    producer = Producer({**producer_config(stack.kafka), "transactional.id": topic})
    producer.init_transactions(WAIT_S)
    producer.begin_transaction()
    producer.produce(topic, value=b"never", partition=0)
    producer.flush(WAIT_S)
    producer.abort_transaction(WAIT_S)
    write(stack, topic, 0, [b"v"])
    fetching.begin({(topic, 0): 0})
    ((place, offsets),) = (await taken(fetching, {(topic, 0)}, 1)).items()
    assert (place, offsets) == ((topic, 0), [2])
