"""STOP and START by number alone, over eight partitions: everybody who has the number, and a dead letter where nobody has."""

from collections.abc import Callable, Sequence
from typing import Any, cast

import msgspec
import pytest

from schemas.partition import partition_of
from schemas.records import DeadLetter, FeedbackReceived, FeedbacksReceived, ProfileChanged, ProfilesChanged
from schemas.topics import DLQ, FEEDBACK, PROFILE_EVENTS
from streams.feedback.agent import FeedbackStep
from streams.feedback.numbers import MOST, Numbers, changes_of, is_of_a_number
from streams.step.lease import Lease
from streams.step.log import LogWriter
from streams.step.model import Input
from streams.step.partition import StepPartition
from streams.step.store import Store
from tests.unit.streams.make import NOW, codec
from tests.unit.streams.step.sim import Chaos, World

CODEC = codec()
PARTITIONS = 8
NUMBER = "+4915112345678"
HOME = partition_of(NUMBER, PARTITIONS)


def stop(kind: str = "stopped", event_id: str = "SM1", **changed: Any) -> FeedbackReceived:
    told = FeedbackReceived(
        provider="twilio", channel="sms", provider_message_id=event_id, kind=kind, occurred_at=NOW, received_at=NOW,
        address=NUMBER, event_id=event_id, raw=b"Body=STOP",
    )  # fmt: skip
    return msgspec.structs.replace(told, **changed)


class Ring:
    """Eight partitions of the step; what it writes to `notify.feedback` comes to it again."""

    def __init__(self, users: dict[int, list[str]]) -> None:
        self.users, self.letters, self.changes, self.handled = users, list[DeadLetter](), list[tuple[int, ProfileChanged]](), 0
        self._logs: dict[int, list[bytes]] = {number: [] for number in range(PARTITIONS)}
        self._parts = {number: self._part() for number in range(PARTITIONS)}
        numbers = Numbers(CODEC, lambda: NOW, self._users_of, PARTITIONS)
        self._step = FeedbackStep(CODEC, lambda: NOW, lambda topic, partition, offset: None, numbers)

    def _part(self) -> StepPartition:
        world = World(Chaos())
        die = cast(Callable[[str], Any], pytest.fail)
        return StepPartition(0, dict(FeedbackStep.tables), cast(Store, world), cast(LogWriter, world), die, Lease(1e9))

    async def _users_of(self, part: StepPartition, number: str) -> Sequence[str]:
        (at,) = [at for at, each in self._parts.items() if each is part]
        return self.users.get(at, []) if number == NUMBER else []

    async def hear(self, event: FeedbackReceived, partition: int = HOME) -> None:
        """Until nothing is left to be done."""
        waiting = [(partition, CODEC.encode(FeedbacksReceived([event])))]
        while waiting:
            partition, value = waiting.pop(0)
            self._logs[partition].append(value)
            waiting += await self._handle(partition, len(self._logs[partition]) - 1)

    async def again(self, partition: int, offset: int) -> list[tuple[int, bytes]]:
        """A record comes again, as after a crash."""
        return await self._handle(partition, offset)

    async def _handle(self, partition: int, offset: int) -> list[tuple[int, bytes]]:
        self.handled += 1
        assert self.handled < 1000, "it never ends"
        part = self._parts[partition]
        effects = await self._step.handle(part, [Input(FEEDBACK, partition, offset, NOW, b"k", self._logs[partition][offset], {})])
        await part.commit(effects)
        onward = []
        for output in effects.outputs:
            assert output.value is not None
            if output.topic == FEEDBACK:
                assert output.partition is not None
                onward.append((output.partition, output.value))
            elif output.topic == DLQ:
                self.letters.append(CODEC.decode(output.value, DeadLetter))
            else:
                assert (output.topic, output.partition) == (PROFILE_EVENTS, partition)
                self.changes += [(partition, change) for change in CODEC.decode(output.value, ProfilesChanged).changes]
        return onward

    def replayed(self) -> FeedbackReceived:
        """What `carillon dlq replay` would write again."""
        (letter,) = self.letters
        self.letters.clear()
        assert letter.value is not None
        (event,) = CODEC.decode(letter.value, FeedbacksReceived).events
        return event


async def test_everybody_who_has_the_number_has_said_it_wherever_they_are() -> None:
    ring = Ring({(HOME + 1) % 8: ["ann", "bob"], (HOME + 5) % 8: ["cid"]})
    await ring.hear(stop())
    assert {(partition, change.user_id, change.suppress[NUMBER]) for partition, change in ring.changes} == {
        ((HOME + 1) % 8, "ann", "stop"), ((HOME + 1) % 8, "bob", "stop"), ((HOME + 5) % 8, "cid", "stop"),
    }  # fmt: skip
    assert all((change.source_position, change.occurred_at) == (NOW, NOW) for _, change in ring.changes)
    assert ring.letters == []


@pytest.mark.parametrize("away", range(8))
async def test_one_user_is_found_in_any_partition(away: int) -> None:
    ring = Ring({(HOME + away) % 8: ["ann"]})
    await ring.hear(stop("started"))
    assert {(change.user_id, tuple(change.unsuppress)) for _, change in ring.changes} == {("ann", (NUMBER,))}
    assert ring.letters == []


async def test_of_a_number_that_nobody_has_there_is_one_dead_letter() -> None:
    ring = Ring({})
    await ring.hear(stop())
    (letter,) = ring.letters
    assert (letter.reason, letter.topic, letter.partition, letter.offset) == ("number_unknown", FEEDBACK, HOME, 0)
    assert CODEC.decode(letter.value, FeedbacksReceived).events == [stop()]


async def test_what_was_of_nobody_may_be_replayed_and_is_of_whoever_came_since() -> None:
    ring = Ring({})
    await ring.hear(stop())
    await ring.hear(ring.replayed())
    again = ring.replayed()
    ring.users[(HOME + 3) % 8] = ["ann"]
    await ring.hear(again)
    assert {change.user_id for _, change in ring.changes} == {"ann"}
    assert ring.letters == []


async def test_a_start_that_is_sent_again_a_day_later_takes_no_stop_back() -> None:
    """Twilio signs no time: whoever has the request can send it for ever."""
    ring = Ring({HOME: ["ann"]})
    await ring.hear(stop("started", "SM0"))
    await ring.hear(stop("stopped", "SM1", occurred_at=NOW + 1))
    before = len(ring.changes)
    await ring.hear(stop("started", "SM0", occurred_at=NOW + 2))
    assert len(ring.changes) == before
    assert ring.letters == []


async def test_a_record_that_comes_again_says_the_same() -> None:
    ring = Ring({HOME: ["ann"]})
    await ring.hear(stop())
    assert len(await ring.again(HOME, 0)) == PARTITIONS - 1
    assert [change for _, change in ring.changes] == [ring.changes[0][1]] * 2


async def test_the_round_that_comes_again_makes_no_second_letter_but_that_of_its_own_record() -> None:
    ring = Ring({})
    await ring.hear(stop())
    ring.letters.clear()
    (asked,) = [value for partition, value in await ring.again((HOME + 7) % 8, 1) if partition == HOME]
    (event,) = CODEC.decode(asked, FeedbacksReceived).events
    await ring.hear(event)
    assert ring.letters == [], "another record says it"
    await ring.again(HOME, 1)
    assert [(letter.offset, letter.reason) for letter in ring.letters] == [(0, "number_unknown")], "the record itself says it again"


async def test_a_number_of_thousands_is_nobodys() -> None:
    ring = Ring({HOME: [f"u{number}" for number in range(MOST + 1)]})
    await ring.hear(stop())
    assert ring.changes == []
    assert [letter.reason for letter in ring.letters] == ["number_of_many"]


async def test_as_many_as_may_be_are_one_record() -> None:
    ring = Ring({HOME: [f"u{number}" + "x" * 250 for number in range(MOST)]})
    await ring.hear(stop())
    assert len(ring.changes) == MOST
    assert ring.letters == []


@pytest.mark.parametrize(
    ("event", "whether"),
    [
        (stop(), True),
        (stop("started"), True),
        (stop(ref="sms-normal-0-42-0-0"), False),
        (stop(kind="bounced"), False),
        (stop(address="12345"), False),
        (stop(address=""), False),
    ],
)
def test_what_is_of_a_number(event: FeedbackReceived, whether: bool) -> None:
    assert is_of_a_number(event) == whether


def test_a_stop_suppresses_and_a_start_takes_it_back() -> None:
    (stopped,), (started,) = changes_of(stop(), ["ann"]), changes_of(stop("started"), ["ann"])
    assert (stopped.user_id, stopped.suppress, stopped.unsuppress) == ("ann", {NUMBER: "stop"}, [])
    assert (started.user_id, started.suppress, started.unsuppress) == ("ann", {}, [NUMBER])
