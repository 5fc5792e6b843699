"""Who of a batch was not told, as the lane that counted them hears of it."""

from collections.abc import Sequence

import msgspec
import pytest

from providers.base import Rejected
from schemas.records import DeliverBatch, LedgerEntry, Outcome, Output, Priority, SendsEnded
from schemas.topics import FANOUT
from streams.delivery.ended import ended_of
from streams.delivery.ledger import Result, opened, recorded
from tests.unit.streams.delivery.test_agent import CODEC, Bench, spin, told
from tests.unit.streams.make import NID, NOW, batch

USERS = ["ann", "bob", "cid", "dan", "eve"]
STATUSES = ["sent", "failed", "unknown", "suppressed", "cancelled"]
COUNTED = msgspec.structs.replace(batch(*USERS), fanout_offset=9, counted_on=[1, 2, 3, 1, 2])


def entry(statuses: Sequence[str]) -> LedgerEntry:
    return recorded(opened(None, 0), [Result(Outcome(status), "", 7) for status in statuses], ["sim"] * len(statuses))


def test_they_are_those_who_certainly_were_not() -> None:
    users = ["bob", "dan", "eve"]
    assert ended_of(COUNTED, entry(STATUSES)) == SendsEnded(NID, 9, "transactional", "push", users, [2, 1, 2], NOW)


@pytest.mark.parametrize("statuses", [["sent"] * 5, ["unknown"] * 5])
def test_nothing_is_said_when_all_were_or_may_have_been(statuses: list[str]) -> None:
    assert ended_of(COUNTED, entry(statuses)) is None


def test_nothing_is_said_of_what_did_not_count() -> None:
    """Critical ones, and batches of before there was that field."""
    assert ended_of(batch(*USERS, priority=Priority.CRITICAL), entry(STATUSES)) is None


def ends(outputs: Sequence[Output]) -> list[SendsEnded]:
    return [CODEC.decode(output.value, SendsEnded) for output in outputs if output.topic == FANOUT]


async def test_it_is_told_with_the_status_and_again_in_the_same_bytes() -> None:
    bench = Bench()
    bench.provider.gate.set()
    bench.provider.answer = Rejected("unregistered")
    one: DeliverBatch = msgspec.structs.replace(batch("u0", "nobody"), counted_on=[1, 2])
    effects = await bench.handle(one)
    assert told(effects.outputs) == {"b-1": ["failed", "suppressed"]}
    assert ends(effects.outputs) == [SendsEnded(NID, 0, "transactional", "push", ["u0", "nobody"], [1, 2], NOW)]
    bench.start()
    assert (await bench.handle(one)).outputs == effects.outputs


async def test_whom_a_process_that_died_may_have_reached_is_given_nothing_back() -> None:
    bench = Bench()
    one: DeliverBatch = msgspec.structs.replace(batch("u0", "u1", "nobody"), counted_on=[1, 1, 1])
    await bench.killed_in_the_call(one)
    bench.start()
    effects = await bench.handle(one)
    await spin()
    assert told(effects.outputs) == {"b-1": ["unknown", "unknown", "suppressed"]}
    assert [end.users for end in ends(effects.outputs)] == [["nobody"]]
