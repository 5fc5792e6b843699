"""A route that is several providers by platform: one provider for ledger and status, and each device by its own."""

from collections.abc import Sequence
from typing import cast

import httpx
import pytest

from providers.base import Accepted, Declaration, Message, Outcome, Rejected, Throttled, Unavailable
from providers.catalogue import Templates
from providers.features import FEATURES
from providers.platforms import Platforms
from providers.registry import Route
from providers.sender import Sender
from schemas.records import Device, LedgerEntry, Profile, StatusBatch
from schemas.topics import STATUS
from streams.delivery.agent import DeliveryStep
from streams.delivery.call import Caller
from streams.delivery.cancels import Cancels
from streams.delivery.shares import Shares, Standing
from streams.profiles.replica import ProfileReplica
from streams.routing.breaker import COOLEST_MS, FAILURES
from streams.step.lease import Lease
from streams.step.log import LogWriter
from streams.step.partition import StepPartition
from streams.step.store import Store
from streams.step.turns import Turns
from tests.unit.streams.delivery.test_agent import CODEC, POLICY, TOPIC, Bench, Cancelled, Replica
from tests.unit.streams.make import NOW, batch, profile
from tests.unit.streams.step.sim import Chaos, World

DEVICES = {
    "ann": [Device("ios", "ann-phone")],
    "bob": [Device("android", "bob-phone")],
    "cid": [Device("ios", "gone"), Device("android", "cid-phone")],
    "dan": [Device("symbian", "dan-phone")],
    "eve": [Device("ios", "gone")],
}


class Devices(Replica):
    """Everybody has the devices of the table."""

    def _profile(self, user: str) -> Profile:
        return profile(user, devices=DEVICES[user])


class Part:
    """One message a request; knows what it was asked to send."""

    auth: httpx.Auth | None = None

    def __init__(self, name: str) -> None:
        self.declaration = Declaration(name=name, channel="push", carries=FEATURES)
        self.sent: list[Message] = []
        self.down = False
        self.answer: Outcome | None = None

    def build(self, messages: Sequence[Message]) -> httpx.Request:
        self.sent += messages
        return httpx.Request("POST", "https://part.test/")

    def parse(self, messages: Sequence[Message], response: httpx.Response) -> list[Outcome]:
        (message,) = messages
        if self.down or self.answer:
            return [self.answer or Unavailable("down")]
        return [Rejected("unregistered", address_dead=True) if message.address == "gone" else Accepted(message.address)]


class Phones(Bench):
    """Two parts behind the one provider of the channel, and the real sender."""

    def __init__(self) -> None:
        self.world, self.replica, self.cancelled, self.now = World(Chaos()), Devices(), Cancelled(), NOW
        self.apple, self.google = Part("apns"), Part("fcm")
        native = Platforms("push", {"ios": self.apple, "android": self.google}, name="native")
        self.standing = Standing(lambda: self.now)
        self.sender = Sender(httpx.MockTransport(lambda request: httpx.Response(200)), self.standing)
        self.step = DeliveryStep(
            TOPIC, Shares({"native": Route(native)}, self.standing), Caller(self.sender), Templates.load(), CODEC, lambda: self.now,
            lambda: POLICY, cast(ProfileReplica, self.replica), cast(Cancels, self.cancelled), Turns(),
        )  # fmt: skip
        store, log = cast(Store, self.world), cast(LogWriter, self.world)
        self.part = StepPartition(0, self.step.tables, store, log, lambda reason: pytest.fail(reason), Lease(1e9))

    async def told(self, *users: str, batch_id: str = "b-1") -> StatusBatch:
        effects = await self.handle(batch(*users, batch_id=batch_id))
        (status,) = [CODEC.decode(output.value, StatusBatch) for output in effects.outputs if output.topic == STATUS]
        return status


def outcomes(status: StatusBatch) -> list[tuple[str, str]]:
    return [(status.outcomes[number].status, status.outcomes[number].reason) for number in status.outcome_of]


async def test_each_device_is_reached_by_its_platform_and_the_route_is_what_is_told() -> None:
    phones = Phones()
    status = await phones.told("ann", "bob", "cid", "dan", "eve")
    assert outcomes(status) == [
        ("sent", ""),
        ("sent", ""),
        ("sent", ""),
        ("failed", "unsupported_content"),
        ("failed", "unregistered"),
    ]
    assert (status.provider, status.providers) == ("native", [])
    assert status.provider_message_ids == ["ann-phone", "bob-phone", "cid-phone", "", ""]
    assert sorted(message.address for message in phones.apple.sent) == ["ann-phone", "gone", "gone"]
    assert sorted(message.address for message in phones.google.sent) == ["bob-phone", "cid-phone"]
    assert {entry.provider for entry in phones.ledger()} <= {"", "native"}


async def test_all_of_a_slice_are_under_one_intent() -> None:
    phones = Phones()
    await phones.told("ann", "bob", "cid")
    ledger: list[LedgerEntry] = phones.ledger()
    assert [(entry.intended, entry.done) for entry in ledger] == [(3, 0), (3, 3)]


async def test_a_part_that_is_down_fails_its_own_alone() -> None:
    phones = Phones()
    phones.apple.down = True
    status = await phones.told("ann", "bob", "cid")
    assert outcomes(status) == [("failed", "provider_unavailable"), ("sent", ""), ("sent", "")]


async def test_a_part_that_is_down_is_left_alone_and_the_others_go_on() -> None:
    """Its breaker is its own: it is asked no more, nobody waits for it, and it is asked again when it may be back."""
    phones = Phones()
    phones.apple.down = True
    for number in range(FAILURES + 5):
        status = await phones.told("ann", "bob", batch_id=f"b-{number}")
        assert outcomes(status) == [("failed", "provider_unavailable"), ("sent", "")]
    assert len(phones.apple.sent) == FAILURES
    assert len(phones.google.sent) == FAILURES + 5
    assert phones.step.figures([0])["apns_down"] == 1
    assert phones.step.figures([0])["fcm_down"] == phones.step.figures([0])["native_down"] == 0
    phones.apple.down, phones.now = False, phones.now + COOLEST_MS
    assert outcomes(await phones.told("ann", "bob", batch_id="back")) == [("sent", ""), ("sent", "")]


async def test_a_part_that_asks_for_time_gets_it_and_the_others_go_on() -> None:
    phones = Phones()
    phones.apple.answer = Throttled(60_000)
    assert outcomes(await phones.told("ann", "bob")) == [("failed", "provider_throttled"), ("sent", "")]
    phones.apple.answer = None
    assert outcomes(await phones.told("ann", "bob", batch_id="b-2")) == [("failed", "provider_throttled"), ("sent", "")]
    assert len(phones.apple.sent) == 1
    phones.now += 60_000
    assert outcomes(await phones.told("ann", "bob", batch_id="b-3")) == [("sent", ""), ("sent", "")]


async def test_messages_name_their_place_for_feedback() -> None:
    phones = Phones()
    await phones.told("cid")
    assert [(message.platform, message.ref) for message in [*phones.apple.sent, *phones.google.sent]] == [
        ("ios", "push-normal-0-0-0-0"),
        ("android", "push-normal-0-0-0-1"),
    ]
