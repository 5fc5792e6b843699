"""The daily limit of an account: what is over it waits for the next day, and no restart forgets what was sent."""

from collections.abc import Sequence
from typing import cast

import httpx
import pytest

from providers.base import Accepted, AnyProvider, Declaration, Message, Outcome, Rejected, Unavailable
from providers.catalogue import Templates
from providers.features import FEATURES
from providers.platforms import Platforms
from providers.registry import Route
from providers.sender import Sender
from schemas.records import DeliverBatch, Device, Profile, SetTimer, StatusBatch
from schemas.topics import CHANGELOG_DAYS, STATUS, TIMERS
from streams.delivery.agent import DeliveryStep
from streams.delivery.call import Caller
from streams.delivery.cancels import Cancels
from streams.delivery.days import Days
from streams.delivery.retries import DAY_OVER, SPREAD_MS
from streams.delivery.shares import Shares, Standing
from streams.profiles.replica import ProfileReplica
from streams.routing.days import DAY_MS
from streams.step.lease import Lease
from streams.step.log import LogWriter
from streams.step.partition import StepPartition
from streams.step.store import Store
from streams.step.turns import Turns
from tests.unit.streams.delivery.test_agent import CODEC, POLICY, TOPIC, Bench, Cancelled, Replica
from tests.unit.streams.make import NOW, batch, profile
from tests.unit.streams.step.sim import Chaos
from tests.unit.streams.step.sim import World as Log

MORNING = NOW - NOW % DAY_MS + 8 * 3_600_000


class Fake:
    """A provider that keeps what it was asked to send."""

    def __init__(self, name: str, per_day: int | None = None, account: str = "") -> None:
        self.declaration = Declaration(name=name, channel="push", carries=FEATURES, batch_size=2, rate_per_day=per_day, account=account)
        self.asked: list[str] = []
        self.answer: Outcome = Accepted("p")

    async def deliver(self, messages: Sequence[Message]) -> list[Outcome]:
        self.asked += [message.user_id for message in messages]
        return [self.answer] * len(messages)


class Phones(Replica):
    """Everybody has a phone; Bo has two, of two kinds."""

    def _profile(self, user: str) -> Profile:
        bo = [Device("ios", "i"), Device("android", "a")] if user == "bo" else [Device("ios", "i")]
        return profile(user, channels=[] if user in self.out else ["push"], devices=bo)


class Limited(Bench):
    """The providers of a channel and their days."""

    def __init__(self, *providers: AnyProvider) -> None:
        self.world, self.replica, self.cancelled, self.now = Log(Chaos()), Phones(), Cancelled(), MORNING
        self.providers, self.number = providers, 0

    async def begin(self) -> "Limited":
        """A process, also in the place of one before."""
        days = Days("bulk", 1.0, 1, lambda _: [one.value_ for one in self.world.records(CHANGELOG_DAYS)], lambda: self.now)
        standing = Standing(lambda: self.now, days=days)
        self.shares = Shares({one.declaration.name: Route(one) for one in self.providers}, standing)
        sender = Sender(cast(httpx.AsyncBaseTransport, None), standing)
        self.step = DeliveryStep(
            TOPIC, self.shares, Caller(sender), Templates.load(), CODEC, lambda: self.now, lambda: POLICY,
            cast(ProfileReplica, self.replica), cast(Cancels, self.cancelled), Turns(), draw=lambda: 0.5,
        )  # fmt: skip
        store, log = cast(Store, self.world), cast(LogWriter, self.world)
        self.part = StepPartition(0, self.step.tables, store, log, lambda reason: pytest.fail(reason), Lease(1e9))
        await days.ready(0)
        return self

    async def told(self, *users: str, expires_at: int | None = None) -> tuple[list[str], list[SetTimer]]:
        """The status of each, with the reason, and the timers."""
        self.number += 1
        one: DeliverBatch = batch(*users, batch_id=f"b-{self.number}", expires_at=expires_at)
        one = type(one)(**{name: getattr(one, name) for name in one.__struct_fields__} | {"partitions": 1})
        outputs = (await self.handle(one)).outputs
        (status,) = [CODEC.decode(output.value or b"", StatusBatch) for output in outputs if output.topic == STATUS]
        self.details = {outcome.detail for outcome in status.outcomes}
        ends = [status.outcomes[number] for number in status.outcome_of]
        timers = [CODEC.decode(output.value or b"", SetTimer) for output in outputs if output.topic == TIMERS]
        return [f"{end.status} {end.reason}".strip() for end in ends], timers


def of(provider: object) -> AnyProvider:
    return cast(AnyProvider, provider)


LATER = "deferred provider_throttled"


async def test_what_is_over_the_limit_waits_for_the_next_day_and_nobody_is_read() -> None:
    fake = Fake("a", 3)
    limited = await Limited(of(fake)).begin()
    ends, (timer,) = await limited.told("u1", "u2", "u3", "u4", "u5")
    assert ends == ["sent", "sent", "sent", LATER, LATER]
    assert fake.asked == ["u1", "u2", "u3"]
    assert any(detail.endswith(DAY_OVER) for detail in limited.details)
    midnight = MORNING - MORNING % DAY_MS + DAY_MS
    assert timer.due == midnight + SPREAD_MS // 2, "not all at once"
    read = len(limited.replica.reads)
    assert (await limited.told("u6"))[0] == [LATER]
    assert len(limited.replica.reads) == read
    limited.now = midnight
    assert (await limited.told("u4", "u5"))[0] == ["sent", "sent"]


async def test_who_expires_before_is_told_so() -> None:
    limited = await Limited(of(Fake("a", 1))).begin()
    ends, timers = await limited.told("u1", "u2", expires_at=MORNING + 3_600_000)
    assert ends == ["sent", "expired expired"]
    assert timers == []


async def test_no_restart_forgets_what_was_sent() -> None:
    fake = Fake("a", 4)
    limited = await Limited(of(fake)).begin()
    await limited.told("u1", "u2", "u3")
    await limited.begin()
    assert (await limited.told("u4", "u5"))[0] == ["sent", LATER]
    assert len(fake.asked) == 4


async def test_what_is_taken_is_on_the_log_before_it_is_sent() -> None:
    fake = Fake("a", 4)
    limited = await Limited(of(fake)).begin()
    seen = list[int]()

    async def deliver(messages: Sequence[Message]) -> list[Outcome]:
        seen.append(len(limited.world.records(CHANGELOG_DAYS)))
        return [Accepted("p")] * len(messages)

    fake.deliver = deliver  # type: ignore[method-assign]
    await limited.told("u1", "u2", "u3")
    assert seen == [1, 2]


@pytest.mark.parametrize(("answer", "counts"), [(Unavailable("down"), 0), (Rejected("no"), 1)])
async def test_what_was_certainly_not_sent_is_given_back(answer: Outcome, counts: int) -> None:
    fake = Fake("a", 2)
    limited = await Limited(of(fake)).begin()
    fake.answer = answer
    await limited.told("u1")
    fake.answer = Accepted("p")
    assert (await limited.told("u2", "u3"))[0].count("sent") == 2 - counts


async def test_who_is_not_sent_to_takes_nothing() -> None:
    limited = await Limited(of(Fake("a", 1))).begin()
    limited.replica.out.add("u1")
    assert (await limited.told("u1", "u2"))[0] == ["suppressed channel_disabled", "sent"]
    assert not limited.shares.days.is_over(0, "b")
    assert limited.shares.days.is_over(0, "a")


async def test_another_provider_takes_what_is_over_and_those_of_one_account_share_a_day() -> None:
    one, other, free = Fake("a", 2, "shared"), Fake("b", 2, "shared"), Fake("free")
    limited = await Limited(of(one), of(other), of(free)).begin()
    users = [f"u{number}" for number in range(20)]
    assert set((await limited.told(*users))[0]) == {"sent"}
    assert len(one.asked) + len(other.asked) == 2
    assert len(free.asked) == 18


async def test_a_part_has_a_day_of_its_own() -> None:
    apple, google = Fake("apns", 2), Fake("fcm")
    native = Platforms("push", {"ios": cast(Fake, apple), "android": cast(Fake, google)}, name="native")  # type: ignore[dict-item]
    limited = await Limited(native).begin()
    assert (await limited.told("u1", "u2", "u3", "bo"))[0] == ["sent", "sent", LATER, "sent"]
    assert (apple.asked, google.asked) == (["u1", "u2"], ["bo"])
