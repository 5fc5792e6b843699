"""What the processes cost, and what they ran on."""

import os
import platform
from importlib.metadata import version
from pathlib import Path

import psutil

from ops.fleet import fleet
from ops.local import stack

PACKAGES = ("faust-streaming", "confluent-kafka", "fastavro", "cassandra-driver", "chdb", "pyreqwest", "rocksdict", "msgspec")
MEGABYTE = 1 << 20


def pids() -> dict[str, int]:
    """The process id of each running part and member."""
    parts = {f"stack {part.name}": part.pid for part in stack.status() if part.pid}
    return parts | {member.name: member.pid for member in fleet.status() if member.pid}


def rss_mb() -> dict[str, int]:
    """Resident memory by process, MB."""
    return {name: psutil.Process(pid).memory_info().rss // MEGABYTE for name, pid in pids().items()}


def cpu_s() -> dict[str, float]:
    """CPU seconds used so far, by process."""
    return {name: sum(psutil.Process(pid).cpu_times()[:2]) for name, pid in pids().items()}


def spent(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    """CPU seconds between two readings, by process."""
    return {name: round(after[name] - before[name], 1) for name in after if name in before}


def machine() -> dict[str, str | int]:
    """What it ran on."""
    cpu = next((line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")), "")
    return {
        "cpu": cpu,
        "cores": os.cpu_count() or 0,
        "memory_gb": round(psutil.virtual_memory().total / (1 << 30)),
        "system": platform.platform(),
    }


def versions() -> dict[str, str]:
    """Of what matters for speed."""
    return {"python": platform.python_version(), **{package: version(package) for package in PACKAGES}}
