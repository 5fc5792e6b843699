"""What a drill is judged by: the limit by second, memory, everyone's end; and the policy that is scaled. Drills are `make test-drill`'s."""

from typing import Any

import pytest

from bench.system import UNCAPPED
from schemas.records import Notification, Outcome, Priority, StatusBatch
from schemas.topics import CHANNELS, STATUS
from streams.policy.reading import Reading
from streams.strict_yaml import read_yaml
from tests.faults import drill_judge
from tests.faults.drained import drained, over
from tests.faults.log import Entry
from tests.faults.memory import most_between
from tests.faults.oracle import Verdict
from tests.faults.outage import HEALED, PHASES
from tests.faults.plan import Report
from tests.faults.stage import scaled

PLAN_PHASES = {"steady": 0} | {name: 10_000 * (number + 1) for number, name in enumerate((*PHASES, HEALED))}


def test_a_limit_is_used_from_when_it_is_back_to_the_last_tenth() -> None:
    counts = [100, 0, 3, 60, 90, *[98] * 20, 96, *[50] * 3]
    found = drained({1000 + number: count for number, count in enumerate(counts)}, 1000, 100)
    assert found is not None
    assert (found.back_s, found.mean, found.used) == (3, 98.0, 98.0)
    assert found.seconds == found.drained_s - 1 - 4


def test_a_second_without_a_message_counts() -> None:
    counts = {second: 100 for second in range(1, 40) if second != 20}
    found = drained(counts, 0, 100)
    assert found is not None
    assert found.used < 100


@pytest.mark.parametrize("counts", [{}, {1: 10}, {11: 10, 12: 10}, {11: 90, 12: 90}])
def test_of_too_few_nothing_is_said(counts: dict[int, int]) -> None:
    assert drained(counts, 10, 100) is None


def test_a_second_over_the_limit_is_found() -> None:
    assert over({1: 100, 2: 101, 3: 0}, 100) == {2: 101}


def test_memory_is_the_most_within_a_time() -> None:
    series = [(0, 9.0), (5, 1.0), (7, 3.0), (9, 2.0), (10, 8.0)]
    assert (most_between(series, 5, 9), most_between(series, 20, 30)) == (3.0, 0.0)


def test_a_scaled_policy_tries_and_keeps_as_much_shorter() -> None:
    reading = Reading(CHANNELS)
    whole, short = (reading.policy(read_yaml(scaled(UNCAPPED.read_text(), scale).encode())) for scale in (1, 60))
    assert not reading.mistakes
    assert whole is not None
    assert short is not None
    for name, category in whole.categories.items():
        assert short.categories[name].retry.for_ms == category.retry.for_ms / 60
        assert short.categories[name].shed_over_ms == category.shed_over_ms
    assert short.categories["promotional"].expires_after_ms == 24 * 60_000
    assert (short.critical_retry.for_ms, short.critical_retry.first_ms) == (5_000, 1_000)


def ended(outcome: Outcome, *, at: int, expires_at: int | None = None) -> tuple[dict[str, int], dict[str, Any]]:
    """What is blamed, and what noted, when two people have an outcome."""
    told = Notification("n", "t", "s", "", "t", 1, "c", Priority.LOW, ["push"], {}, 1, 1, expires_at=expires_at)
    status = StatusBatch(
        status_id="s", notification=told, channel="push", users=["a", "b"], outcomes=[outcome], outcome_of=[0, 0], profile_offsets=[1, 1],
        provider_message_ids=["", ""], at=at, caused_by_topic="t", caused_by_partition=0, caused_by_offset=0,
    )  # fmt: skip
    verdict, report = Verdict(), Report({})
    drill_judge._ends({STATUS: [Entry(STATUS, 0, 0, at, b"", None, status)]}, PLAN_PHASES, verdict, report)
    return verdict.wrong, report.fault


def blamed(outcome: Outcome, *, at: int, expires_at: int | None = None) -> dict[str, int]:
    """What of it is blamed."""
    return ended(outcome, at=at, expires_at=expires_at)[0]


def test_who_is_given_up_on_before_it_expires_is_blamed() -> None:
    assert blamed(Outcome("failed", "provider_unavailable"), at=50_000) == {"given up on": 2}
    assert blamed(Outcome("failed", "unregistered"), at=50_000) == {}
    assert blamed(Outcome("deferred", "provider_unavailable"), at=50_000) == {}


def test_who_expires_does_so_when_it_is_time() -> None:
    expired = Outcome("expired", "expired")
    assert blamed(expired, at=50_000, expires_at=51_000) == {}
    assert blamed(expired, at=50_000, expires_at=60_000) == blamed(expired, at=50_000) == {"expired before its time": 2}


def test_a_doubt_is_counted_in_its_phase() -> None:
    wrong, noted = ended(Outcome("unknown", "no_answer"), at=PLAN_PHASES["reset"] + 1)
    assert wrong == {}
    assert noted == {"ends": {"s": {"unknown/no_answer": 2}}, "unknown_in": {"reset": 2}}


def test_who_is_tried_again_has_not_ended() -> None:
    assert ended(Outcome("deferred", "provider_unavailable"), at=50_000)[1]["ends"] == {}


def test_a_worker_that_grows_while_the_provider_is_down_is_blamed() -> None:
    verdict, report = Verdict(), Report({})
    flat, grows = [(5_000, 100.0), (50_000, 110.0), (95_000, 200.0)], [(5_000, 100.0), (50_000, 130.0)]
    line = drill_judge._memory({"bulk": flat, "bulk-2": grows}, PLAN_PHASES, verdict, report)
    assert line == {"grown_mb": 30.0, "grown_most": "bulk-2"}
    assert verdict.wrong == {"memory that is not flat": 1}
