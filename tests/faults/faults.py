"""What can break beside the workers, by name: each a context that breaks it, and heals it at its end."""

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack

from schemas.clock import now_ms
from tests.faults import broken_parts, broken_provider, broken_workers, controlled, poison
from tests.faults.plan import Report
from tests.faults.stage import Stage

AHEAD_MS = 2 * 3_600_000
"""How far a clock jumps."""
FAULTS: Mapping[str, Callable[[Stage], AbstractContextManager[None]]] = {
    "slow": broken_provider.behaving(latency_ms=4000, jitter_ms=2000),
    "5xx": broken_provider.behaving(fail_rate=0.7),
    "down": broken_provider.behaving(fail_rate=1.0),
    "throttled": broken_provider.behaving(throttle=0.8, retry_after_s=2),
    "timeout": broken_provider.behaving(stall_rate=0.3, stall_ms=15_000),
    "partial": broken_provider.behaving(partial_rate=0.3),
    "garbage": broken_provider.behaving(garbage_rate=0.3),
    "refused": broken_provider.refusing,
    "broker": broken_parts.down("kafka"),
    "registry": broken_parts.down("registry"),
    "cassandra": broken_parts.down("cassandra"),
    "connect": broken_parts.down("connect"),
    "postgres": broken_parts.down("postgres"),
    "scale": broken_workers.scaled,
    "clock_ahead": broken_workers.clock_off_by(AHEAD_MS),
    "clock_back": broken_workers.clock_off_by(-AHEAD_MS),
    "disk_full": broken_workers.disk_full,
    "poison": poison.poisoned,
    "control": controlled.controlled,
}
"""The provider's shares are below 1 where some must get through for others to differ from them."""


WHOLE_S = 180.0
"""How long a fault may take until it is whole."""


class Fault:
    """The fault of a plan: begins once, is whole, lasts `fault_s`, ends.

    It is over `after_s` later, for what it leaves behind is work too.
    """

    def __init__(self, stage: Stage, report: Report) -> None:
        self._stage, self._report = stage, report
        self._open = ExitStack()
        self._began = self._whole = self._ended = 0.0
        self.over = not stage.plan.fault

    def tick(self, *, begin: bool) -> None:
        """To be called often; `begin`: it may begin."""
        now = time.monotonic()
        if self._ended:
            self.over = self.over or now >= self._ended + self._stage.plan.after_s
        elif self._began:
            if not self._whole and (self._stage.broken() or now >= self._began + WHOLE_S):
                self._whole = now
            if self._whole and now >= self._whole + self._stage.plan.fault_s:
                self._end()
        elif begin and not self.over:
            self._begin()

    def _begin(self) -> None:
        self._report.fault |= {"name": self._stage.plan.fault, "began_ms": now_ms()}
        self._open.enter_context(FAULTS[self._stage.plan.fault](self._stage))
        self._began = time.monotonic()

    def _end(self) -> None:
        lasted = time.monotonic() - self._began
        self._open.close()
        self._ended = time.monotonic()
        self._report.fault |= {"lasted_s": round(lasted, 1), "ended_ms": now_ms(), "campaigns_begun": self._report.campaigns}
