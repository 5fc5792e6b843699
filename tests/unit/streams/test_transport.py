"""What the consumer does in a rebalance that meets a stop, when Faust tells nobody."""

import inspect
import time
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.errors import KafkaError
from faust.transport.drivers import aiokafka
from faust.types import TP

from streams.step.lease import Lease
from streams.transport import LogConsumer, note_heartbeats

PLACE = TP("t", 0)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is called, in order."""
    calls: list[str] = []

    async def revoked(self: Any, revoked: set[TP]) -> None:
        calls.append("faust")

    monkeypatch.setattr(aiokafka.Consumer, "on_partitions_revoked", revoked)
    return calls


def consumer(told: list[str], stopping: bool) -> Any:
    async def give_up() -> None:
        told.append("give up")

    made: Any = object.__new__(LogConsumer)
    made.app = SimpleNamespace(should_stop=stopping)
    made.transport = SimpleNamespace(give_up=give_up)
    made._fetching = SimpleNamespace(begin=lambda positions: told.append(f"fetch {positions}"))
    made._unacked_messages = {"waits"}
    return made


async def test_who_stops_gives_up_before_the_others_have_its_partitions(told: list[str]) -> None:
    made = consumer(told, stopping=True)
    await made.on_partitions_revoked({PLACE})
    assert told == ["fetch {}", "give up", "faust"]
    assert made._unacked_messages == set()


async def test_who_does_not_stop_leaves_it_to_faust(told: list[str]) -> None:
    made = consumer(told, stopping=False)
    await made.on_partitions_revoked({PLACE})
    assert told == ["fetch {}", "faust"]
    assert made._unacked_messages == {"waits"}


class Coordinator:
    """Answers heartbeats as the test says."""

    answer: bool | Exception = True

    async def _do_heartbeat(self) -> bool:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


async def test_only_a_heartbeat_that_is_answered_well_proves_the_lease() -> None:
    coordinator: Any = Coordinator()
    lease = Lease(30.0)
    note_heartbeats(coordinator, lease)
    lease.prove(time.monotonic() - 25.0)
    coordinator.answer = False
    assert not await coordinator._do_heartbeat()
    assert lease.lapsed()
    coordinator.answer = KafkaError("fenced")
    with pytest.raises(KafkaError):
        await coordinator._do_heartbeat()
    assert lease.lapsed()
    coordinator.answer = True
    assert await coordinator._do_heartbeat()
    assert not lease.lapsed()


def test_aiokafka_sends_heartbeats_as_we_know_it() -> None:
    """What is wrapped is private: an upgrade that renames it must not go unnoticed."""
    assert inspect.iscoroutinefunction(GroupCoordinator._do_heartbeat)
    assert "_do_heartbeat()" in inspect.getsource(GroupCoordinator._heartbeat_routine)
