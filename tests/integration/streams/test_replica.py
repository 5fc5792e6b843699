"""The copy of the profiles, fed by a real topic: catching up, following, restarting, and a topic that was made anew."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, NoReturn, cast

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from ops.endpoints import Endpoints
from schemas.clients import producer_config
from schemas.codec import Codec
from schemas.partition import partition_of
from schemas.provision import create
from schemas.records import Device, Profile
from streams.profiles import replica as replica_module
from streams.profiles.kept import INDEXED
from streams.profiles.replica import ProfileReplica
from streams.profiles.stored import PROFILE, platform_prefix, tag_prefix, user_of
from streams.step.log import LogWriter
from streams.step.store import Store
from tests.integration.conftest import NewTopicFixture
from tests.unit.streams.make import codec as memory_codec
from tests.unit.streams.make import profile

PARTITIONS = 2
CODEC: Codec = memory_codec()


class Topic:
    """A topic like notify.profiles."""

    def __init__(self, stack: Endpoints, name: str) -> None:
        self.name = name
        self._admin = AdminClient({"bootstrap.servers": stack.kafka})
        self._producer = Producer(producer_config(stack.kafka))

    def put(self, user: str, made: Profile | None) -> None:
        value = CODEC.encode(made) if made else None
        self._producer.produce(self.name, key=user, value=value, partition=partition_of(user, PARTITIONS))
        self._producer.poll(0)

    def flush(self) -> None:
        assert self._producer.flush(30) == 0

    def make_anew(self) -> None:
        """Delete it, and create it again when Kafka has let it go."""
        self._admin.delete_topics([self.name])[self.name].result(20)
        deadline = time.monotonic() + 20
        while True:
            try:
                create(self._admin, [NewTopic(self.name, PARTITIONS, 1)])
            except Exception:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
            else:
                return


class Copy:
    """A replica in a folder of its own, that can be stopped and started again."""

    def __init__(self, stack: Endpoints, folder: Path) -> None:
        self._stack = stack
        self._folder = folder
        self.deaths: list[str] = []

    async def start(self, partitions: set[int]) -> None:
        self._store = Store(self._folder)
        log = cast(LogWriter, None)
        self.replica = ProfileReplica(self._store, self._stack.kafka, CODEC, log, self._die, step="test", kept=INDEXED)
        self.replica.follow(partitions)
        async with asyncio.timeout(30):
            for partition in partitions:
                await self.replica.ready(partition)

    def stop(self) -> None:
        self.replica.stop()
        self._store.close()

    def make_older(self) -> None:
        """What it would be if it had been written before there were platforms in the index."""
        store = Store(self._folder)
        for part in (store.partition("profiles", number) for number in range(PARTITIONS)):
            entries = part.snapshot().keys(platform_prefix("web"), b"", 1000)
            assert entries
            part.write([(b"f", None), *((platform_prefix("web") + entry, None) for entry in entries)], part.position())
        store.close()

    def users(self, tag: str | None = None) -> set[str]:
        parts = cast(Any, self.replica)._parts
        return {user for partition in parts for user in self.of(partition, PROFILE if tag is None else tag_prefix(tag))}

    def of(self, partition: int, prefix: bytes = PROFILE) -> set[str]:
        return set(map(user_of, self.replica.index(partition).keys(prefix, b"", 100_000)))

    def channels(self, user: str) -> list[str] | None:
        (known,) = self.replica.get_many(partition_of(user, PARTITIONS), [user])
        return known.profile.channels if known.profile else None

    def tags(self, user: str) -> list[str] | None:
        (known,) = self.replica.get_many(partition_of(user, PARTITIONS), [user])
        return known.profile.tags if known.profile else None

    def _die(self, reason: str) -> NoReturn:
        self.deaths.append(reason)
        raise SystemExit


async def until(reached: Callable[[], bool]) -> float:
    """Wait, 20 s at most; returns for how long (s)."""
    began = time.monotonic()
    async with asyncio.timeout(20):
        while not reached():
            await asyncio.sleep(0.002)
    return time.monotonic() - began


@pytest.fixture
def topic(stack: Endpoints, new_topic: NewTopicFixture, monkeypatch: pytest.MonkeyPatch) -> Topic:
    name = new_topic("profiles", partitions=PARTITIONS)
    monkeypatch.setattr(replica_module, "PROFILES", name)
    return Topic(stack, name)


@pytest.fixture
async def copy(stack: Endpoints, tmp_path: Path) -> AsyncIterator[Copy]:
    made = Copy(stack, tmp_path / "db")
    yield made
    made.stop()
    assert made.deaths == []


async def test_it_has_everything_when_it_is_ready(topic: Topic, copy: Copy) -> None:
    users = [f"u{number}" for number in range(12_000)]
    for number, user in enumerate(users):
        topic.put(user, profile(user, tags=["sale"] if number % 3 == 0 else []))
    for user in users[:100]:
        topic.put(user, None)
    topic.flush()
    began = time.monotonic()
    await copy.start({0, 1})
    assert copy.users() == set(users[100:])
    assert copy.users("sale") == {user for number, user in enumerate(users) if number % 3 == 0 and number >= 100}
    assert time.monotonic() - began < 20


async def test_an_empty_topic_is_ready_at_once(topic: Topic, copy: Copy) -> None:
    await copy.start({0, 1})
    assert copy.users() == set()


async def test_a_change_is_seen_soon(topic: Topic, copy: Copy) -> None:
    await copy.start({0, 1})
    waits = []
    for number in range(10):
        topic.put("ann", profile("ann", tags=[f"t{number}"]))
        topic.flush()
        waits.append(await until(lambda: copy.users(f"t{number}") == {"ann"}))  # noqa: B023
    assert copy.users("t8") == set()
    topic.put("ann", None)
    topic.flush()
    await until(lambda: copy.users() == set())
    assert copy.users("t9") == set()
    assert sorted(waits)[5] < 1.0


async def test_a_restart_goes_on_from_where_it_was(topic: Topic, copy: Copy) -> None:
    topic.put("ann", profile("ann", tags=["x"]))
    topic.put("bob", profile("bob", tags=["x"]))
    topic.flush()
    await copy.start({0, 1})
    copy.stop()
    topic.put("ann", profile("ann", tags=[]))
    topic.put("cid", profile("cid", tags=["x"]))
    topic.flush()
    await copy.start({0, 1})
    assert (copy.users("x"), copy.users()) == ({"bob", "cid"}, {"ann", "bob", "cid"})


async def test_an_index_of_an_older_format_is_made_anew_before_it_is_ready(topic: Topic, copy: Copy) -> None:
    users = [f"u{number}" for number in range(50)]
    for user in users:
        topic.put(user, profile(user, devices=[Device("web", "t")]))
    topic.flush()
    await copy.start({0, 1})
    copy.stop()
    copy.make_older()
    await copy.start({0, 1})
    assert {user for partition in (0, 1) for user in copy.of(partition, platform_prefix("web"))} == set(users)


async def test_what_was_decided_on_is_there(topic: Topic, copy: Copy) -> None:
    """Another process may have seen a profile before this one: it waits."""
    await copy.start({0, 1})
    partition = partition_of("ann", PARTITIONS)
    for offset in range(30):
        topic.put("ann", profile("ann", tags=[f"t{offset}"]))
        topic.flush()
        async with asyncio.timeout(10):
            await copy.replica.current(partition, offset=offset, alive=lambda: None)
        assert copy.tags("ann") == [f"t{offset}"]


async def test_partitions_come_and_go(topic: Topic, copy: Copy) -> None:
    users = [f"u{number}" for number in range(50)]
    homes: dict[int, set[str]] = {0: set(), 1: set()}
    for user in users:
        homes[partition_of(user, PARTITIONS)].add(user)
        topic.put(user, profile(user))
    topic.flush()
    await copy.start({0})
    assert copy.of(0) == homes[0]
    for wanted in ({0, 1}, {1}, {0, 1}, set(), {0}):
        copy.replica.follow(set(wanted))
        async with asyncio.timeout(20):
            for partition in wanted:
                await copy.replica.ready(partition)
                assert copy.of(partition) == homes[partition]
        topic.put(users[0], profile(users[0], tags=["again"]))
        topic.flush()


@pytest.mark.parametrize("rounds", [20])
async def test_partitions_that_come_back_at_once_get_ready_too(topic: Topic, copy: Copy, rounds: int) -> None:
    """A rebalance may take a partition and give it back before the reading thread has looked."""
    await copy.start({0, 1})
    for _ in range(rounds):
        copy.replica.follow({0})
        copy.replica.follow({0, 1})
        async with asyncio.timeout(10):
            await copy.replica.ready(1)


async def test_a_topic_that_was_made_anew_begins_with_nothing(topic: Topic, copy: Copy) -> None:
    for number in range(50):
        topic.put(f"old{number}", profile(f"old{number}", tags=["x"]))
    topic.flush()
    await copy.start({0, 1})
    copy.stop()
    await asyncio.to_thread(topic.make_anew)
    topic.put("new", profile("new", tags=["x"]))
    topic.flush()
    await copy.start({0, 1})
    assert (copy.users(), copy.users("x")) == ({"new"}, {"new"})
