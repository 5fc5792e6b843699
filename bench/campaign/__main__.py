"""`python -m bench.campaign`: prints tables, writes bench/results/campaign.json; exit code 1 when counts do not add up."""

import argparse
import sys
from pathlib import Path

from rich.console import Console

from bench.campaign import report
from bench.campaign.run import Bench
from bench.system import running
from ops.fleet import fleet
from ops.fleet.settings import FleetSettings

IDLE_COUNT, IDLE_RATE = 500, 10.0
BUSY_RATE = 20.0


def main() -> int:
    """Run the benchmark on the local stack."""
    arguments = _arguments()
    console = Console()
    with running() as (endpoints, log):
        return _run(Bench(endpoints, FleetSettings.load().sandbox_url, log, console.print), arguments.users, arguments.load, console)


def _run(bench: Bench, users: int, load: bool, console: Console) -> int:
    small = max(1000, min(100_000, users // 10))
    load_per_s = _loaded(bench, users, small, load, console)
    console.print("warming up, then expansion and decision alone")
    bench.campaign(small)
    decide_alone = bench.decide_only(users)
    console.print(f"{small:,} from event to last row")
    tenth = bench.campaign(small)
    console.print(f"{users:,} from event to last row, with urgent ones beside it")
    urgent = bench.urgent_beside(users, BUSY_RATE)
    whole = bench.campaign(users, urgent)
    busy = bench.latencies(urgent)
    console.print("urgent notifications while nothing else happens")
    idle = bench.urgent_idle(users, IDLE_COUNT, IDLE_RATE)
    found = report.results(tenth, whole, decide_alone, load_per_s, idle, busy)
    report.show(console, found)
    console.print(f"written to {report.save(found)}")
    for what in report.missed(found):
        console.print(f"[yellow]bar missed: {what}")
    wrong = report.problems(found, tenth, whole)
    for what in wrong:
        console.print(f"[red]does not add up: {what}")
    return 1 if wrong else 0


def _loaded(bench: Bench, users: int, small: int, again: bool, console: Console) -> float:
    """Profiles are loaded once for a home; returns profiles/s, 0 when they were there."""
    mark = Path(bench.endpoints.home) / "bench" / f"loaded-{users}"
    if mark.exists() and not again:
        return 0.0
    console.print(f"loading {users:,} profiles")
    rate = bench.load(users, (small, users))
    for name in ("decide-1", "decide_urgent-1", "urgent-1", "bulk-1"):
        fleet.restart(name)  # ready again when its copy of the profiles is whole
    mark.parent.mkdir(parents=True, exist_ok=True)
    mark.touch()
    return rate


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.campaign", description=__doc__)
    parser.add_argument("--users", type=int, default=1_000_000, help="recipients of the campaign (default 1,000,000)")
    parser.add_argument("--load", action="store_true", help="load the profiles again, though they were loaded before")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
