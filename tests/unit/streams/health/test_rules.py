"""When a worker is stuck, as a story of looks."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.health.rules import Group, Held, Limits, Offsets, Seen, State, clear, detached, forgive, judge

A = ("notify.fanout", 3)
LIMITS = Limits(stuck_s=60, patience_s=600, recovery_s=300, detached_s=120, gap_s=30)
CHECK_S = 5


def seen(committed: int = 0, end: int = 0, *, recovered: bool = True, batches: int = 0, signed_at: float = 0.0) -> Seen:
    mine = Group(member=True, mine=frozenset({A}))
    return Seen({A: Held(recovered, batches, signed_at)}, {A: Offsets(committed, end)}, mine)


def looks(state: State, until: int, make: Seen | Callable[[int], Seen], since: int = 0) -> tuple[int, str] | None:
    """When, and why, the verdict came; None when it did not."""
    for now in range(since, until, CHECK_S):
        found = judge(state, make(now) if callable(make) else make, now, LIMITS)
        if found:
            return now, found.reason
    return None


def test_work_that_does_not_move_is_a_verdict_that_names_it() -> None:
    state = State()
    found = looks(state, 200, seen(committed=7, end=9))
    assert found == (65, "notify.fanout/3 has not moved for 65 s while there is work (committed offset 7, end 9)")


def test_nothing_to_do_is_no_reason_however_long() -> None:
    assert looks(State(), 10_000, seen(committed=9, end=9)) is None


def test_work_that_comes_after_a_long_rest_has_its_time() -> None:
    assert looks(State(), 2000, lambda now: seen(9, 9 if now < 1000 else 10)) == (
        1060,
        "notify.fanout/3 has not moved for 65 s while there is work (committed offset 9, end 10)",
    )


@given(st.integers(5, 59), st.integers(1, 10))
def test_a_commit_within_the_limit_is_enough(every: int, step: int) -> None:
    assert looks(State(), 2000, lambda now: seen(now // every * step, 10_000_000)) is None


def test_a_batch_that_gives_signs_has_patience() -> None:
    assert looks(State(), 595, lambda now: seen(0, 9, batches=1, signed_at=now)) is None
    found = looks(State(), 2000, lambda now: seen(0, 9, batches=1, signed_at=now))
    assert found is not None
    assert found[0] == 605


def test_batches_that_go_by_without_a_commit_have_none() -> None:
    found = looks(State(), 2000, lambda now: seen(0, 9, batches=now, signed_at=now))
    assert found is not None
    assert found[0] == 65


def test_signs_that_stopped_do_not_count() -> None:
    found = looks(State(), 2000, lambda now: seen(0, 9, batches=1, signed_at=min(now, 200)))
    assert found is not None
    assert found[0] == 265


def test_a_recovery_has_a_limit_of_its_own_and_then_the_work_has_its_time() -> None:
    assert looks(State(), 300, seen(0, 9, recovered=False)) is None
    assert looks(State(), 2000, seen(0, 0, recovered=False)) == (
        305,
        "notify.fanout/3 has not recovered for 305 s (committed offset 0, end 0)",
    )
    found = looks(State(), 2000, lambda now: seen(0, 9, recovered=now >= 290))
    assert found is not None
    assert found[0] == 355


def test_what_the_log_does_not_have_is_not_work_until_there_is_more() -> None:
    state = State()
    assert looks(state, 100, seen(7, 9)) is not None
    clear(state, A, 9)
    assert looks(state, 5000, seen(7, 9), since=70) is None
    found = looks(state, 9000, seen(7, 10), since=5000)
    assert found is not None
    assert found[0] == 5060


def test_no_answer_and_a_suspended_process_count_anew() -> None:
    state = State()
    assert looks(state, 60, seen(7, 9)) is None
    forgive(state, 60)
    assert looks(state, 125, seen(7, 9), since=60) is None
    assert judge(state, seen(7, 9), 1000, LIMITS) is None  # the look is late: it was suspended
    assert looks(state, 1055, seen(7, 9), since=1005) is None


@pytest.mark.parametrize(
    ("held", "group", "why"),
    [
        ({A}, Group(True, frozenset({A})), None),
        (set(), Group(True), None),  # a spare one: others have everything
        (set(), Group(False), "the consumer group does not know this worker"),
        ({A}, Group(False), "the consumer group does not know this worker"),
        (set(), Group(True, frozenset({A})), "the broker gave this worker notify.fanout/3, and it does not work on them"),
        (set(), Group(True, orphans=frozenset({A})), "this worker has no partitions, and nobody has notify.fanout/3"),
        ({A}, Group(True, frozenset()), None),  # a rebalance is under way
    ],
)
def test_who_has_what(held: set[tuple[str, int]], group: Group, why: str | None) -> None:
    assert detached(frozenset(held), group) == why


def test_a_worker_that_never_gets_its_partitions_is_given_up() -> None:
    lost = Seen({}, {}, Group(True, frozenset({A})))
    found = looks(State(), 2000, lost)
    assert found is not None
    assert found[0] == 125
    joining = Seen({}, {}, Group(False))
    assert looks(State(), 3000, lambda now: joining if now % 100 < 50 else seen()) is None
