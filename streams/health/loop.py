"""Notices that the event loop does not turn: nothing on the loop can notice that.

Its one effect is the end of the process; killed before that, there is nothing to do again.
"""

import asyncio
import faulthandler
import sys
import threading

from streams.step.partition import Die

TURN_S = 1.0


class StillLoop:
    """Counts looks, not seconds: a process that was suspended has not looked either, and the stall guard judges that."""

    def __init__(self, limit_s: float) -> None:
        self._limit = limit_s / TURN_S
        self._last = 0
        self._still = 0

    def look(self, turns: int) -> bool:
        """Whether the loop has stood still for too long; never before its first turn."""
        self._still = self._still + 1 if turns == self._last and turns else 0
        self._last = turns
        return self._still > self._limit

    @property
    def still_s(self) -> float:
        """For how long the loop has not turned."""
        return self._still * TURN_S


class LoopWatch:
    """A callback on the loop that counts its turns, and a thread that watches the count."""

    def __init__(self, loop: asyncio.AbstractEventLoop, limit_s: float, die: Die) -> None:
        self._loop, self._limit_s, self._die = loop, limit_s, die
        self._turns = 0
        self._rule = StillLoop(limit_s)
        self._pause = threading.Event()

    def start(self) -> None:
        """From the loop's first turn until the process ends."""
        self._loop.call_soon(self._turn)
        threading.Thread(target=self._watch, name="loop-watch", daemon=True).start()

    @property
    def still_s(self) -> float:
        """Seconds since the loop last turned, in whole looks."""
        return self._rule.still_s

    def _turn(self) -> None:
        self._turns += 1
        self._loop.call_later(TURN_S, self._turn)

    def _watch(self) -> None:
        while not self._pause.wait(TURN_S):
            if self._rule.look(self._turns):
                faulthandler.dump_traceback(file=sys.__stderr__ or sys.stderr)
                self._die(f"watchdog: the event loop has not turned for {self._rule.still_s:.0f} s (limit {self._limit_s:.0f} s)")
