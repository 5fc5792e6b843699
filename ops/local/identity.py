"""Tell a process apart from any other that had or will have its pid."""

from pathlib import Path

import psutil


def started_at(pid: int) -> str | None:
    """A text that no other process with this pid will ever have; None when there is no such live process."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        if Path("/proc/self/stat").exists():
            return None
        return _started_at_portable(pid)
    except ProcessLookupError:
        return None
    state, threads = fields[0], int(fields[17])
    # killed, a process is a zombie at once, but its ports are free only when its last thread is gone
    if state in "ZX" and threads <= 1:
        return None
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"{boot}:{fields[19]}"


def _started_at_portable(pid: int) -> str | None:
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else f"{process.create_time():.2f}"
    except psutil.NoSuchProcess:
        return None
