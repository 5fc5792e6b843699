"""What a provider says is dead is out of use with the status that says so, whatever else came of the user's other devices."""

import msgspec
import pytest

from providers.base import Accepted, Message, Rejected, Unavailable
from schemas.records import DeadAddress, Outcome, ProfileChanged, ProfilesChanged, StatusBatch
from schemas.topics import PROFILE_EVENTS, STATUS
from streams.delivery.dead import dead_of, taken_out
from streams.delivery.drafts import Draft
from streams.delivery.ledger import finished, opened, recorded
from streams.delivery.rules import results_of
from streams.profiles.rules import User, fold
from tests.unit.streams.delivery.test_agent import CODEC, Bench
from tests.unit.streams.make import NOW, batch, profile

DEAD = Rejected("unregistered", "no such device", address_dead=True)


def message(user: str, address: str) -> Message:
    return Message(message_id=f"{user}/{address}", notification_id="n", user_id=user, address=address)


def test_one_dead_device_of_two_is_taken_out_and_the_user_was_told() -> None:
    drafts = [Draft([message("ann", "t-1"), message("ann", "t-2")], None, 7), Draft([message("bob", "t-3")], None, 8)]
    results = results_of(drafts, [DEAD, Accepted("p"), Accepted("q")], "push")
    assert [result.outcome for result in results] == [Outcome("sent"), Outcome("sent")]
    entry = finished(recorded(opened(None, 0), results, ["sim"] * 2), NOW)
    assert entry.dead == [DeadAddress("ann", "t-1", "dead_token")]
    assert taken_out(batch("ann", "bob"), entry) == ProfilesChanged(
        [
            ProfileChanged(
                user_id="ann", source="delivery", source_position=NOW, occurred_at=NOW,
                remove_devices=["t-1"], suppress={"t-1": "dead_token"},
            )
        ]
    )  # fmt: skip


@pytest.mark.parametrize(
    ("channel", "answer", "reason"),
    [
        ("push", DEAD, "dead_token"),
        ("email", Rejected("invalid_address", address_dead=True), "hard_bounce"),
        ("sms", Rejected("invalid_number", address_dead=True), "hard_bounce"),
        ("sms", Rejected("opted_out", address_dead=True), "stop"),
    ],
)
def test_why_it_is_out_of_use(channel: str, answer: Rejected, reason: str) -> None:
    assert dead_of([message("ann", "a")], [answer], channel) == [DeadAddress("ann", "a", reason)]


@pytest.mark.parametrize("answer", [Rejected("too_large"), Unavailable("down"), Accepted("p")])
def test_nothing_else_takes_an_address_out(answer: Rejected) -> None:
    assert dead_of([message("ann", "a")], [answer], "push") == []


def test_a_device_that_a_table_says_again_stays_out_of_use() -> None:
    entry = msgspec.structs.replace(finished(opened(None, 0), NOW), dead=[DeadAddress("ann", "t-1", "dead_token")])
    told = taken_out(batch("ann"), entry)
    assert told is not None
    user = fold(User(profile("ann")), told.changes[0], 9)
    again = ProfileChanged("ann", "cdc:devices", 5, NOW + 1, devices=profile("ann").devices)
    assert user.profile is not None
    after = fold(user, again, 10).profile
    assert after is not None
    assert after.suppressed == {"t-1": "dead_token"}


async def test_it_is_said_before_the_status_and_again_in_the_same_bytes() -> None:
    bench = Bench()
    bench.provider.answer = DEAD
    bench.provider.gate.set()
    one = batch("ann", "bob")
    first = await bench.handle(one)
    assert await bench.handle(one) == first
    assert [output.topic for output in first.outputs][:2] == [PROFILE_EVENTS, STATUS]
    changed, status = CODEC.decode(first.outputs[0].value, ProfilesChanged), CODEC.decode(first.outputs[1].value, StatusBatch)
    assert [change.user_id for change in changed.changes] == ["ann", "bob"]
    assert status.outcomes == [Outcome("failed", "unregistered", "no such device")]
