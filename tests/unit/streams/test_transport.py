"""What the consumer does in a rebalance that meets a stop, when Faust tells nobody."""

from types import SimpleNamespace
from typing import Any

import pytest
from faust.transport.drivers import aiokafka
from faust.types import TP

from streams.transport import LogConsumer

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
