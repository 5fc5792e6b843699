"""python -m tests.faults.worker ROLE: one worker or projection as the CLI starts it, a worker's clock off by what the file
CARILLON_FAULTS_CLOCK says (ms).
"""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import ops.cli.project
import streams.worker
from ops.endpoints import Endpoints
from streams.settings import WorkerSettings
from tests.faults.plan import STORES

LOOK_S = 0.05


def clock_of(file: Path) -> Callable[[], int]:
    """Epoch ms, off by what the file says when it was last looked at."""
    looked, off = 0.0, 0

    def now_ms() -> int:
        nonlocal looked, off
        if (now := time.monotonic()) > looked + LOOK_S:
            looked, off = now, int(file.read_text() or 0)
        return time.time_ns() // 1_000_000 + off

    return now_ms


if __name__ == "__main__":
    if sys.argv[1] in STORES:
        sys.exit(ops.cli.project.project([sys.argv[1]]))
    if told := os.environ.get("CARILLON_FAULTS_CLOCK"):
        streams.worker.now_ms = clock_of(Path(told))
    where = Endpoints.load()
    streams.worker.run_worker(sys.argv[1], where.kafka, where.registry, Path(where.home), WorkerSettings())
