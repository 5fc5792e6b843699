import random

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from ops.cli.progress import line
from ops.cli.tally import Tally, by_status
from schemas.records import AudienceExpanded, Outcome, StatusBatch
from schemas.topics import STATUS
from tests.unit.ops.cli.made import expanded, status

RECORDS: list[AudienceExpanded | StatusBatch] = [
    expanded(0, 0, partitions=2, last=False, users=2, queued={"push": 2, "email": 1}, suppressed={"email": 1}),
    expanded(0, 1, partitions=2, users=1, queued={"push": 1, "email": 1}),
    expanded(1, 0, partitions=2, users=0, queued={}),
    status(["a", "b"], status_id="1"),
    status(["c"], Outcome("failed", "unregistered"), status_id="2"),
    status(["a"], status_id="3", channel="email"),
    status(["b"], Outcome("suppressed", "no_address"), status_id="4", channel="email"),
    status(["c"], Outcome("unknown", "no_answer"), status_id="5", channel="email", at=2_000_000),
]


def tally(records: list[AudienceExpanded | StatusBatch]) -> Tally:
    made = Tally()
    for record in records:
        if isinstance(record, StatusBatch):
            made.told(record)
        else:
            made.expanded(record)
    return made


def test_everything_is_counted() -> None:
    made = tally(RECORDS)
    assert made.users == 3
    assert made.counts == {
        "push": {"sent": 2, "failed:unregistered": 1},
        "email": {"sent": 1, "suppressed:no_address": 1, "unknown:no_answer": 1},
    }
    assert by_status(made.counts) == {"sent": 3, "failed": 1, "suppressed": 1, "unknown": 1}
    assert made.complete
    assert made.pending == {"push": 0, "email": 0}
    assert made.finished_at == 2_000_000


@given(st.randoms(use_true_random=False), st.integers(0, 2**32))
def test_order_and_repetition_change_nothing(dice: random.Random, seed: int) -> None:
    twice = RECORDS * 2
    dice.shuffle(twice)
    made = tally(twice)
    assert (made.counts, made.users, made.complete) == (tally(RECORDS).counts, 3, True)


@given(st.sets(st.integers(0, len(RECORDS) - 1), min_size=1))
def test_nothing_is_complete_while_a_record_is_missing(missing: set[int]) -> None:
    assert not tally([record for index, record in enumerate(RECORDS) if index not in missing]).complete


def test_nothing_heard_is_not_complete() -> None:
    assert not Tally().complete


HELD = status(["d"], Outcome("deferred", "quiet_hours", "2026-11-22T07:00:00+00:00"), status_id="6")
NIGHT: list[AudienceExpanded | StatusBatch] = [
    expanded(users=2, queued={"push": 1, "email": 2}, suppressed={"push": 0, "email": 0}, deferred={"push": 1}),
    status(["a"], status_id="1"),
    status(["a", "d"], status_id="2", channel="email"),
    HELD,
]


def test_who_is_held_is_pending() -> None:
    made = tally(NIGHT)
    assert made.expansion_complete
    assert (made.users, made.held, made.pending) == (2, 1, {"push": 1, "email": 0})
    assert made.counts == {"push": {"sent": 1}, "email": {"sent": 2}}
    assert "held 1" in line(made)
    assert not made.complete


def test_who_is_released_is_no_further_part_of_the_audience() -> None:
    release = expanded(users=1, last=False, queued={"push": 1}, suppressed={"push": 0}, hold_id="h")
    made = tally([*NIGHT, release, release])
    assert (made.users, made.held, made.pending) == (2, 0, {"push": 1, "email": 0})
    assert tally([*NIGHT, release, status(["d"], status_id="3")]).complete


def test_who_is_handed_back_by_delivery_is_held_until_they_are_released() -> None:
    outcomes = [Outcome("sent"), Outcome("deferred", "quiet_hours")]
    told = msgspec.structs.replace(status(["a", "b"]), batch_id="b", outcomes=outcomes, outcome_of=[0, 1])
    said: list[AudienceExpanded | StatusBatch] = [expanded(users=2, queued={"push": 2}, suppressed={"push": 0}), told]
    release = expanded(users=1, last=False, queued={"push": 1}, suppressed={"push": 0}, hold_id="h")
    assert (tally(said).held, tally(said).complete) == (1, False)
    assert (tally([*said, release]).held, tally([*said, release, status(["b"], status_id="3")]).complete) == (0, True)


def test_who_is_held_again_is_held_once() -> None:
    again = expanded(users=1, last=False, queued={"push": 0}, suppressed={"push": 0}, hold_id="h", deferred={"push": 1})
    assert tally([*NIGHT, again]).held == 1


def test_a_try_on_a_further_channel_is_waited_for() -> None:
    made = tally([expanded(users=2), status(["a", "b"], Outcome("failed", "unregistered"))])
    assert made.complete
    made.expanded(expanded(users=2, last=False, hold_id="t", tried="push", queued={"email": 1}, deferred={"email": 1}))
    assert (made.users, made.expected, made.held, made.complete) == (2, {"push": 2, "email": 2}, 1, False)
    made.expanded(expanded(users=1, last=False, hold_id="h", queued={"email": 1}))
    made.told(status(["a", "b"], status_id="2", channel="email"))
    assert (made.held, made.complete) == (0, True)


def test_whom_a_replay_reopened_is_counted_when_it_is_their_turn_again() -> None:
    failed = status(["a", "b"], Outcome("failed", "provider_unavailable"), batch_id="b1", status_id="1")
    again = status(["a"], Outcome("deferred", "replayed"), batch_id="b1", status_id="2", caused_by_topic=STATUS)
    released = expanded(users=1, last=False, hold_id="h", queued={"push": 1})
    sent = status(["a"], batch_id="b2", status_id="3")
    made = tally([expanded(users=2), failed, again])
    assert (made.counts, made.pending, made.held, made.complete) == ({"push": {"failed:provider_unavailable": 1}}, {"push": 1}, 1, False)
    for records in ([failed, again, released, sent], [sent, released, again, failed]):
        made = tally([expanded(users=2), *records])
        assert made.counts == {"push": {"failed:provider_unavailable": 1, "sent": 1}}
        assert (made.held, made.complete) == (0, True)
