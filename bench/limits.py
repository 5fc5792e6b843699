"""`python -m bench.limits`: an account's limit held by four workers, counted each second where the messages arrive.

A campaign is decided while delivery is slowed to `--per-s` by the provider's declared limit; the sandbox counts what it gets in each second
of its own clock. The bars: no second over the limit, and at least 95 % of it used from the first message to the last, without the seconds
these two are in, which are not whole. `used_full` leaves out the last tenth besides, in which some workers have nothing left. Profiles are
those of `bench.campaign`, which is run first.
"""

import argparse
import os
import statistics
import sys
from pathlib import Path

import httpx
import msgspec
from rich.console import Console

from bench.campaign.counts import received, until
from bench.campaign.run import RUN_S, Bench
from bench.delivery import PROVIDERS
from bench.system import running
from ops.fleet.settings import FleetSettings

RESULTS = Path(__file__).parent / "results" / "limits.json"
WORKERS = 4
USED_BAR = 95.0


class Found(msgspec.Struct, frozen=True):
    """Messages a second. `mean` and `used` (percent of the limit, the bar's): of all seconds but the first and the last; `used_full`:
    without the last tenth of them.
    """

    limit: int
    workers: int
    recipients: int
    seconds: int
    most: int
    mean: float
    used: float
    used_full: float
    over: int
    """Seconds with more than the limit."""


def main() -> int:
    """Run it, print it and write bench/results/limits.json; 1 when a bar is missed."""
    parser = argparse.ArgumentParser(prog="python -m bench.limits", description=__doc__)
    parser.add_argument("--per-s", type=int, default=2_000)
    parser.add_argument("--users", type=int, default=100_000)
    parser.add_argument("--kind", choices=("sandbox_batch", "sandbox_single"), default="sandbox_batch")
    args = parser.parse_args()
    path = Path("/tmp") / f"carillon-limits-{os.getpid()}.yaml"
    path.write_text(PROVIDERS.format(kind=args.kind, options=f"rate_per_s: {args.per_s}"))
    # what is kept for the urgent is not used here
    os.environ |= {"CARILLON_FLEET": f"bulk={WORKERS}", "CARILLON_PROVIDERS_FILE": str(path), "CARILLON_URGENT_SHARE": "0.001"}
    try:
        with running() as (endpoints, log):
            bench = Bench(endpoints, FleetSettings.load().sandbox_url, log, Console().print)
            found = measured(bench, args.per_s, args.users)
    finally:
        path.unlink()
    text = msgspec.json.format(msgspec.json.encode(found), indent=1)
    RESULTS.write_bytes(text + b"\n")
    sys.stdout.write(text.decode() + "\n")
    return int(found.over > 0 or found.used < USED_BAR)


def measured(bench: Bench, per_s: int, users: int) -> Found:
    """One campaign through the limit."""
    before = series(bench.sandbox_url)
    since, notification = bench.start(users)
    queued = sum(sum(chunk.queued.values()) for chunk in bench.log.expansions(since, notification, RUN_S))
    until(lambda: received(bench.sandbox_url, notification) >= queued, "all have arrived", RUN_S, 0.5)
    counts = [count for second, count in sorted(series(bench.sandbox_url).items()) if second not in before]
    whole = counts[1:-1]
    full = whole[: len(whole) * 9 // 10]
    mean, over = statistics.fmean(whole), sum(count > per_s for count in counts)
    used, used_full = (round(100 * statistics.fmean(some) / per_s, 2) for some in (whole, full))
    return Found(per_s, WORKERS, queued, len(whole), max(counts), round(mean, 1), used, used_full, over)


def series(sandbox_url: str) -> dict[int, int]:
    """Messages by second."""
    told = httpx.get(f"{sandbox_url}/v1/stats", timeout=30.0).raise_for_status().json()["series"]
    return {int(second): int(count) for second, count in told}


if __name__ == "__main__":
    sys.exit(main())
