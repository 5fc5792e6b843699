"""The whole system for a benchmark, on the local stack."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.campaign.log import Log
from ops.endpoints import Endpoints
from ops.fleet.borrowing import borrowed
from ops.fleet.settings import worker_settings
from ops.local.borrowing import give_back_on_sigterm

UNCAPPED = Path(__file__).parent / "uncapped.yaml"


@contextmanager
def running() -> Iterator[tuple[Endpoints, Log]]:
    """Stack and fleet, ready. What was running before goes on running, what was started here is stopped,
    after SIGTERM too.

    Everything binds and counts as in the policy that is shipped, with limits that nobody reaches; what was running has its own.
    """
    os.environ.setdefault("CARILLON_POLICY_FILE", str(UNCAPPED))
    give_back_on_sigterm()
    with borrowed() as settings:
        yield settings.endpoints, Log(settings.endpoints, worker_settings().partitions)
