"""Until when a worker is sure to own its partitions.

The broker gives them to others when it has not heard of a worker for a session. So they are the worker's for that long from the moment at
which it sent a heartbeat that was answered, whatever has happened to the process since: it may have been suspended, and does not know.
"""

import asyncio
import time
from collections.abc import Callable

SHARE, STALL = 0.8, 0.5
"""Of a session: how long a lease lasts, for what is written last still has to reach the broker; how long a batch, or a write, may take."""
LOOK_S = 0.05
"""The lease is proven on another thread, and only who was cut off or suspended waits for that."""


class Lease:
    """Proven by the thread that has the heartbeats, asked by those who write."""

    def __init__(self, session_s: float, now: Callable[[], float] = time.monotonic) -> None:
        """`session_s`: the group's session time-out. A process that has just begun owns nothing, and its first heartbeat is to come."""
        self._session_s = session_s
        self._now = now
        self._proven_at = now()

    @property
    def stall_s(self) -> float:
        """How long one batch may take before another worker may own its partition, and one record until it is written: half a session."""
        return STALL * self._session_s

    def prove(self, asked_at: float) -> None:
        """A heartbeat that was sent then (s, monotonic) was answered."""
        self._proven_at = asked_at

    def lapsed(self) -> bool:
        """Whether another worker may own the partitions by now."""
        return self._now() - self._proven_at > SHARE * self._session_s

    async def current(self) -> None:
        """Wait until the partitions are known to be ours. For whose they are not this never comes: they are revoked."""
        while self.lapsed():
            await asyncio.sleep(LOOK_S)
