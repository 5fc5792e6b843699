"""The health of one worker: its two watches, and what it tells those who ask."""

import asyncio
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from streams.health.loop import LoopWatch
from streams.health.rules import Held, Place
from streams.health.server import HealthServer, Page, page
from streams.health.watchdog import Asked, Watchdog
from streams.settings import WorkerSettings
from streams.step.partition import Die

SILENT_S = 180.0
"""A look asks four questions of 6 s at most, and may read the log for 60 s: after so long without one the watchdog itself is stuck."""


class WorkerHealth:
    """Serves /healthz and /readyz from the start; watches once the worker has been made."""

    def __init__(self, role: str, settings: WorkerSettings, told: Path) -> None:
        """`told`: the file that says where it can be asked."""
        self._role, self._settings = role, settings
        self._began = time.monotonic()
        self._held: Callable[[], Mapping[Place, Held]] = dict
        self._loop: LoopWatch | None = None
        self._watchdog: Watchdog | None = None
        self._ready = False
        self._figures: Callable[[], Mapping[str, object]] = dict
        told.unlink(missing_ok=True)
        pages = {"/healthz": self.healthz, "/readyz": self.readyz}
        HealthServer(settings.health_host, settings.health_port, pages).start(told)

    def watch(
        self,
        loop: asyncio.AbstractEventLoop,
        broker: Asked,
        held: Callable[[], Mapping[Place, Held]],
        die: Die,
        figures: Callable[[], Mapping[str, object]] = dict,
    ) -> None:
        """Begin to watch. `held`: the partitions in hand, `figures`: what else is told at /healthz; callable from any thread."""
        self._held, self._figures = held, figures
        self._loop = LoopWatch(loop, self._settings.watchdog_loop, die)
        self._watchdog = Watchdog(broker, held, self._settings.limits, die, check_s=self._settings.watchdog_check)
        self._loop.start()
        self._watchdog.start()

    def ready(self) -> None:
        """Every partition has recovered, for the first time."""
        self._ready = True

    def healthz(self) -> Page:
        """200 while the watches look and the loop turns."""
        still_s = self._loop.still_s if self._loop else 0.0
        silent_s = time.monotonic() - self._watchdog.looked_at if self._watchdog else 0.0
        good = still_s <= self._settings.watchdog_loop / 2 and silent_s <= SILENT_S + self._settings.watchdog_check
        return page(good, self._about() | {"loop_still_s": round(still_s, 1), "watchdog_looked_s_ago": round(silent_s, 1)})

    def readyz(self) -> Page:
        """200 when every partition in hand has recovered."""
        held = self._held()
        waiting = [f"{topic}/{partition}" for (topic, partition), one in held.items() if not one.recovered]
        return page(self._ready and not waiting, {"role": self._role, "partitions": len(held), "recovering": waiting})

    def _about(self) -> dict[str, object]:
        held = self._held()
        seen = self._watchdog.seen if self._watchdog else None
        ages = self._watchdog.ages() if self._watchdog else {}
        progress = {
            f"{topic}/{partition}": {
                "recovered": one.recovered,
                "age_s": round(ages.get((topic, partition), 0.0), 1),
                "lag": offsets.end - offsets.committed if seen and (offsets := seen.offsets.get((topic, partition))) else None,
            }
            for (topic, partition), one in sorted(held.items())
        }
        return {
            "role": self._role,
            "worker": self._settings.worker,
            "pid": os.getpid(),
            "uptime_s": round(time.monotonic() - self._began, 1),
            "broker_answers": seen is not None if self._watchdog and self._watchdog.looks else None,
            "partitions": len(held),
            "progress": progress,
            **self._figures(),
        }
