"""The feedback step: killed at any effect it says the same, and what is wrong is kept whole."""

from collections.abc import Sequence
from typing import Any, cast

import msgspec
import pytest

from schemas.records import DeadLetter, FeedbackReceived, FeedbacksReceived, ProfilesChanged, StatusBatch
from schemas.refs import Ref
from schemas.topics import CHANGELOG_FEEDBACK, DLQ, FEEDBACK, PROFILE_EVENTS, STATUS, deliver_topic
from streams.feedback.agent import FeedbackStep
from streams.feedback.numbers import Numbers
from streams.step.lease import Lease
from streams.step.log import LogWriter
from streams.step.model import Input
from streams.step.partition import StepPartition
from streams.step.step import RecordStep
from streams.step.store import Store
from tests.unit.streams.make import NOW, batch
from tests.unit.streams.step.sim import Chaos, World, live_until_done
from tests.unit.streams.step.test_crashes import CODEC, every_crash, once, tables_are_their_changelogs

pytestmark = pytest.mark.usefixtures("no_threads")

NUMBER, NOBODYS = "+4915112345678", "+4915100000000"
BATCH = msgspec.structs.replace(batch("ann", "bob", "cid", channel="email"), partitions=8)


def event(kind: str, recipient: int = 0, at: int = NOW, offset: int = 42, **changed: Any) -> FeedbackReceived:
    ref = str(Ref("email", "normal", 0, offset, recipient, 0))
    told = FeedbackReceived(
        provider="acme", channel="email", provider_message_id="p", kind=kind, occurred_at=at, received_at=at, raw=b"{}",
        ref=ref, address=f"user-{recipient}@example.com",
    )  # fmt: skip
    return msgspec.structs.replace(told, **changed)


def fetch(topic: str, partition: int, offset: int) -> bytes | None:
    return CODEC.encode(BATCH) if (topic, partition, offset) == (deliver_topic("email", "normal"), 0, 42) else None


def step(world: World) -> FeedbackStep:
    return FeedbackStep(CODEC, world.clock, fetch, Numbers(CODEC, world.clock, users_of, 1))


async def users_of(part: StepPartition, number: str) -> Sequence[str]:
    return ["ann", "bob"] if number == NUMBER else []


def by_number(kind: str, number: str = NUMBER, at: int = NOW) -> FeedbackReceived:
    return event(kind, at=at, ref="", address=number, event_id=f"SM-{kind}-{number}")


async def hear(world: World, *records: list[FeedbackReceived] | bytes) -> None:
    for one in records:
        world.append(FEEDBACK, b"k", one if isinstance(one, bytes) else CODEC.encode(FeedbacksReceived(one)))
    await live_until_done(world, FEEDBACK, lambda: step(world), CODEC)


def told(world: World) -> list[tuple[str, str]]:
    """Who met what, each as often as it is told."""
    found = []
    for status in once(world, STATUS, StatusBatch, lambda it: it.status_id).values():
        found += [(user, status.outcomes[number].status) for user, number in zip(status.users, status.outcome_of, strict=True)]
    return sorted(found)


async def test_each_is_told_once_however_often_it_is_said_and_whoever_dies() -> None:
    async def play(world: World) -> None:
        await hear(world, [event("delivered"), event("delivered", 1)], [event("delivered")], [event("bounced", 2), event("opened")])
        await hear(world, [event("opened", at=NOW + 7), event("delivered", 1)], [event("complained", 1)])

    def judge(world: World, calm: World) -> None:
        assert told(world) == [("ann", "delivered"), ("ann", "opened"), ("bob", "complained"), ("bob", "delivered"), ("cid", "bounced")]
        changes = [change for record in world.records(PROFILE_EVENTS) for change in CODEC.decode(record.value_, ProfilesChanged).changes]
        assert {(change.user_id, *change.suppress.items()) for change in changes} == {
            ("cid", ("user-2@example.com", "hard_bounce")),
            ("bob", ("user-1@example.com", "complaint")),
        }
        assert world.records(DLQ) == []
        tables_are_their_changelogs(world, cast(RecordStep, step(world)))

    await every_crash(play, judge)


async def test_a_stop_that_names_a_number_is_a_change_of_profiles_or_one_dead_letter_whoever_dies() -> None:
    async def play(world: World) -> None:
        await hear(world, [by_number("stopped")], [by_number("stopped", NOBODYS)], [event("delivered")])
        await hear(world, [by_number("started", at=NOW + 1)], [by_number("stopped", at=NOW + 2)])

    def judge(world: World, calm: World) -> None:
        changes = [change for record in world.records(PROFILE_EVENTS) for change in CODEC.decode(record.value_, ProfilesChanged).changes]
        said = {(change.user_id, *change.suppress.items(), *change.unsuppress, change.source_position) for change in changes}
        assert said == {(user, (NUMBER, "stop"), NOW) for user in ("ann", "bob")} | {(user, NUMBER, NOW + 1) for user in ("ann", "bob")}
        letters = [CODEC.decode(record.value_, DeadLetter) for record in world.records(DLQ)]
        assert {(letter.reason, letter.offset) for letter in letters} == {("number_unknown", 1)}
        assert told(world) == [("ann", "delivered")]
        tables_are_their_changelogs(world, cast(RecordStep, step(world)))

    await every_crash(play, judge)


@pytest.mark.parametrize(
    "bad",
    [
        [event("delivered", offset=43)],
        [event("delivered", ref="nonsense")],
        [event("delivered", ref="")],
        [event("stopped", ref="")],
        [event("delivered", 9)],
        b"\x00garbage",
    ],
    ids=["gone", "no ref", "empty", "no number", "nobody", "garbage"],
)
async def test_what_can_not_be_used_is_kept_whole_and_its_neighbours_are_heard(bad: list[FeedbackReceived] | bytes) -> None:
    world = World(Chaos())
    await hear(world, [event("delivered")], bad, [event("delivered", 1)])
    assert told(world) == [("ann", "delivered"), ("bob", "delivered")]
    assert [record.key_ for record in world.records(DLQ)] == [b"notify.feedback/0/1"]


async def test_one_alone_is_heard_too() -> None:
    world = World(Chaos())
    await hear(world, CODEC.encode(event("delivered")))
    assert told(world) == [("ann", "delivered")]


async def test_profiles_hear_of_it_before_the_status() -> None:
    world = World(Chaos())
    one, tables = step(world), {"heard": CHANGELOG_FEEDBACK}
    part = StepPartition(0, tables, cast(Store, world), cast(LogWriter, world), lambda reason: pytest.fail(reason), Lease(1e9))
    record = Input(FEEDBACK, 0, 0, NOW, b"k", CODEC.encode(FeedbacksReceived([event("bounced")])), {})
    effects = await one.handle(part, [record])
    assert [output.topic for output in effects.outputs] == [PROFILE_EVENTS, STATUS]
