"""Looks every few seconds whether the worker gets on, and ends the process when it does not.

Its one effect is the end of the process; killed before that, there is nothing to do again.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Protocol

from streams.health import rules
from streams.health.rules import Held, Limits, Place, Seen, State
from streams.step.partition import Die

logger = logging.getLogger(__name__)


class Asked(Protocol):
    """Who knows where a worker stands (`streams.health.broker.Broker`)."""

    def look(self, held: Mapping[Place, Held]) -> Seen | None: ...
    def has_record(self, place: Place, offset: int) -> bool | None: ...


class Watchdog:
    """A thread of its own: questions to the broker never hold up the event loop, and a blocked loop does not hold up the watchdog."""

    def __init__(
        self,
        broker: Asked,
        held: Callable[[], Mapping[Place, Held]],
        limits: Limits,
        die: Die,
        *,
        check_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`held`: the partitions in hand, callable from any thread. `check_s`: seconds between two looks."""
        self._broker, self._held, self._limits, self._die = broker, held, limits, die
        self._check_s, self._clock = check_s, clock
        self._state = State()
        self._pause = threading.Event()
        self.seen: Seen | None = None
        self.looks = 0
        self.looked_at = clock()

    def start(self) -> None:
        """Look from now on until the process ends."""
        threading.Thread(target=self._run, name="watchdog", daemon=True).start()

    def ages(self) -> dict[Place, float]:
        """Seconds since each partition last moved or had nothing to do."""
        now = self._clock()
        return {place: now - mark.at for place, mark in list(self._state.marks.items())}

    def look(self) -> None:
        """One look; ends the process when the verdict is against it and the log agrees."""
        self.seen = seen = self._broker.look(self._held())
        now = self.looked_at = self._clock()
        self.looks += 1
        verdict = rules.judge(self._state, seen, now, self._limits) if seen else None
        if seen is None:
            rules.forgive(self._state, now)
        elif verdict and (verdict.place is None or self._is_work(verdict.place, verdict.offset, seen)):
            self._die(f"watchdog: {verdict.reason}")

    def _is_work(self, place: Place, offset: int, seen: Seen) -> bool:
        there = self._broker.has_record(place, offset)
        if there is None:
            rules.forgive(self._state, self._clock())
        elif not there:
            rules.clear(self._state, place, seen.offsets[place].end)
        return bool(there)

    def _run(self) -> None:
        while not self._pause.wait(self._check_s):
            try:
                self.look()
            except Exception:  # it must go on looking, whatever it met
                logger.exception("watchdog: a look failed")
                rules.forgive(self._state, self._clock())
