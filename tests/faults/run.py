"""python -m tests.faults.run --users 20000 --kills 300 --seed S [--fault NAME]: campaigns under strikes and a fault, judged from the log.

Says its seed first. Writes tests/faults/results/<seed>.json, ends with one line of JSON; the exit code says whether everything held.
"""

import argparse
import json
import random
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

from ops.local.borrowing import give_back_on_sigterm
from tests.faults.faults import FAULTS
from tests.faults.plan import ROLES, TOPICS, Plan, Report
from tests.faults.play import run
from tests.faults.stage import RESULTS

__all__ = ["ROLES", "TOPICS", "Plan", "Report", "main", "run", "save", "told"]


def save(report: Report) -> Path:
    """Write the report to results/<seed>.json."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{report.plan['seed']}.json"
    path.write_text(json.dumps(asdict(report), indent=1) + "\n")
    return path


def main() -> int:
    """The command line; returns the exit code."""
    plan = _plan(_arguments())
    print(f"seed {plan.seed}", flush=True)  # noqa: T201
    return told(lambda: run(plan))


def told(play: Callable[[], Report]) -> int:
    """Play, save and print the report; returns the exit code. SIGTERM ends what was started, too."""
    give_back_on_sigterm()
    report = play()
    whole = {key: value for key, value in asdict(report).items() if key not in ("kills", "line")}
    sys.stdout.write(json.dumps(whole, indent=1) + f"\n{'holds' if report.holds else 'DOES NOT HOLD'}: {save(report)}\n")
    sys.stdout.write(json.dumps(report.line) + "\n")
    return 0 if report.holds else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=20_000)
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--roles", default="", help="which may be struck; default: all that run")
    parser.add_argument("--chunk", type=int, default=Plan.chunk, help="users a campaign decides at once")
    parser.add_argument("--batch", type=int, default=Plan.batch, help="users an e-mail request may have")
    parser.add_argument("--latency-ms", type=int, default=100, help="of the provider")
    parser.add_argument("--push", default="sandbox_batch", choices=("sandbox_batch", "sandbox_single"))
    parser.add_argument("--workers", type=int, default=1, help="of each role that may be struck")
    parser.add_argument("--how", default="kill", choices=("kill", "restart", "stall"), help="SIGKILL; SIGTERM; SIGSTOP for 14 s")
    parser.add_argument("--fault", default="", choices=("", *FAULTS), help="something else that breaks, beside the strikes")
    parser.add_argument("--fault-s", type=float, default=20.0, help="for so long")
    parser.add_argument("--after-s", type=float, default=5.0, help="go on for so long after it")
    parser.add_argument("--campaign-s", type=float, default=0.0, help="from one campaign's beginning to the next one's, at least")
    parser.add_argument("--pace-s", type=float, default=1.2, help="between two strikes, on average")
    parser.add_argument("--strike-s", type=float, default=0.0, help="no strike after so long, whatever is left of --kills; 0: no limit")
    parser.add_argument("--give-way", action="store_true", help="campaigns let the urgent go first: for a quiet machine")
    parser.add_argument("--likes", type=int, default=0, help="so many in bursts, to 100 people, which end in digests")
    parser.add_argument("--stores", action="store_true", help="projections run too, may be struck, and are compared with the log")
    return parser.parse_args()


def _plan(given: argparse.Namespace) -> Plan:
    plan = Plan(**{**vars(given), "roles": ()})
    return replace(plan, roles=tuple(given.roles.split(",")) if given.roles else plan.everyone)


if __name__ == "__main__":
    sys.exit(main())
