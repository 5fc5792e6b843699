"""`python -m bench.opt_out --users 1000000 --opt-outs 2000`: so many people opt out, one after another, while a campaign to everybody runs.

From the log alone: of whom was an attempt's intent durable after the opt-out was (its record on notify.profiles), and by how long; and how
long an opt-out takes from being written to that record. Then `carillon audit` of the campaign. The profiles are `bench.campaign`'s, which
must have been loaded; whoever opted out opts in again. Writes bench/results/opt_out.json; exit code 1 when the bar is missed.
"""

import argparse
import json
import random
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.campaign.counts import until
from bench.campaign.log import Log
from bench.campaign.machine import machine, versions
from bench.campaign.people import change, user
from bench.campaign.run import Bench, flash_sale
from bench.campaign.urgent import quantile
from bench.system import running
from ops.audit.model import PROFILE_BOUND_MS
from ops.audit.run import audit_log
from ops.fleet.settings import FleetSettings
from schemas.partition import partition_of
from schemas.records import DeliverBatch, LedgerEntry, Profile, ProfileChanged, ProfilesChanged
from schemas.topics import EXPANSIONS, PROFILES, deliver_topic, ledger_topic

RESULTS = Path(__file__).parent / "results" / "opt_out.json"
DELIVER = deliver_topic("push", "low")
LEDGER = ledger_topic(DELIVER)
BAR_MS = 1000
ATTEMPTED = ("sent", "failed", "unknown")
Since = Mapping[tuple[str, int], int]
"""The first offset to look at, by topic and partition."""
RUN_S = 600.0


def main() -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.opt_out", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--users", type=int, default=1_000_000)
    parser.add_argument("--opt-outs", type=int, default=2000)
    parser.add_argument("--seconds", type=float, default=25.0, help="over which they opt out")
    given = parser.parse_args()
    with running() as (endpoints, log):
        bench = Bench(endpoints, FleetSettings.load().sandbox_url, log, lambda said: None)
        return race(bench, given.users, given.opt_outs, given.seconds)


def race(bench: Bench, users: int, count: int, seconds: float) -> int:
    """One campaign and the opt-outs beside it; returns the exit code."""
    log, now = bench.log, time.time_ns() // 1_000_000
    since = log.groups.ends([PROFILES, DELIVER, LEDGER])
    who = random.Random(now).sample(range(users), count)
    chunks_since, request = log.ends(EXPANSIONS), flash_sale(str(now), users, now)
    log.request(request)
    log.flush()
    try:
        written = _opt_out(log, who, seconds)
        log.expansions(chunks_since, request.notification.notification_id, RUN_S)
        for group, topic in (("carillon.profiles", "notify.profile-events"), ("carillon.bulk", DELIVER)):
            until(lambda group=group, topic=topic: log.groups.lag(group, [topic]) == 0, f"{group} is done", RUN_S)  # type: ignore[misc]
        found = figures(log, since, request.notification.notification_id, written)
    finally:  # another benchmark's urgent ones must reach them
        _opt_in(log, who, users)
    report = audit_log(bench.endpoints.kafka, bench.endpoints.registry, notification=request.notification.notification_id, settled=True)
    found |= {"users": users, "opt_outs": count, "audit": dict(report.counts), "bound_ms": PROFILE_BOUND_MS}
    found |= {"machine": machine(), "versions": versions()}
    RESULTS.write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found, indent=1))  # noqa: T201
    return 0 if not report.counts and found["late_p99_ms"] <= BAR_MS else 1


def _opt_out(log: Log, who: list[int], seconds: float) -> dict[str, int]:
    """Each turns everything off, evenly over the time; returns when each was written (epoch ms)."""
    written, began = {}, time.monotonic()
    for number, each in enumerate(who):
        time.sleep(max(0.0, began + number * seconds / len(who) - time.monotonic()))
        written[user(each)] = now = time.time_ns() // 1_000_000
        log.change(partition_of(user(each), log.partitions), ProfilesChanged([ProfileChanged(user(each), "bench", now, now, channels=[])]))
    log.flush()
    return written


def _opt_in(log: Log, who: list[int], users: int) -> None:
    now, small = time.time_ns() // 1_000_000, max(1000, min(100_000, users // 10))
    for each in who:
        log.change(partition_of(user(each), log.partitions), ProfilesChanged([change(each, (small, users), now)]))
    log.flush()


def figures(log: Log, since: Since, notification: str, written: dict[str, int]) -> dict[str, Any]:
    """What the log says of those who opted out. Times in ms; late: the intent's time less that of the opt-out's record, where above 0."""
    off = _records_of_opt_outs(log, since, written)
    intents = _intents(log, since, notification, off)
    took = sorted(float(off[name] - at) for name, at in written.items())
    late = sorted(float(max(0, at - off[name])) for name, at in intents.items())
    behind = [each for each in late if each > 0]
    return {
        "until_on_the_log_p50_ms": quantile(took, 0.5), "until_on_the_log_p99_ms": quantile(took, 0.99),
        "attempted": len(intents), "suppressed": len(written) - len(intents), "attempted_after_opt_out": len(behind),
        "late_p99_ms": quantile(late, 0.99) if late else 0, "late_max_ms": max(late, default=0),
    }  # fmt: skip


def _records_of_opt_outs(log: Log, since: Since, written: dict[str, int]) -> dict[str, int]:
    found: dict[str, int] = {}
    for message in log.written_since(since, PROFILES):
        name = (message.key() or b"").decode()
        if name in written and message.value() and not log.codec.decode(message.value(), Profile).channels:
            found.setdefault(name, message.timestamp()[1])
    return found


def _intents(log: Log, since: Since, notification: str, off: dict[str, int]) -> dict[str, int]:
    """By user who was attempted: when the last intent that covers them was durable."""
    rows: dict[str, list[tuple[int, str]]] = {}
    for message in log.written_since(since, DELIVER):
        batch = log.codec.decode(message.value(), DeliverBatch)
        mine = [(row, name) for row, name in enumerate(batch.users) if name in off]
        if batch.notification.notification_id == notification and mine:
            rows[batch.batch_id] = mine
    found: dict[str, int] = {}
    ended: dict[str, str] = {}
    for message in log.written_since(since, LEDGER):
        under = rows.get((message.key() or b"").decode())
        if not under or not message.value():
            continue
        entry = log.codec.decode(message.value(), LedgerEntry)
        for row, name in under:
            if entry.done <= row < entry.intended:
                found[name] = message.timestamp()[1]
            elif row < entry.done:
                ended[name] = entry.outcomes[entry.outcome_of[row]].status
    return {name: at for name, at in found.items() if ended[name] in ATTEMPTED}


if __name__ == "__main__":
    sys.exit(main())
