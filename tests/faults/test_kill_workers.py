"""SIGKILL any worker or projection in the middle of a campaign: nobody is lost, nobody is told twice but those the ledger lists.

CARILLON_FAULTS_USERS, _KILLS and _SEED change the run; for a long one call `python -m tests.faults.run`.
"""

import os
import random

import pytest

from tests.faults.plan import STORES
from tests.faults.run import ROLES, Plan, run, save

pytestmark = [pytest.mark.faults, pytest.mark.timeout(400)]


def told(name: str, otherwise: int) -> int:
    return int(os.environ.get(f"CARILLON_FAULTS_{name}") or otherwise)


def test_whoever_is_killed_the_sums_match() -> None:
    seed = told("SEED", random.randrange(10**6))
    report = run(Plan(told("USERS", 10_000), told("KILLS", 6), seed, (*ROLES, *STORES), stores=True))
    path = save(report)
    assert report.holds, f"seed {seed}, see {path}: {report.verdict['wrong']}"
    assert len(report.kills) == report.plan["kills"]
    assert set(report.stores) == set(STORES)


def test_a_deployment_in_the_middle_of_a_campaign_leaves_nobody_unknown() -> None:
    """SIGTERM lets what is under way end."""
    seed = told("SEED", random.randrange(10**6))
    report = run(Plan(told("USERS", 5_000), 2, seed, roles=("bulk", "decide"), how="restart"))
    path = save(report)
    assert report.holds, f"seed {seed}, see {path}: {report.verdict['wrong']}"
    assert "unknown" not in report.verdict["by_status"]
    assert set(ROLES) == set(report.exit_codes)
    assert set(report.exit_codes.values()) == {0}
