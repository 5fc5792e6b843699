"""What a run comes to: a table for people, a JSON file for programs, and the bars it is held against."""

import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.campaign.machine import machine, versions
from bench.campaign.run import Run
from bench.campaign.urgent import quantile

RESULTS = Path(__file__).parent.parent / "results" / "campaign.json"
FIRST = RESULTS.with_name("campaign_first.json")
"""The same before caps, quiet hours, digests and routes were decided: what all of that costs is seen beside it."""
OURS = ("plan", "decide", "decide_urgent", "urgent", "bulk", "profiles", "project")
MAX_RSS_GROWTH = 0.15


def results(small: Run, whole: Run, decide_alone: float, load_per_s: float, idle: list[float], busy: list[float]) -> dict[str, Any]:
    """Everything, for the JSON file. Seconds, ms and MB."""
    counts = whole.counts
    return {
        "recipients": whole.audience,
        "decide_per_s": decide_alone,
        "decide_per_s_busy": whole.decide_per_s,
        "end_to_end_s": round(whole.end_to_end_s, 1),
        "sent": counts.clickhouse.get("sent", 0),
        "suppressed": counts.clickhouse.get("suppressed", 0),
        "failed": counts.clickhouse.get("failed", 0),
        "unknown": counts.clickhouse.get("unknown", 0),
        "sandbox_received": counts.sandbox_received,
        "sandbox_duplicates": counts.sandbox_duplicates,
        "clickhouse_rows": counts.clickhouse_rows,
        "cassandra_recipients": sum(counts.cassandra.values()),
        "urgent_idle_p50_ms": quantile(idle, 0.5),
        "urgent_idle_p99_ms": quantile(idle, 0.99),
        "urgent_busy_p50_ms": quantile(busy, 0.5),
        "urgent_busy_p99_ms": quantile(busy, 0.99),
        "urgent_idle_count": len(idle),
        "urgent_busy_count": len(busy),
        "profiles_loaded_per_s": round(load_per_s),
        "small_recipients": small.audience,
        "small_end_to_end_s": round(small.end_to_end_s, 1),
        "rss_mb": {name: {str(small.audience): small.rss_mb.get(name, 0), str(whole.audience): mb} for name, mb in whole.rss_mb.items()},
        "cpu_s": whole.cpu_s,
        "machine": machine(),
        "versions": versions(),
    }


def problems(found: dict[str, Any], small: Run, whole: Run) -> list[str]:
    """What is wrong: recipients that do not add up."""
    return [f"{run.audience:,}: {what}" for run in (small, whole) for what in run.counts.wrong(run.audience)]


def missed(found: dict[str, Any]) -> list[str]:
    """The bars that were not reached, for a million on two cores; none of them makes the run fail."""
    bars = [
        ("decide_per_s", found["decide_per_s"] >= 60_000, ">= 60,000"),
        ("end_to_end_s", found["end_to_end_s"] < 60, "< 60"),
        ("urgent_idle_p99_ms", found["urgent_idle_p99_ms"] < 20, "< 20"),
        ("urgent_busy_p99_ms", found["urgent_busy_p99_ms"] < 250, "< 250"),
    ]
    late = [f"{name} is {found[name]}, the bar is {bar}" for name, held, bar in bars if not held]
    return late + [f"rss of {name} grew from {small} to {whole} MB" for name, small, whole in _grown(found["rss_mb"])]


def show(console: Console, found: dict[str, Any]) -> None:
    """Print the tables."""
    table = Table(title=f"{found['recipients']:,} recipients")
    table.add_column("what")
    table.add_column("figure", justify="right")
    for name, value in found.items():
        if isinstance(value, int | float):
            table.add_row(name, f"{value:,}")
    console.print(table)
    console.print(_costs(found, json.loads(FIRST.read_text())))


def _costs(found: dict[str, Any], first: dict[str, Any]) -> Table:
    costs = Table(title="by process")
    costs.add_column("process")
    sizes = next(iter(found["rss_mb"].values()))
    for column in (*(f"rss MB at {int(size):,}" for size in sizes), "CPU s a million", "without policy"):
        costs.add_column(column, justify="right")
    ours, before = _cpu_a_million(found), _cpu_a_million(first)
    for name, each in found["rss_mb"].items():
        costs.add_row(name, *(str(mb) for mb in each.values()), *(f"{cpu[name]:.1f}" if name in cpu else "" for cpu in (ours, before)))
    costs.add_row("all", *("" for _ in sizes), *(f"{sum(cpu.values()):.1f}" for cpu in (ours, before)))
    return costs


def _cpu_a_million(of: dict[str, Any]) -> dict[str, float]:
    return {name: cpu_s * 1_000_000 / of["recipients"] for name, cpu_s in of["cpu_s"].items()}


def save(found: dict[str, Any]) -> Path:
    """Write the JSON file."""
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(found, indent=2) + "\n")
    return RESULTS


def _grown(rss: dict[str, dict[str, int]]) -> list[tuple[str, int, int]]:
    pairs = {name: list(sizes.values()) for name, sizes in rss.items() if name.startswith(OURS) and len(sizes) == 2}
    return [(name, small, whole) for name, (small, whole) in pairs.items() if whole > small * (1 + MAX_RSS_GROWTH)]
