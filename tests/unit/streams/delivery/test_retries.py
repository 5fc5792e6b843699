"""What a provider could not take is tried again: when, how often, and how it ends when there is no time left."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.base import Accepted, Message, Rejected, Throttled, Unavailable, Unknown
from providers.base import Outcome as Answer
from schemas import ids
from schemas.records import DeliverBatch, ExpandAudience, LedgerEntry, Outcome, SetTimer, StatusBatch
from schemas.topics import FANOUT, STATUS, TIMERS
from streams.delivery.drafts import Draft
from streams.delivery.ended import ended_of
from streams.delivery.ends import ended_of as channel_ended_of
from streams.delivery.handed_back import handed_back_of, retry_of
from streams.delivery.ledger import opened, recorded, status_of
from streams.delivery.retries import BEFORE_MS, due_of, ended
from streams.delivery.rules import results_of
from streams.policy.policy import Retry
from tests.unit.streams.delivery.test_agent import CODEC, Bench
from tests.unit.streams.make import NOW, batch

MESSAGE = Message(message_id="m", notification_id="n", user_id="u", address="t")
RETRY = Retry(for_ms=60_000, first_ms=1_000, most_ms=20_000)


def of_eight(*users: str, expires_in_ms: int | None = None, **changed: int) -> DeliverBatch:
    one = batch(*users)
    expires_at = None if expires_in_ms is None else NOW + expires_in_ms
    about = msgspec.structs.replace(one.notification, expires_at=expires_at)
    return msgspec.structs.replace(one, notification=about, partitions=8, **changed)


def entry(*answers: Answer, now: int = NOW) -> LedgerEntry:
    one = Draft([], None, 7)
    results = [result for answer in answers for result in results_of([msgspec.structs.replace(one, messages=[MESSAGE])], [answer], "push")]
    return recorded(opened(None, 5), results, ["sim"] * len(results), now)


@given(
    attempts=st.integers(0, 100),
    since=st.none() | st.integers(0, 90_000),
    left=st.none() | st.integers(0, 90_000),
    draw=st.floats(0, 1, exclude_max=True),
    told_ms=st.integers(0, 90_000),
)
def test_a_try_is_within_its_time_and_there_is_none_when_that_is_over(
    attempts: int, since: int | None, left: int | None, draw: float, told_ms: int
) -> None:
    one = of_eight("ann", expires_in_ms=left, attempts=attempts, tried_since=NOW - since if since is not None else 0)
    end = min(NOW + 60_000 - (since or 0), NOW + left - BEFORE_MS if left is not None else NOW + 60_000)
    due = due_of(RETRY, one, NOW, draw, not_before=NOW + told_ms)
    if due is None:
        assert end - (NOW + told_ms) < RETRY.first_ms
        return
    assert NOW + told_ms <= due <= end
    longest = min(RETRY.most_ms, RETRY.first_ms * 2**attempts)
    assert due <= max(NOW + longest, NOW + told_ms) or due <= end


@pytest.mark.parametrize(("attempts", "most"), [(0, 1_000), (1, 2_000), (2, 4_000), (3, 8_000), (4, 16_000), (5, 20_000), (9, 20_000)])
def test_waits_double_up_to_the_longest(attempts: int, most: int) -> None:
    one = of_eight("ann", attempts=attempts, tried_since=NOW)
    assert due_of(RETRY, one, NOW, 0.0) == NOW
    assert due_of(RETRY, one, NOW, 0.5) == NOW + most // 2


def test_who_could_not_be_sent_to_is_deferred_and_others_keep_their_end() -> None:
    after = ended(entry(Accepted("p"), Unavailable("down"), Rejected("gone"), Unknown("cut")), of_eight(*"abcd"), RETRY, NOW, 0.5)
    assert [after.outcomes[number] for number in after.outcome_of] == [
        Outcome("sent"),
        Outcome("deferred", "provider_unavailable", "2023-11-14T22:13:20+00:00 down"),
        Outcome("failed", "gone"),
        Outcome("unknown", "no_answer", "cut"),
    ]
    assert (after.finished_at, after.retry_at) == (NOW, NOW + 500)


def test_it_waits_as_long_as_the_longest_that_was_asked_for() -> None:
    after = ended(entry(Throttled(7_000), Throttled(9_000), Unavailable("down")), of_eight(*"abc"), RETRY, NOW, 0.0)
    assert after.retry_at == NOW + 9_000
    assert {outcome.reason for outcome in after.outcomes} == {"provider_throttled", "provider_unavailable"}


@pytest.mark.parametrize(
    ("answer", "reason"), [(Unavailable("x"), "provider_unavailable"), (Unavailable("x", config=True), "provider_misconfigured")]
)
def test_when_there_is_no_time_left_it_has_failed(answer: Answer, reason: str) -> None:
    after = ended(entry(answer), of_eight("ann", attempts=9, tried_since=NOW - 59_500), RETRY, NOW, 0.5)
    assert after.outcomes == [Outcome("failed", reason, "x")]
    assert after.retry_at is None


def test_or_it_has_expired_when_that_is_why() -> None:
    after = ended(entry(Unavailable("down")), of_eight("ann", expires_in_ms=1_200), RETRY, NOW, 0.5)
    assert after.outcomes == [Outcome("expired", "expired", "provider_unavailable until then: down")]
    assert after.retry_at is None


def test_a_batch_from_before_has_failed() -> None:
    """It does not say on how many partitions it is decided, so nobody can decide it again."""
    assert ended(entry(Unavailable("down")), batch("ann"), RETRY, NOW, 0.5).outcomes[0].status == "failed"


def test_they_are_a_command_that_knows_how_often_and_since_when() -> None:
    one = msgspec.structs.replace(of_eight(*"abcd", attempts=2, tried_since=NOW - 9_000), counted_on=[1, 2, 0, 1])
    after = ended(entry(Unavailable(""), Unavailable(""), Throttled(), Accepted("p")), one, RETRY, NOW, 0.5)
    assert retry_of(one, after) == ExpandAudience(
        notification=one.notification, users=["a", "b", "c"], last=False, partitions=8, hold_id=ids.retry_id("b-1"), channels=["push"],
        counted=[False, True, True], attempts=3, tried_since=NOW - 9_000,
    )  # fmt: skip
    assert handed_back_of(one, after) is None
    given_back = ended_of(one, after)
    assert given_back is not None
    assert given_back.users == ["a"], "counted again when it is time; of b it may have been told elsewhere"
    assert status_of(one, after, "t", 0).attempt == 3


def test_who_is_tried_again_is_not_tried_elsewhere_for_it() -> None:
    one = msgspec.structs.replace(of_eight("ann"), followed=True)
    after = ended(entry(Unavailable("down")), one, RETRY, NOW, 0.5)
    assert channel_ended_of(one, status_of(one, after, "t", 0)) is None


async def test_the_timer_is_set_beside_the_status_and_again_in_the_same_bytes() -> None:
    bench = Bench()
    bench.provider.answer = Unavailable("down")
    bench.provider.gate.set()
    one = of_eight("ann", "bob")
    first = await bench.handle(one)
    bench.now += 60_000
    assert await bench.handle(one) == first, "made of the ledger"
    assert [output.topic for output in first.outputs] == [STATUS, TIMERS]
    timer = CODEC.decode(first.outputs[1].value, SetTimer)
    assert timer.write is not None
    assert (timer.timer_id, timer.kind, timer.write.topic, timer.write.partition) == (ids.retry_id("b-1"), "retry", FANOUT, 0)
    command = CODEC.decode(timer.write.value, ExpandAudience)
    assert (command.users, command.attempts, command.tried_since) == (["ann", "bob"], 1, NOW)
    assert timer.due == bench.ledger()[-1].retry_at


async def test_who_may_have_been_reached_is_unknown_and_not_tried_again() -> None:
    bench = Bench()
    one = of_eight("ann", "bob")
    await bench.killed_in_the_call(one)
    bench.start(batch_size=2)
    bench.provider.answer = Unavailable("down")
    effects = await bench.handle(one)
    status = CODEC.decode(effects.outputs[0].value, StatusBatch)
    assert [outcome.status for outcome in status.outcomes] == ["unknown"]
    assert [output.topic for output in effects.outputs] == [STATUS]
