"""On a machine that all processes share, what is on its way to one person goes before a campaign and before the read side."""

import os
from contextlib import suppress
from enum import Enum
from pathlib import Path

NICE, NICEST = 10, 19
AUTOGROUP = Path("/proc/self/autogroup")
"""Where Linux groups tasks by session (sched(7)), being nice counts only among those of one session: the session has to be nice itself."""


class Manners(Enum):
    """How a process behaves beside the others of its machine (or container)."""

    FIRST = "waits for nobody"
    BEHIND = "nice: goes after those, but does not starve (idle, a campaign was decided at 50 k/s; nice, at 98 k)"
    LAST = "SCHED_IDLE where there is such a thing (sched(7)): yields at once, where a nice process finishes its slice of some ms"


def give_way(manners: Manners) -> None:
    """To be called first: threads that are there already stay as they are."""
    if manners is Manners.FIRST:
        return
    os.nice(NICE)
    if manners is Manners.LAST:
        _be_nice_as_session(NICEST)
        if hasattr(os, "SCHED_IDLE"):
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def give_way_at_work(manners: Manners) -> None:
    """To be called when ready. Until then those behind recover, and the sooner that ends the better for everybody."""
    if manners is Manners.BEHIND:
        _be_nice_as_session(NICE)


def _be_nice_as_session(niceness: int) -> None:
    if has_session_to_itself():
        with suppress(OSError):  # there is none, or it may not be set
            AUTOGROUP.write_text(str(niceness))


def has_session_to_itself() -> bool:
    """Whether no shell or other program that leads this session would be made nice too."""
    leader = os.getsid(0)
    return leader == os.getpid() or not Path(f"/proc/{leader}").exists()
