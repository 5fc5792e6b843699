"""Break what is beside the workers in the middle of a campaign: nobody is lost, nobody is told twice but those that are listed.

That a provider or Postgres goes away is in tests/e2e/test_providers.py and tests/integration/upstream too. For other faults, longer ones
and more seeds call `python -m tests.faults.run --fault NAME`; what was run is in docs/faults.md.
"""

import random

import pytest

from tests.faults.plan import Plan
from tests.faults.run import run, save

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]


@pytest.mark.parametrize(("fault", "lasts_s"), [("disk_full", 6)])
def test_whatever_breaks_the_sums_match(fault: str, lasts_s: float) -> None:
    seed = random.randrange(10**6)
    report = run(Plan(3_000, 0, seed, fault=fault, fault_s=lasts_s))
    path = save(report)
    assert report.holds, f"seed {seed}, fault {fault}, see {path}: {report.verdict['wrong']}"
    assert report.fault["name"] == fault
