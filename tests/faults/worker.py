"""python -m tests.faults.worker ROLE: one worker, as the CLI starts it."""

import sys
from pathlib import Path

from ops.endpoints import Endpoints
from streams.settings import WorkerSettings
from streams.worker import run_worker

if __name__ == "__main__":
    where = Endpoints.load()
    run_worker(sys.argv[1], where.kafka, where.registry, Path(where.home), WorkerSettings())
