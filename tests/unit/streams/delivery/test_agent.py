"""The delivery step: who is read when, and what is told."""

import asyncio
from collections.abc import Callable, Sequence
from typing import cast

import pytest

from providers.base import Accepted, AnyProvider, Declaration, Message, Outcome
from providers.catalogue import Templates
from providers.sender import Sender
from schemas.records import DeadLetter, DeliverBatch, Output, Record, StatusBatch
from schemas.topics import DLQ, STATUS, deliver_topic
from streams.delivery.agent import INTENT_MS, DeliveryStep
from streams.delivery.call import AHEAD, Caller
from streams.policy.policy import load_policy
from streams.profiles.replica import ProfileReplica
from streams.profiles.stored import NOBODY, Known
from streams.step.log import LogWriter
from streams.step.model import Effects, Input
from streams.step.partition import StepPartition
from streams.step.store import Store
from streams.step.turns import Turns
from tests.unit.streams.make import NOW, batch, codec, profile
from tests.unit.streams.step.sim import Chaos, World

CODEC = codec()
TOPIC = deliver_topic("push", "normal")


class Replica:
    """Everybody has a device, until they opt out."""

    def __init__(self) -> None:
        self.out: set[str] = set()
        self.reads: list[str] = []
        self.after_read: Callable[[], None] = lambda: None

    async def current(self, partition: int, *, alive: Callable[[], None], offset: int = -1) -> None:
        """As soon as it is asked."""

    def get_many(self, partition: int, users: Sequence[str]) -> list[Known]:
        self.reads += users
        known = [NOBODY if user == "nobody" else Known(profile(user, channels=[] if user in self.out else ["push"]), 7) for user in users]
        self.after_read()
        return known


class Gated:
    """A provider that answers when it is let."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.sent: list[str] = []

    async def send_all(self, provider: AnyProvider, messages: Sequence[Message]) -> list[Outcome]:
        self.sent += [message.user_id for message in messages]
        await self.gate.wait()
        return [Accepted("p") for _ in messages]


class Provider:
    declaration = Declaration(name="sim", channel="push", batch_size=2, concurrency=1)


class Bench:
    def __init__(self) -> None:
        self.world, self.replica, self.provider = World(Chaos()), Replica(), Gated()
        self.now = NOW
        self.step = DeliveryStep(
            TOPIC, cast(AnyProvider, Provider()), Caller(cast(Sender, self.provider)), Templates.load(), CODEC, lambda: self.now,
            load_policy(), cast(ProfileReplica, self.replica), Turns(),
        )  # fmt: skip
        store, log = cast(Store, self.world), cast(LogWriter, self.world)
        self.part = StepPartition(0, self.step.tables, store, log, lambda reason: pytest.fail(reason), stall_s=1e9)

    def handle(self, *records: Record | bytes) -> "asyncio.Task[Effects]":
        inputs = [self.input(offset, record) for offset, record in enumerate(records)]
        return asyncio.create_task(self.step.handle(self.part, inputs))

    @staticmethod
    def input(offset: int, record: Record | bytes) -> Input:
        key = record.batch_id.encode() if isinstance(record, DeliverBatch) else b"k"
        return Input(TOPIC, 0, offset, NOW, key, CODEC.encode(record) if isinstance(record, Record) else record, {})


def told(outputs: Sequence[Output]) -> dict[str, list[str]]:
    """Batch to the status of each of its recipients."""
    statuses = [CODEC.decode(output.value, StatusBatch) for output in outputs if output.topic == STATUS]
    return {one.batch_id: [one.outcomes[number].status for number in one.outcome_of] for one in statuses}


async def spin() -> None:
    for _ in range(60):
        await asyncio.sleep(0)


async def test_who_waits_for_the_provider_is_read_when_its_turn_comes() -> None:
    """An opt-out while a slow provider keeps a batch waiting is honoured: no profile is read before there is a slot."""
    bench = Bench()
    names = [f"u{number}" for number in range(AHEAD + 1)]
    task = bench.handle(*[batch(name, batch_id=f"b-{name}") for name in names])
    await spin()
    assert bench.provider.sent == bench.replica.reads == names[:AHEAD]
    assert set(bench.world.latest("notify.ledger.push.normal")) == {f"b-{name}".encode() for name in names[:AHEAD]}
    bench.replica.out.add(names[-1])
    bench.provider.gate.set()
    statuses = told((await task).outputs)
    assert statuses == {f"b-{name}": ["sent"] for name in names[:AHEAD]} | {f"b-{names[-1]}": ["suppressed"]}
    assert bench.provider.sent == names[:AHEAD]


async def test_a_batch_goes_slice_by_slice_each_with_its_intent() -> None:
    bench = Bench()
    bench.provider.gate.set()
    statuses = told((await bench.handle(batch("u0", "u1", "u2", "nobody", "u3"))).outputs)
    assert statuses == {"b-1": ["sent", "sent", "sent", "suppressed", "sent"]}
    assert bench.provider.sent == ["u0", "u1", "u2", "u3"]
    ledger = [CODEC.decode_any(record.value_).fields for record in bench.world.records("notify.ledger.push.normal")]
    assert [(entry["intended"], entry["done"]) for entry in ledger] == [(2, 0), (4, 2), (5, 4), (5, 5)]


@pytest.mark.parametrize(("took_ms", "sent"), [(INTENT_MS, ["u0"]), (INTENT_MS + 1, []), (-1, [])])
async def test_opinions_are_read_again_when_the_intent_took_long(took_ms: int, sent: list[str]) -> None:
    bench = Bench()
    bench.provider.gate.set()

    def meanwhile() -> None:
        if len(bench.replica.reads) == 1:
            bench.now += took_ms
            bench.replica.out.add("u0")

    bench.replica.after_read = meanwhile
    statuses = told((await bench.handle(batch("u0"))).outputs)
    assert statuses == {"b-1": ["sent" if sent else "suppressed"]}
    assert bench.provider.sent == sent


async def test_nobody_to_send_to_needs_no_intent() -> None:
    bench = Bench()
    statuses = told((await bench.handle(batch("nobody"))).outputs)
    assert statuses == {"b-1": ["suppressed"]}
    assert len(bench.world.records("notify.ledger.push.normal")) == 1


async def test_bad_batches_are_kept_and_the_others_sent() -> None:
    bench = Bench()
    bench.provider.gate.set()
    effects = await bench.handle(b"garbage", batch("u0", category="spam", batch_id="b-2"), batch("u1", batch_id="b-3"))
    letters = [CODEC.decode(output.value, DeadLetter) for output in effects.outputs if output.topic == DLQ]
    assert sorted((letter.offset, letter.reason) for letter in letters) == [(0, "bad_magic"), (1, "unknown_category")]
    assert told(effects.outputs) == {"b-3": ["sent"]}
    assert {letter.step for letter in letters} == {"deliver.push.normal"}


async def test_the_same_batch_twice_is_sent_once() -> None:
    bench = Bench()
    bench.provider.gate.set()
    effects = await bench.handle(batch("u0"), batch("u0"))
    assert told(effects.outputs) == {"b-1": ["sent"]}
    assert bench.provider.sent == ["u0"]
    assert len(effects.outputs) == 1
