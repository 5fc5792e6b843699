"""Who has come into quiet hours while a batch waited: handed back or suppressed, never sent to; and never a critical one."""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from schemas import ids
from schemas.records import DeliverBatch, ExpandAudience, LedgerEntry, Outcome, Priority, QuietHours, SendsEnded
from schemas.topics import FANOUT
from streams.delivery.drafts import DECIDED_MS, Drafter
from streams.delivery.ended import ended_of
from streams.delivery.handed_back import handed_back_of
from streams.delivery.ledger import Result, opened, recorded
from streams.policy.policy import CategoryPolicy
from tests.unit.streams.delivery.test_agent import CODEC, Bench, told
from tests.unit.streams.make import NOW, batch, binding, profile, unbound

MINUTE_MS = 60_000
NIGHT = QuietHours(1320, 420)
"""It is 22:13:20 UTC."""
UNTIL = "2023-11-15T07:00:00+00:00"
HELD, SUPPRESSED = Outcome("deferred", "quiet_hours", UNTIL), Outcome("suppressed", "quiet_hours")
USERS = ["ann", "bob", "cid", "dan", "eve"]


def of_eight(*users: str, age_ms: int = DECIDED_MS, **changed: Any) -> DeliverBatch:
    return msgspec.structs.replace(batch(*users, **changed), partitions=8, decided_at=NOW - age_ms)


def became(one: DeliverBatch, binds: CategoryPolicy, now: int = NOW) -> Outcome | None:
    """The outcome of ann, who is asleep; None: she is sent to."""
    made = Drafter(one, binds, lambda index, language: pytest.fail("sent"), now, ref="push-normal-3-42").draft(
        0, profile(quiet_hours=NIGHT), 7
    )
    assert made.messages == []
    return made.outcome


@pytest.mark.parametrize(("binds", "end"), [(binding(), HELD), (binding(defers=False), SUPPRESSED)])
def test_who_is_asleep_by_now_is_held_or_suppressed_as_policy_says(binds: CategoryPolicy, end: Outcome) -> None:
    assert became(of_eight("ann"), binds) == end


@pytest.mark.parametrize(
    ("one", "binds", "now"),
    [
        (of_eight("ann"), unbound(), NOW),
        (of_eight("ann"), binding("mutes"), NOW),
        (of_eight("ann", age_ms=60 * MINUTE_MS), binding(), NOW - 14 * MINUTE_MS),
        (of_eight("ann", age_ms=DECIDED_MS - 1), binding(), NOW),
        (msgspec.structs.replace(of_eight("ann"), partitions=0), binding(), NOW),
    ],
    ids=["a category that is free", "bound by other checks", "before", "just decided", "a batch from before"],
)
def test_all_others_are_sent_to(one: DeliverBatch, binds: CategoryPolicy, now: int) -> None:
    with pytest.raises(pytest.fail.Exception, match="sent"):
        became(one, binds, now)


def test_another_reason_comes_first() -> None:
    who = profile(quiet_hours=NIGHT, channels=[])
    made = Drafter(of_eight("ann"), binding(), lambda index, language: pytest.fail("sent"), NOW, ref="push-normal-3-42").draft(0, who, 7)
    assert made.outcome == Outcome("suppressed", "channel_disabled")


def entry(*outcomes: Outcome) -> LedgerEntry:
    return recorded(opened(None, 0), [Result(outcome, "", 7) for outcome in outcomes], ["sim"] * len(outcomes))


def test_they_are_a_command_with_a_hold_of_their_batch_and_others_are_not_in_it() -> None:
    one = msgspec.structs.replace(of_eight(*USERS), counted_on=[1, 2, 1, 0, 1])
    ends = entry(HELD, HELD, Outcome("sent"), HELD, Outcome("failed"))
    assert handed_back_of(one, ends) == ExpandAudience(
        notification=one.notification, users=["ann", "bob", "dan"], last=False, partitions=8, hold_id=ids.handed_back_id("b-1"),
        channels=["push"], counted=[False, True, True],
    )  # fmt: skip
    given_back = ended_of(one, ends)
    assert given_back is not None
    assert (given_back.users, given_back.counted_on) == (["ann", "eve"], [1, 1]), "of bob it may have been told elsewhere"
    assert handed_back_of(one, entry(*[Outcome("sent")] * 5)) is None


def asleep(bench: Bench, users: Sequence[str]) -> None:
    bench.replica.quiet = dict.fromkeys(users, NIGHT)


async def test_they_are_handed_back_with_the_status_and_again_in_the_same_bytes() -> None:
    bench = Bench()
    bench.provider.gate.set()
    asleep(bench, ["u1"])
    one = msgspec.structs.replace(of_eight("u0", "u1", "nobody", category="promotional"), counted_on=[2, 1, 1])
    effects = await bench.handle(one)
    assert told(effects.outputs) == {"b-1": ["sent", "deferred", "suppressed"]}
    assert bench.provider.sent == ["u0"]
    lane = [CODEC.decode_one_of(output.value, (SendsEnded, ExpandAudience)) for output in effects.outputs if output.topic == FANOUT]
    assert [one.users for one in lane] == [["u1", "nobody"], ["u1"]]
    assert isinstance(lane[1], ExpandAudience)
    asleep(bench, [])
    bench.start()
    assert (await bench.handle(one)).outputs == effects.outputs


async def test_what_is_critical_wakes_them() -> None:
    bench = Bench()
    bench.provider.gate.set()
    asleep(bench, ["u0"])
    effects = await bench.handle(of_eight("u0", category="promotional", priority=Priority.CRITICAL))
    assert told(effects.outputs) == {"b-1": ["sent"]}
    assert len(effects.outputs) == 1


async def test_who_fell_asleep_while_it_is_not_known_whether_they_were_reached_is_unknown() -> None:
    bench = Bench()
    one = of_eight("u0", category="system")
    bench.start()
    await bench.killed_in_the_call(one)
    asleep(bench, ["u0"])
    bench.start()
    effects = await bench.handle(one)
    assert told(effects.outputs) == {"b-1": ["unknown"]}
    assert [output.topic for output in effects.outputs if output.topic == FANOUT] == []
