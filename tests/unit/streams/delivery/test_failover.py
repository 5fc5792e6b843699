"""Two providers of one channel: what one can't send goes to the other, and nothing that may have been sent does."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from typing import cast

import httpx
import pytest

from providers.base import Accepted, AnyProvider, Declaration, Message, Outcome, Rejected, Throttled, Unavailable, Unknown
from providers.catalogue import Templates
from providers.features import FEATURES
from providers.registry import Route
from providers.sender import Sender
from schemas.records import DeliverBatch, Device, LedgerEntry, Priority, StatusBatch
from streams.delivery.agent import DeliveryStep
from streams.delivery.call import Caller
from streams.delivery.shares import Shares, Standing
from streams.profiles.replica import ProfileReplica
from streams.profiles.stored import Known
from streams.step.lease import Lease
from streams.step.log import LogWriter
from streams.step.model import Input
from streams.step.partition import StepPartition
from streams.step.store import Store
from streams.step.turns import Turns
from tests.unit.streams.delivery.test_agent import CODEC, POLICY, TOPIC, Replica, spin
from tests.unit.streams.make import NOW, batch, profile
from tests.unit.streams.step.sim import Chaos, World
from tests.unit.streams.step.test_crashes import NONE_CANCELLED

USERS = [f"u{number}" for number in range(20)]
DOWN = Unavailable("down")


class Two(Replica):
    """Everybody has two devices."""

    def get_many(self, partition: int, users: Sequence[str]) -> list[Known]:
        devices = [Device("ios", "first"), Device("ios", "second")]
        return [Known(one.profile and profile(one.profile.user_id, devices=devices), 7) for one in super().get_many(partition, users)]


class Fake:
    """A provider that answers as it is told, and keeps what it took."""

    def __init__(self, name: str, *, repeatable: bool = False) -> None:
        self.declaration = Declaration(name=name, channel="push", carries=FEATURES, batch_size=100, repeatable=repeatable)
        self.asked: list[str] = []
        self.took: list[str] = []
        self.answer: Callable[[Message], Outcome] = lambda message: Accepted(f"{name}-{message.user_id}")
        self.gate = asyncio.Event()
        self.gate.set()

    async def deliver(self, messages: Sequence[Message]) -> list[Outcome]:
        self.asked += [message.user_id for message in messages]
        answers = [self.answer(message) for message in messages]
        self.took += [message.message_id for message, one in zip(messages, answers, strict=True) if isinstance(one, Accepted | Unknown)]
        await self.gate.wait()
        return answers


class Bench:
    def __init__(self, replica: Replica | None = None) -> None:
        self.world, self.replica, self.now, self.offset = World(Chaos()), replica or Replica(), NOW, -1
        self.a, self.b = Fake("a"), Fake("b")
        self.start()

    def start(self) -> None:
        """A process, also in the place of one that was killed: it knows nothing of how providers do."""
        self.standing = Standing(lambda: self.now)
        self.shares = Shares({one.declaration.name: Route(cast(AnyProvider, one)) for one in (self.a, self.b)}, self.standing)
        sender = Sender(cast(httpx.AsyncBaseTransport, None), self.standing)
        self.step = DeliveryStep(
            TOPIC, self.shares, Caller(sender), Templates.load(), CODEC, lambda: self.now, lambda: POLICY,
            cast(ProfileReplica, self.replica), NONE_CANCELLED, Turns(),
        )  # fmt: skip
        store, log = cast(Store, self.world), cast(LogWriter, self.world)
        self.part = StepPartition(0, self.step.tables, store, log, lambda reason: pytest.fail(reason), Lease(1e9))

    async def deliver(self, one: DeliverBatch, offset: int | None = None) -> StatusBatch:
        self.offset += 1
        record = Input(TOPIC, 0, self.offset if offset is None else offset, self.now, one.batch_id.encode(), CODEC.encode(one), {})
        (output,) = (await self.step.handle(self.part, [record])).outputs
        return CODEC.decode(output.value, StatusBatch)

    async def killed_in_the_call(self, one: DeliverBatch) -> None:
        """The providers have the batch, and its process ends before it hears so."""
        self.a.gate.clear()
        self.b.gate.clear()
        task = asyncio.create_task(self.deliver(one))
        await spin()
        task.cancel()
        await asyncio.wait({task})
        self.a.gate.set()
        self.b.gate.set()

    def ledger(self) -> list[LedgerEntry]:
        return [CODEC.decode(record.value_ or b"", LedgerEntry) for record in self.world.records("notify.ledger.push.normal")]


def by(told: StatusBatch) -> dict[str, tuple[str, str]]:
    """By user: the status, and who was called."""
    names = [told.providers[number] for number in told.provider_of] or [told.provider] * len(told.users)
    return {user: (told.outcomes[k].status, name) for user, k, name in zip(told.users, told.outcome_of, names, strict=True)}


async def test_a_batch_is_split_and_its_status_says_by_whom_each_was_sent() -> None:
    bench = Bench()
    told = await bench.deliver(batch(*USERS))
    assert sorted(bench.a.asked + bench.b.asked) == sorted(USERS)
    assert by(told) == {user: ("sent", name) for name, one in (("a", bench.a), ("b", bench.b)) for user in one.asked}
    assert {name for _, name in by(told).values()} == {"a", "b"}
    assert told.provider_message_ids == [f"{name}-{user}" for user, (_, name) in by(told).items()]


@pytest.mark.parametrize("answer", [DOWN, Throttled(5)])
async def test_what_one_can_not_send_the_other_does(answer: Outcome) -> None:
    bench = Bench()
    bench.a.answer = lambda message: answer
    told = await bench.deliver(batch(*USERS))
    assert by(told) == dict.fromkeys(USERS, ("sent", "b"))
    assert (told.provider, told.provider_of) == ("b", [])
    assert sorted(bench.b.asked) == sorted(USERS)
    assert bench.a.asked
    first, second, last = (entry for entry in bench.ledger())
    assert set(first.providers) == {"a", "b"}
    assert (second.provider, second.intended, second.done) == ("b", 20, 0), "the other's intent was durable before it was called"
    assert last.finished_at is not None


async def test_when_none_can_it_failed_once_each_was_asked_once() -> None:
    bench = Bench()
    bench.a.answer = bench.b.answer = lambda message: DOWN
    told = await bench.deliver(batch(*USERS))
    assert {status for status, _ in by(told).values()} == {"failed"}
    assert Counter(bench.a.asked) == Counter(bench.b.asked) == Counter(USERS)


@pytest.mark.parametrize("answer", [Unknown("cut"), Rejected("unregistered")])
async def test_what_may_have_been_sent_or_is_refused_for_good_goes_nowhere_else(answer: Outcome) -> None:
    bench = Bench()
    bench.a.answer = bench.b.answer = lambda message: answer
    await bench.deliver(batch(*USERS))
    assert sorted(bench.a.asked + bench.b.asked) == sorted(USERS)


@pytest.mark.parametrize("other", [Accepted("x"), Unknown("cut")])
async def test_nor_does_who_has_a_device_that_may_have_been_reached(other: Outcome) -> None:
    bench = Bench(Two())
    bench.a.answer = bench.b.answer = lambda message: other if message.address == "first" else DOWN
    told = await bench.deliver(batch(*USERS))
    assert sorted(bench.a.asked + bench.b.asked) == sorted(USERS * 2)
    assert {status for status, _ in by(told).values()} == {"sent" if isinstance(other, Accepted) else "unknown"}


async def test_opinions_are_read_again_before_the_other_is_asked() -> None:
    bench = Bench()

    def refuses(message: Message) -> Outcome:
        bench.replica.out.add(message.user_id)
        return DOWN

    bench.a.answer = refuses
    told = await bench.deliver(batch(*USERS))
    assert {status for status, name in by(told).values() if name == "b"} == {"sent", "suppressed"}
    assert not set(bench.a.asked) & set(bench.b.asked)


async def test_after_a_crash_who_may_have_been_reached_is_asked_again_where_they_were() -> None:
    """Critical ones are sent to again: by the provider the ledger names, though it has lost its weight."""
    bench = Bench()
    one = batch(*USERS, priority=Priority.CRITICAL)
    await bench.killed_in_the_call(one)
    first = {"a": list(bench.a.asked), "b": list(bench.b.asked)}
    bench.start()
    for _ in range(3):
        bench.standing.heard("a", [DOWN] * 100, 1)
        bench.now += 10_000
    assert bench.shares.chosen((f"b-1.{number}" for number in range(20)), []).count("a") == 1 < len(first["a"])
    told = await bench.deliver(one, offset=0)
    assert (bench.a.asked, bench.b.asked) == (first["a"] * 2, first["b"] * 2)
    assert told.attempt == 2


async def test_and_elsewhere_only_where_policy_has_it_made_again() -> None:
    bench = Bench()
    one = batch(*USERS, priority=Priority.CRITICAL)
    await bench.killed_in_the_call(one)
    gone = set(bench.a.asked)
    bench.start()
    bench.a.answer = lambda message: DOWN
    assert by(await bench.deliver(one, offset=0)) == dict.fromkeys(USERS, ("sent", "b"))
    assert gone <= set(bench.b.asked)


async def test_whose_attempt_is_in_doubt_goes_nowhere_else_without_it() -> None:
    """Its providers were made repeatable meanwhile: so it is made again, but policy says nothing of another provider."""
    bench = Bench()
    one = batch(*USERS)
    await bench.killed_in_the_call(one)
    asked = set(bench.a.asked)
    bench.a, bench.b = Fake("a", repeatable=True), Fake("b", repeatable=True)
    bench.a.answer = lambda message: DOWN
    bench.start()
    told = by(await bench.deliver(one, offset=0))
    assert {user for user, end in told.items() if end == ("unknown", "a")} == asked == set(bench.a.asked)
    assert set(bench.b.asked) == set(USERS) - asked


async def test_a_provider_that_dies_loses_its_share_and_gets_it_back_and_nobody_is_told_twice() -> None:
    """40 messages every 10 s for 10 minutes; one provider is dead in the second minute and the third. Hardly asked, it is back in six."""
    bench = Bench()
    shares: list[float] = []
    for tens in range(60):
        bench.a.answer = (lambda message: DOWN) if 6 <= tens < 18 else lambda message: Accepted("a")
        bench.a.asked.clear()
        for number in range(4):
            told = await bench.deliver(batch(*USERS[:10], batch_id=f"b-{tens}-{number}"))
            assert {status for status, _ in by(told).values()} == {"sent"}
        shares.append(len(bench.a.asked) / 40)
        bench.now += 10_000
    took = Counter(bench.a.took + bench.b.took)
    assert len(took) == 60 * 40
    assert set(took.values()) == {1}
    assert 0.35 < sum(shares[:6]) / 6 < 0.65
    assert sum(shares[9:18]) / 9 < 0.1
    assert 0.35 < sum(shares[-6:]) / 6 < 0.65
