"""On a machine that all processes share, what is on its way to one person goes before a campaign and before the read side."""

import os

NICE = 10


def give_way() -> None:
    """Let every other process of the machine (or of the container) go first.

    SCHED_IDLE where there is such a thing (sched(7)): it yields at once, where a nice process finishes its slice of some ms.
    """
    os.nice(NICE)
    if hasattr(os, "SCHED_IDLE"):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
