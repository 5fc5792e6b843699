"""python -m tests.faults.drill --users 200000 --per-s 2000 --seed S: a provider is down for two hours in the middle of a campaign.

These two hours are `--outage-s`. How long policy tries, and when things expire, is as much shorter; throughput, the breaker's cool-downs
and what policy sheds are not.
Says its seed first. Writes tests/faults/results/<seed>.json, ends with one line of JSON; the exit code says whether everything held.
"""

import argparse
import random
import sys

from tests.faults.drilled import run
from tests.faults.outage import TWO_HOURS_S
from tests.faults.plan import Plan
from tests.faults.run import told

PEOPLE_A_SECOND = 100
"""Users by message a second of the limit, where none is given."""


def main() -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=200_000)
    parser.add_argument("--per-s", type=int, default=0, help=f"the limit of the account; default: a {PEOPLE_A_SECOND}th of the users")
    parser.add_argument("--outage-s", type=float, default=120.0)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    given = parser.parse_args()
    print(f"seed {given.seed}", flush=True)  # noqa: T201
    plan = planned(given.users, given.per_s or given.users // PEOPLE_A_SECOND, given.outage_s, given.seed)
    return told(lambda: run(plan))


def planned(users: int, per_s: int, outage_s: float, seed: int) -> Plan:
    """The drill as a plan."""
    return Plan(users, 0, seed, (), chunk=250, latency_ms=20, fault="", fault_s=outage_s, per_s=per_s, scale=TWO_HOURS_S / outage_s)


if __name__ == "__main__":
    sys.exit(main())
