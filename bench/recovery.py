"""`python -m bench.recovery`: from the start of a `decide` process to the first record it has processed, warm and cold.

Warm: its copy of the profiles is on its disk. Cold: the disk is gone, and all profiles are read from the log again. Needs the profiles that
`make bench-campaign` loads. Writes bench/results/recovery.json; exit code 1 when the bar (cold < 20 s, warm < 2 s) is missed.
"""

import argparse
import json
import shutil
import sys
import time
from pathlib import Path
from typing import Any

from bench.campaign.log import Log
from bench.campaign.machine import machine, versions
from bench.campaign.people import user
from bench.campaign.run import flash_sale
from bench.system import running
from ops.endpoints import Endpoints
from ops.fleet import fleet
from schemas.records import Audience, NotificationRequested
from schemas.topics import EXPANSIONS, PROFILES

RESULTS = Path(__file__).parent / "results" / "recovery.json"
MEMBER, STATE = "decide-1", "state/decide-1"
RUN_S = 300.0
BARS = {"cold_s": 20.0, "warm_s": 2.0}
TIMES = 3
RECORDS = range(1_000_000, 1_100_001)
"""What the bar is for. Loaded twice the log has two of each until it is compacted, and a cold start reads them all."""


def main() -> int:
    """Run on the local stack."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    with running() as (endpoints, log):
        found = measured(log, endpoints)
    RESULTS.write_text(json.dumps(found, indent=1) + "\n")
    sys.stdout.write(json.dumps(found, indent=1) + "\n")
    late = [f"{name} is {found[name]}, the bar is < {bar:.0f}" for name, bar in BARS.items() if found[name] >= bar]
    sys.stdout.writelines(f"bar missed: {line}\n" for line in late)
    return 1 if late else 0


def measured(log: Log, endpoints: Endpoints) -> dict[str, Any]:
    """The median of three for each, seconds. Raises SystemExit when the log is not what the bars are for."""
    if (profiles := sum(log.ends(PROFILES))) not in RECORDS:
        raise SystemExit(f"notify.profiles has {profiles:,} records, the bar is for a million: `make clean`, then `make bench-campaign`")
    warm = sorted(recovery_s(log, endpoints, cold=False) for _ in range(TIMES))
    cold = sorted(recovery_s(log, endpoints, cold=True) for _ in range(TIMES))
    return {
        "profile_records": profiles,
        "warm_s": warm[TIMES // 2],
        "cold_s": cold[TIMES // 2],
        "warm_all_s": warm,
        "cold_all_s": cold,
        "machine": machine(),
        "versions": versions(),
    }


def recovery_s(log: Log, endpoints: Endpoints, *, cold: bool) -> float:
    """Kill the process, give it something to do, start it: seconds until that is done."""
    fleet.kill(MEMBER)
    if cold:
        shutil.rmtree(Path(endpoints.home) / STATE)
    since, request = log.ends(EXPANSIONS), _single()
    log.request(request)
    log.flush()
    began = time.time()
    fleet.ensure_running()
    chunks = log.expansions(since, request.notification.notification_id, RUN_S)
    return round(min(chunk.at for chunk in chunks) / 1000 - began, 2)


def _single() -> NotificationRequested:
    now = time.time_ns()
    sale = flash_sale(f"recovery-{now}", 1, now // 1_000_000)
    return NotificationRequested(sale.notification, Audience([user(1)]), sale.idempotency_key)


if __name__ == "__main__":
    sys.exit(main())
