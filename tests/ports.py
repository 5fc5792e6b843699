"""Ports for a stack of one's own."""

import os

from ops.local.errors import PortTaken
from ops.local.ports import require_free

WIDTH, TRIES = 20, 200


def free_base(lowest: int) -> int:
    """The first of 20 ports that nobody listens on, among the 4,000 from `lowest`; runs at the same time begin their search elsewhere."""
    for attempt in range(TRIES):
        base = lowest + WIDTH * ((os.getpid() + attempt) % TRIES)
        try:
            for port in range(base, base + WIDTH):
                require_free("kafka", port)
        except PortTaken:
            continue
        return base
    raise RuntimeError(f"no {WIDTH} free ports from {lowest} to {lowest + WIDTH * TRIES}")
