"""The copy of the cancels: what records make of it, and how old it is when it is asked. Kafka is not real."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any, NoReturn, cast

import pytest
from confluent_kafka import Message

from streams.delivery import cancels as cancels_module
from streams.delivery.cancels import Cancels
from streams.profiles.replica import FRESH_S


class FakeTail:
    """Follows nothing; remembers what it was told."""

    def __init__(self, bootstrap: str, group: str, topic: str, apply: Any, current: Any, begin: Any, die: Any) -> None:
        self.named, self.begin, self.followed = (group, topic), begin, list[set[int]]()

    def follow(self, partitions: set[int]) -> None:
        self.followed.append(partitions)


class Record:
    """As confluent-kafka's message."""

    def __init__(self, key: bytes | None) -> None:
        self._key = key

    def key(self) -> bytes | None:
        return self._key


def die(reason: str) -> NoReturn:
    raise AssertionError(reason)


@pytest.fixture
def copy(monkeypatch: pytest.MonkeyPatch) -> Cancels:
    monkeypatch.setattr(cancels_module, "Tail", FakeTail)
    return Cancels("nowhere", die, step="bulk")


def apply(copy: Cancels, partition: int, *keys: bytes | None) -> None:
    copy._apply(partition, cast(Sequence[Message], [Record(key) for key in keys]), 0)


def test_a_cancel_is_known_where_it_was_obeyed(copy: Cancels) -> None:
    apply(copy, 1, b"n-1", b"n-2", b"n-1")
    assert [copy.has(1, name) for name in ("n-1", "n-2", "n-3")] == [True, True, False]
    assert not copy.has(0, "n-1")


def test_whatever_is_in_its_keys_the_rest_is_known(copy: Cancels) -> None:
    apply(copy, 0, None, b"\xff", b"n-1")
    assert copy.has(0, "n-1")


def test_the_youngest_are_kept(copy: Cancels, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cancels_module, "LIMIT", 2)
    apply(copy, 0, b"n-1", b"n-2")
    apply(copy, 0, b"n-3")
    assert [copy.has(0, name) for name in ("n-1", "n-2", "n-3")] == [False, True, True]


def test_every_process_reads_them_from_the_beginning(copy: Cancels) -> None:
    copy.follow({2, 3})
    tail = cast(FakeTail, copy._tail)
    assert (tail.named, tail.followed, tail.begin(2, 99)) == (("carillon.bulk.cancels", "notify.cancels"), [{2, 3}], 0)


async def test_it_is_waited_for_until_it_is_no_older_than_the_bound(copy: Cancels, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cancels_module, "LOOK_S", 0.0)
    signs = 0

    def alive() -> None:
        nonlocal signs
        signs += 1
        if signs == 3:
            copy._current(0, time.monotonic())

    copy._current(0, time.monotonic() - FRESH_S)
    copy._current(1, time.monotonic())
    await asyncio.wait_for(copy.current(0, alive=alive), 10)
    await asyncio.wait_for(copy.current(0, alive=alive), 10)
    assert signs == 3
