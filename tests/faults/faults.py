"""What can break beside the workers, by name: each a context that breaks it, and heals it at its end."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager

from tests.faults.plan import Report
from tests.faults.stage import Stage

Breaks = Callable[[Stage], AbstractContextManager[None]]


def _provider(**settings: object) -> Breaks:
    """The sandbox behaves so."""

    @contextmanager
    def breaks(stage: Stage) -> Iterator[None]:
        stage.provider(**settings)
        yield
        stage.provider()

    return breaks


FAULTS: Mapping[str, Breaks] = {
    "slow": _provider(latency_ms=4000, jitter_ms=2000),
    "5xx": _provider(fail_rate=0.7),
    "down": _provider(fail_rate=1.0),
    "throttled": _provider(throttle=0.8, retry_after_s=2),
    "timeout": _provider(stall_rate=0.3, stall_ms=15_000),
}


class Fault:
    """The fault of a plan: begins once, lasts `fault_s`, ends."""

    def __init__(self, stage: Stage, report: Report) -> None:
        self._stage, self._report = stage, report
        self._open = ExitStack()
        self._until = 0.0
        self.over = not stage.plan.fault

    def tick(self, *, begin: bool) -> None:
        """To be called often; `begin`: it may begin."""
        if self.over:
            return
        now = time.monotonic()
        if not self._until and begin:
            self._report.fault["name"] = self._stage.plan.fault
            self._open.enter_context(FAULTS[self._stage.plan.fault](self._stage))
            self._until = time.monotonic() + self._stage.plan.fault_s
        elif self._until and now >= self._until:
            self._open.close()
            self.over = True
