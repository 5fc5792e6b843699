"""A provider that is down in every way it can be, one after the other."""

import time
from collections.abc import Mapping

from schemas.clock import now_ms
from tests.faults.stage import TIMEOUT_MS, Stage

TWO_HOURS_S = 7_200
"""What an outage stands for."""
REFUSED, HEALED = "refused", "healed"
PHASES: Mapping[str, Mapping[str, object]] = {
    REFUSED: {"fail_rate": 1.0},
    "503": {"fail_rate": 1.0, "fail_status": 503},
    "taken_and_silent": {"stall_rate": 1.0, "stall_ms": 2 * TIMEOUT_MS},
    "429": {"throttle": 1.0, "retry_after_s": 2},
    "reset": {"reset_rate": 1.0},
    "errors_in_200": {"partial_rate": 0.9},
    "slow": {"latency_ms": TIMEOUT_MS // 2, "jitter_ms": TIMEOUT_MS // 6},
    "garbage": {"garbage_rate": 1.0},
}
"""How it is down: the sandbox's settings; refused: its port is shut besides. What is reset, garbage or silent was taken."""


class Outage:
    """Goes through all phases, each as long as the others; notes in the stage when each began."""

    def __init__(self, stage: Stage, lasts_s: float) -> None:
        self._stage, self._phase_s = stage, lasts_s / len(PHASES)
        self._left = [*PHASES, HEALED]
        self._next = time.monotonic()

    @property
    def over(self) -> bool:
        """It is healed."""
        return not self._left

    def tick(self) -> None:
        """To be called often: go on to the next phase when it is time."""
        if self.over or time.monotonic() < self._next:
            return
        name = self._left.pop(0)
        if REFUSED in self._stage.phases:
            self._stage.sandbox.refuse(False)
        self._stage.provider(**PHASES.get(name, {}))
        if name == REFUSED:
            self._stage.sandbox.refuse()
        self._stage.phases[name] = now_ms()
        self._next = time.monotonic() + self._phase_s
