"""On a machine that all processes share, what is on its way to one person goes before a campaign and before the read side."""

import os
from enum import Enum

NICE = 10


class Manners(Enum):
    """How a process behaves beside the others of its machine (or container)."""

    FIRST = "waits for nobody"
    BEHIND = "nice: goes after those, but does not starve (idle, a campaign was decided at 50 k/s; nice, at 98 k)"
    LAST = "SCHED_IDLE where there is such a thing (sched(7)): yields at once, where a nice process finishes its slice of some ms"


def give_way(manners: Manners) -> None:
    """Behave like that from now on."""
    if manners is Manners.FIRST:
        return
    os.nice(NICE)
    if manners is Manners.LAST and hasattr(os, "SCHED_IDLE"):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
