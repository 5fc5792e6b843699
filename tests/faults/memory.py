"""How much memory processes have, while something goes on."""

import os
import time
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path

from schemas.clock import now_ms

EVERY_S = 1.0
PAGE = os.sysconf("SC_PAGE_SIZE")
MB = 1024 * 1024
Series = list[tuple[int, float]]
"""When (epoch ms), and how much (MB)."""


def resident_mb(pid: int) -> float:
    """What a process has in RAM (proc(5), statm); 0: it has ended."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE / MB
    except (FileNotFoundError, ProcessLookupError):
        return 0.0


class Memory:
    """Of processes by name."""

    def __init__(self, pids: Callable[[], Mapping[str, int]]) -> None:
        self._pids, self._next = pids, 0.0
        self.series: dict[str, Series] = defaultdict(list)

    def tick(self) -> None:
        """To be called often."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + EVERY_S
        for name, pid in self._pids().items():
            self.series[name].append((now_ms(), resident_mb(pid)))


def most_between(series: Series, begin_ms: int, end_ms: int) -> float:
    """The most there was; 0: nothing is known of that time."""
    some = series[bisect_left(series, (begin_ms, 0.0)) : bisect_right(series, (end_ms, 0.0))]
    return max((mb for _, mb in some), default=0.0)
