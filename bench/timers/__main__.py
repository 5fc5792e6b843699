"""`python -m bench.timers --timers 1000000 --window-s 60`: so many timers, all due within the window, kept and fired by one worker process,
and urgent notifications beside them.

Each timer writes one record (a FeedbacksReceived of nothing; the worker `feedback` is not started), whose timestamp says how late it was.
The window begins `--lead-s` after the start; when not all are set by then both compete, and it says so. `--kills 50`: SIGKILL the worker so
often within the window, which should be longer then. Starts what does not run. Writes bench/results/timers.json (timers_killed.json); exit
code 1 when a bar is missed: all fired, none early, lateness p99 < 2 s, urgent p99 < 250 ms.
"""

import argparse
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path

from bench.campaign.machine import machine, versions
from bench.system import running
from bench.timers.found import Found
from bench.timers.run import Run
from ops.fleet.settings import FleetSettings

RESULTS = Path(__file__).parents[1] / "results"
SETTINGS_A_SECOND = 5000
"""What the default lead expects."""


def main() -> int:
    """Run, print and write what was found."""
    parser = argparse.ArgumentParser(prog="python -m bench.timers", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--timers", type=int, default=1_000_000)
    parser.add_argument("--window-s", type=float, default=60.0)
    parser.add_argument("--lead-s", type=float, help=f"default: 20 s, and 1 s for each {SETTINGS_A_SECOND} timers")
    parser.add_argument("--kills", type=int, default=0)
    asked = parser.parse_args()
    lead_s = asked.lead_s or 20 + asked.timers / SETTINGS_A_SECOND
    os.environ.setdefault("CARILLON_FLEET", "feedback=0")
    with running() as (endpoints, log):
        found = Run(endpoints, log, FleetSettings.load().sandbox_url, Found(asked.timers, asked.window_s, lead_s)).run(asked.kills)
    text = json.dumps(asdict(found) | {"machine": machine(), "versions": versions()}, indent=1) + "\n"
    (RESULTS / ("timers_killed.json" if asked.kills else "timers.json")).write_text(text)
    sys.stdout.write(text)
    sys.stdout.writelines(f"bar missed: {line}\n" for line in found.missed)
    return 1 if found.missed else 0


if __name__ == "__main__":
    sys.exit(main())
