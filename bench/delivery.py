"""`python -m bench.delivery`: one delivery worker against a backlog on the log, with ledger, statuses and limits, beside bare HTTP clients.

Everybody is decided while delivery is stopped; then one `bulk` worker alone works it off, to a provider that takes 1000 a request and to
one that takes one. What is counted is what has arrived at the provider. Profiles are those of `bench.campaign`, which is run first.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import psutil
import uvloop
from rich.console import Console
from rich.table import Table

from bench.campaign.counts import received, until
from bench.campaign.run import BULK, RUN_S, STOP_S, Bench, after_decision_stopped
from bench.http_client import compare
from bench.system import running
from ops.fleet.members import CLI, environment
from ops.fleet.settings import FleetSettings

RESULTS = Path(__file__).parent / "results" / "delivery.json"
PROVIDERS = """channels:
  push: [{{kind: {kind}, name: bench, options: {{base_url: "${{SANDBOX_URL}}", {options}}}}}]
  email: [{{kind: inbox, name: e, options: {{channel: email}}}}]
  sms: [{{kind: inbox, name: s, options: {{channel: sms}}}}]
  chat: [{{kind: inbox, name: c, options: {{channel: chat}}}}]
  in_app: [{{kind: inbox}}]
"""
KINDS = {"batch": ("sandbox_batch", "batch_size: 1000"), "single": ("sandbox_single", "concurrency: 100")}
BARS = {"batch": 150_000, "single": 6_000}


class Figures(msgspec.Struct, frozen=True):
    """Of one kind of provider: recipients, recipients a second from the first that arrived to the last, and CPU seconds of the worker."""

    recipients: int
    per_s: float
    cpu_s: float


def main() -> int:
    """Run both, print them beside the bare clients, and write bench/results/delivery.json; 1 when a bar is missed."""
    parser = argparse.ArgumentParser(prog="python -m bench.delivery", description=__doc__)
    parser.add_argument("--batch", type=int, default=1_000_000, help="recipients of the provider that takes 1000 a request")
    parser.add_argument("--single", type=int, default=100_000, help="of the one that takes one")
    args = parser.parse_args()
    console = Console()
    with running() as (endpoints, log):
        settings = FleetSettings.load()
        bench = Bench(endpoints, settings.sandbox_url, log, console.print)
        found = {name: worked_off(bench, settings, name, getattr(args, name)) for name in KINDS}
        clients = uvloop.run(compare(settings.sandbox_url, 100, 4.0))
    table = Table("provider", "recipients", "recipients/s", "CPU us each", "bar")
    for name, one in found.items():
        table.add_row(name, f"{one.recipients:,}", f"{one.per_s:,.0f}", f"{one.cpu_s * 1e6 / one.recipients:.1f}", f"{BARS[name]:,}")
    for client in clients:
        table.add_row(f"bare: {client.name}", "", f"{client.per_s:,.0f}", f"{client.cpu_us:.0f}", "")
    console.print(table)
    RESULTS.write_bytes(msgspec.json.format(msgspec.json.encode({"delivery": found, "clients": clients}), indent=2) + b"\n")
    return int(any(one.per_s < BARS[name] for name, one in found.items()))


def worked_off(bench: Bench, settings: FleetSettings, name: str, size: int) -> Figures:
    """Decide, then deliver with one worker."""
    with after_decision_stopped():
        since, notification = bench.start(size)
        queued = sum(sum(chunk.queued.values()) for chunk in bench.log.expansions(since, notification, RUN_S))
        if not queued:
            raise SystemExit(f"no campaign is for {size:,} users: sizes are those that bench.campaign loaded")
        with worker(settings, name) as process:
            until(lambda: received(bench.sandbox_url, notification) > 0, "the first has arrived", RUN_S, 0.02)
            began, first, before = time.perf_counter(), received(bench.sandbox_url, notification), _cpu_s(process)
            until(lambda: received(bench.sandbox_url, notification) >= queued, "all have arrived", RUN_S, 0.05)
            took = time.perf_counter() - began
            until(lambda: bench.log.groups.lag("carillon.bulk", BULK) == 0, "every status is told", RUN_S)
            return Figures(queued, (queued - first) / took, _cpu_s(process) - before)


@contextmanager
def worker(settings: FleetSettings, name: str) -> Iterator[psutil.Process]:
    """One bulk worker with the provider of that name; ended as for a restart."""
    kind, options = KINDS[name]
    path = Path(settings.endpoints.home) / "bench" / f"providers-{name}.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(PROVIDERS.format(kind=kind, options=options))
    env = os.environ | environment(settings) | {"CARILLON_WORKER": "1", "CARILLON_PROVIDERS_FILE": str(path)}
    process = subprocess.Popen([*CLI, "worker", "bulk"], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(STOP_S)


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


if __name__ == "__main__":
    sys.exit(main())
