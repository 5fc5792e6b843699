"""The delivery step: who is read when, and what is told."""

import asyncio
from collections.abc import Callable, Sequence
from typing import cast

import msgspec
import pytest

from providers.base import Accepted, AnyProvider, Declaration, Message, Outcome, Rejected, Throttled, Unavailable, Unknown
from providers.catalogue import Templates
from providers.features import FEATURES
from providers.sender import Sender
from schemas.records import ChannelEnded, DeadLetter, DeliverBatch, LedgerEntry, Output, Priority, Profile, QuietHours, Record, StatusBatch
from schemas.topics import DLQ, FANOUT_URGENT, STATUS, deliver_topic
from streams.delivery.agent import DeliveryStep
from streams.delivery.call import AHEAD, Caller
from streams.delivery.cancels import Cancels
from streams.delivery.slices import INTENT_MS
from streams.policy.loader import load_policy
from streams.profiles.replica import ProfileReplica
from streams.profiles.stored import NOBODY, Known
from streams.step.lease import Lease
from streams.step.log import LogWriter
from streams.step.model import Effects, Input
from streams.step.partition import StepPartition
from streams.step.store import Store
from streams.step.turns import Turns
from tests.unit.streams.make import NID, NOW, batch, codec, profile, shares
from tests.unit.streams.step.sim import Chaos, World

CODEC = codec()
POLICY = load_policy()
TOPIC = deliver_topic("push", "normal")


class Replica:
    """Everybody has a device, until they opt out."""

    def __init__(self) -> None:
        self.out: set[str] = set()
        self.quiet: dict[str, QuietHours] = {}
        self.reads: list[str] = []
        self.after_read: Callable[[], None] = lambda: None

    async def current(self, partition: int, *, alive: Callable[[], None], offset: int = -1) -> None:
        """As soon as it is asked."""

    def get_many(self, partition: int, users: Sequence[str]) -> list[Known]:
        self.reads += users
        known = [NOBODY if user == "nobody" else Known(self._profile(user), 7) for user in users]
        self.after_read()
        return known

    def _profile(self, user: str) -> Profile:
        return profile(user, channels=[] if user in self.out else ["push"], quiet_hours=self.quiet.get(user))


class Cancelled:
    """The campaigns of somebody who changes their mind."""

    def __init__(self) -> None:
        self.ids: set[str] = set()

    async def current(self, partition: int, *, alive: Callable[[], None]) -> None:
        """As soon as it is asked."""

    def has(self, partition: int, notification_id: str) -> bool:
        return notification_id in self.ids


class Gated:
    """A provider that answers when it is let."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.sent: list[str] = []
        self.words: dict[str, str] = {}
        self.answer: Outcome = Accepted("p")

    async def send_all(self, provider: AnyProvider, messages: Sequence[Message]) -> list[Outcome]:
        self.sent += [message.user_id for message in messages]
        self.words |= {message.user_id: message.body for message in messages}
        await self.gate.wait()
        return [self.answer for _ in messages]


class Provider:
    def __init__(self, batch_size: int) -> None:
        self.declaration = Declaration(name="sim", channel="push", carries=FEATURES, batch_size=batch_size, concurrency=1)


class Bench:
    def __init__(self) -> None:
        self.world, self.replica, self.provider, self.cancelled = World(Chaos()), Replica(), Gated(), Cancelled()
        self.now = NOW
        self.start()

    def start(self, batch_size: int = 2) -> None:
        """A process, also in the place of one that was killed."""
        self.step = DeliveryStep(
            TOPIC, shares(cast(AnyProvider, Provider(batch_size))), Caller(cast(Sender, self.provider)), Templates.load(), CODEC,
            lambda: self.now, lambda: POLICY, cast(ProfileReplica, self.replica), cast(Cancels, self.cancelled), Turns(),
        )  # fmt: skip
        store, log = cast(Store, self.world), cast(LogWriter, self.world)
        self.part = StepPartition(0, self.step.tables, store, log, lambda reason: pytest.fail(reason), Lease(1e9))

    def handle(self, *records: Record | bytes) -> "asyncio.Task[Effects]":
        inputs = [self.input(offset, record) for offset, record in enumerate(records)]
        return asyncio.create_task(self.step.handle(self.part, inputs))

    @staticmethod
    def input(offset: int, record: Record | bytes) -> Input:
        key = record.batch_id.encode() if isinstance(record, DeliverBatch) else b"k"
        return Input(TOPIC, 0, offset, NOW, key, CODEC.encode(record) if isinstance(record, Record) else record, {})

    async def killed_in_the_call(self, one: DeliverBatch) -> None:
        """The provider has the first slice of a batch, and its process ends before it hears so."""
        task = self.handle(one)
        await spin()
        task.cancel()
        await asyncio.wait({task})
        self.provider.gate.set()

    def ledger(self) -> list[LedgerEntry]:
        """All that was written to it."""
        return [CODEC.decode(record.value_ or b"", LedgerEntry) for record in self.world.records("notify.ledger.push.normal")]


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


async def test_each_is_told_with_the_data_of_their_own() -> None:
    bench = Bench()
    bench.provider.gate.set()
    own = [{"total": "1.00"}, {}, {"total": "3.00"}, {"colour": "red"}]
    statuses = told((await bench.handle(msgspec.structs.replace(batch("u0", "u1", "u2", "u3"), data=own))).outputs)
    assert statuses == {"b-1": ["sent", "sent", "sent", "failed"]}
    assert [next(total for total in ("1.00", "9.99", "3.00") if total in words) for words in bench.provider.words.values()] == [
        "1.00",
        "9.99",
        "3.00",
    ]


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


async def test_who_waits_for_the_provider_when_the_campaign_is_cancelled_is_told_so() -> None:
    """Also in the middle of a batch: who is sent to stays so."""
    bench = Bench()
    first, other = batch("u0", "u1", "u2", "nobody"), batch("u3", batch_id="b-2", notification_id="another")
    task = bench.handle(first, other)
    await spin()
    bench.cancelled.ids.add(NID)
    bench.provider.gate.set()
    statuses = told((await task).outputs)
    assert statuses == {"b-1": ["sent", "sent", "cancelled", "cancelled"], "b-2": ["sent"]}
    assert bench.provider.sent == ["u0", "u1", "u3"]
    assert CODEC.decode_any(bench.world.latest("notify.ledger.push.normal")[b"b-1"]).fields["outcomes"][1] == {
        "status": "cancelled", "reason": "cancelled", "detail": "",
    }  # fmt: skip


def opts_out(bench: Bench) -> None:
    bench.replica.out.add("u0")


def is_cancelled(bench: Bench) -> None:
    bench.cancelled.ids.add(NID)


def time_passes(bench: Bench) -> None:
    bench.now = NOW + 1000


def answers(answer: Outcome) -> Callable[[Bench], None]:
    def meanwhile(bench: Bench) -> None:
        bench.provider.answer = answer

    return meanwhile


MEANWHILE = {
    "suppressed (channel_disabled)": opts_out,
    "cancelled (cancelled)": is_cancelled,
    "expired (expired)": time_passes,
    "failed (unregistered)": answers(Rejected("unregistered")),
    "failed (provider_unavailable)": answers(Unavailable("down")),
    "failed (provider_throttled)": answers(Throttled()),
}


@pytest.mark.parametrize("batch_size", [1, 2])
@pytest.mark.parametrize("became", MEANWHILE)
async def test_who_may_have_been_reached_and_is_not_sent_to_again_is_unknown(became: str, batch_size: int) -> None:
    """Whatever speaks against the repeat does not speak against the attempt that was on its way when its process died."""
    bench = Bench()
    one = batch("u0", priority=Priority.CRITICAL, expires_at=NOW + 1000)
    bench.start(batch_size)
    await bench.killed_in_the_call(one)
    assert bench.provider.sent == ["u0"]
    MEANWHILE[became](bench)
    bench.start(batch_size)
    effects = await bench.handle(one)
    assert told(effects.outputs) == {"b-1": ["unknown"]}
    (outcome,) = bench.ledger()[-1].outcomes
    assert (outcome.reason, bench.ledger()[-1].attempt) == ("crashed_in_flight", 2)
    assert outcome.detail.endswith(f"not sent again: {became}")


@pytest.mark.parametrize(("answer", "reason"), [(Accepted("again"), ""), (Unknown("cut"), "no_answer")])
async def test_a_repeat_that_was_sent_or_may_have_been_is_told_as_it_is(answer: Outcome, reason: str) -> None:
    bench = Bench()
    one = batch("u0", priority=Priority.CRITICAL)
    await bench.killed_in_the_call(one)
    answers(answer)(bench)
    bench.start()
    effects = await bench.handle(one)
    assert told(effects.outputs) == {"b-1": ["unknown" if reason else "sent"]}
    assert [outcome.reason for outcome in bench.ledger()[-1].outcomes] == [reason]
    assert bench.provider.sent == ["u0", "u0"]


async def test_the_doubt_outlives_smaller_slices_and_another_death() -> None:
    """The first process took four at once; those after it two, and the next one dies again before it comes to the last two."""
    bench = Bench()
    one = batch("u0", "u1", "u2", "u3", "u4", priority=Priority.CRITICAL)
    bench.start(batch_size=4)
    await bench.killed_in_the_call(one)
    bench.start()
    bench.provider.gate.clear()
    await bench.killed_in_the_call(one)
    bench.replica.out |= {"u1", "u3", "u4"}
    bench.start()
    effects = await bench.handle(one)
    assert told(effects.outputs) == {"b-1": ["sent", "unknown", "sent", "unknown", "suppressed"]}
    assert bench.provider.sent == ["u0", "u1", "u2", "u3", "u0", "u1", "u0", "u2"]


@pytest.mark.parametrize(("answer", "followed", "ended"), [(Rejected("x"), True, 1), (Rejected("x"), False, 0), (Accepted("p"), True, 0)])
async def test_the_lane_is_told_beside_the_status_and_again_in_the_same_bytes(answer: Outcome, followed: bool, ended: int) -> None:
    bench = Bench()
    bench.provider.gate.set()
    bench.provider.answer = answer
    one = msgspec.structs.replace(batch("u0", "nobody", priority=Priority.CRITICAL), followed=followed)
    outputs = (await bench.handle(one)).outputs
    lane = [output for output in outputs if output.topic == FANOUT_URGENT]
    assert [output.topic for output in outputs] == [STATUS, *[FANOUT_URGENT] * bool(followed)]
    for output in lane:
        said = CODEC.decode(output.value, ChannelEnded)
        assert said.users == ["u0", "nobody"][1 - ended :]
        assert (output.partition, output.key, said.batch_id) == (0, one.notification.notification_id.encode(), "b-1")
    assert (await bench.handle(one)).outputs == outputs
