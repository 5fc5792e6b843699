"""Workers that come and go, whose clock is wrong, or whose disk is full."""

import resource
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager

from schemas.clock import now_ms
from streams.settings import LEAVE
from streams.worker import EXIT_UNEXPECTED
from tests.faults.stage import Stage

SCALED, MOST = ("plan", "decide", "bulk"), 4
FULL_BYTES = 4096
"""No file may be written beyond this."""


@contextmanager
def scaled(stage: Stage) -> Iterator[None]:
    """Three more workers of the roles that do a campaign; told to leave at the end and not started again. Nothing waits for them meanwhile.

    Phases: joining, until everyone has what the last rebalance gave it; scaled; leaving, until the first of each role has it all; after.
    """
    names = [f"{role}-{number}" for role in SCALED for number in range(2, MOST + 1)]
    stage.phases["joining"] = now_ms()
    stage.workers.start(names)
    stage.broken = lambda: all(map(stage.workers.ready, names))
    yield
    ready = [name for name in names if stage.workers.ready(name)]
    if len(ready) < len(names):
        stage.complaints.append(f"only {len(ready)} of {len(names)} more workers were ready: let the fault last longer")
    stage.phases |= {"scaled": max(map(stage.workers.recovered_at, [*SCALED, *names])), "leaving": now_ms()}
    codes = stage.workers.tell(names, LEAVE)
    stage.at_end.append(lambda: _left(stage, ready, codes()))


def _left(stage: Stage, ready: list[str], codes: Mapping[str, int]) -> None:
    # before Python has come to installing a handler, the signal just ends it
    stage.complaints += [f"{name} ended with {codes[name]} when it was scaled away" for name in ready if codes[name]]
    stage.phases["after"] = max(map(stage.workers.recovered_at, SCALED))
    if stage.phases["after"] < stage.phases["leaving"]:
        stage.complaints.append("those that are left were not given the partitions back")


def clock_off_by(ms: int) -> Callable[[Stage], AbstractContextManager[None]]:
    """The clock of every worker jumps, and jumps back."""

    @contextmanager
    def broken(stage: Stage) -> Iterator[None]:
        stage.workers.clock.write_text(str(ms))
        yield
        stage.workers.clock.write_text("0")

    return broken


@contextmanager
def disk_full(stage: Stage) -> Iterator[None]:
    """Every write of the running workers to a file fails from now on; those that are started again can write."""
    full = {name: stage.workers.pid(name) for name in stage.workers.names}
    before = len(stage.workers.deaths)
    for pid in full.values():
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (FULL_BYTES, resource.RLIM_INFINITY))
    yield
    stage.workers.supervise()
    stage.complaints += [f"{name} lives on with a full disk" for name, pid in full.items() if stage.workers.pid(name) == pid]
    codes = [(death.role, death.code) for death in stage.workers.deaths[before:]]
    stage.complaints += [f"{role} ended with {code}, not {EXIT_UNEXPECTED}" for role, code in codes if code != EXIT_UNEXPECTED]
