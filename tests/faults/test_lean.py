"""What is judged is the same, made small or not."""

import pytest

from schemas.records import Device, LedgerEntry, Notification, Outcome, Priority, Profile, ProfileChanged, ProfilesChanged, StatusBatch
from tests.faults.latency import _phases
from tests.faults.lean import Lean
from tests.faults.profiles import FOLDED


def notification() -> Notification:
    return Notification("n", "sale", "s", "c", "t", 1, "promotional", Priority.LOW, ["push"], {"a": "b"}, 1, 1)


def status(*users: str) -> StatusBatch:
    return StatusBatch(
        status_id="s", notification=notification(), channel="push", users=list(users), outcomes=[Outcome("sent"), Outcome("failed")],
        outcome_of=[0, 1], profile_offsets=[2**40, 7], provider_message_ids=["x", "y"], at=1,
        caused_by_topic="t", caused_by_partition=0, caused_by_offset=0,
    )  # fmt: skip


def test_a_status_says_the_same_of_everyone_and_shares_what_others_have() -> None:
    lean, one, two = Lean(), status("a", "b"), status("b", "a")
    lean.record(one)
    lean.record(two)
    told = [
        (user, one.outcomes[number].status, offset)
        for user, number, offset in zip(one.users, one.outcome_of, one.profile_offsets, strict=True)
    ]
    assert told == [("a", "sent", 2**40), ("b", "failed", 7)]
    assert one.notification is two.notification
    assert one.users[0] is two.users[1]


def test_another_notification_of_the_same_id_is_not_hidden() -> None:
    lean, one, two = Lean(), status("a", "b"), status("a", "b")
    lean.record(one)
    two.notification.data["a"] = "c"
    lean.record(two)
    assert two.notification.data == {"a": "c"}


@pytest.mark.parametrize("channels", [[], ["push"], ["push", "email"]])
def test_a_profile_is_folded_the_same(channels: list[str]) -> None:
    made = [Profile(user_id="a", channels=list(channels), devices=[Device("ios", "t")], updated_at=1, applied_offset=3) for _ in range(3)]
    lean = Lean()
    lean.record(made[0])
    lean.record(made[1])
    assert [getattr(made[1], name) for name in FOLDED] == [getattr(made[2], name) for name in FOLDED]
    assert made[1].applied_offset == 3
    assert made[0].channels is made[1].channels


def test_what_a_change_does_not_say_stays_unsaid() -> None:
    change = ProfileChanged("a", "api", 1, 1, channels=[])
    Lean().record(ProfilesChanged([change]))
    assert (change.channels, change.tags, change.muted_categories) == ([], None, None)


def test_of_a_ledger_the_progress_is_left() -> None:
    entry = LedgerEntry(1, 5, 3, [Outcome("sent")], [0, 0, 0], ["x"], [1, 2, 3], "p", 2)
    Lean().record(entry)
    assert (entry.intended, entry.done, entry.attempt, entry.outcomes) == (5, 3, 2, [])


def test_phases_are_those_of_the_fault_in_order() -> None:
    assert [name for name, _ in _phases({"began_ms": 3, "ended_ms": 9})] == ["before", "during", "after"]
    assert _phases({"phases": {"after": 8, "joining": 3, "leaving": 5}}) == [("before", 0), ("joining", 3), ("leaving", 5), ("after", 8)]
