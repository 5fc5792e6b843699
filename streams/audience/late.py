"""Which channels would be too late for what matters least: looked at from a thread, and asked by whoever decides.

It is of one process, and begins anew with it; what was decided by it is in the journal.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Collection, Mapping
from typing import Protocol

from schemas.records import Notification
from streams.policy.policy import InForce
from streams.routing.shedding import Lag, Load, is_shed, is_too_late, load_of, sheds, stands

LOOK_S = 10.0
LOOKS = 7
"""The rate of late is that of the last minute."""

logger = logging.getLogger(__name__)


class Lanes(Protocol):
    """What waits in front of the lanes, by channel."""

    def look(self) -> Mapping[str, Lag] | None:
        """None: nobody knows."""


class Late:
    """Of the lanes of low priority."""

    def __init__(self, lanes: Lanes, in_force: InForce, clock: Callable[[], int]) -> None:
        """`clock`: epoch ms."""
        self._lanes, self._in_force, self._clock = lanes, in_force, clock
        self._seen: deque[tuple[int, Mapping[str, Lag]]] = deque(maxlen=LOOKS)
        self._moved: dict[str, int] = {}
        """When something was done, or nothing waited."""
        self._too_late: dict[tuple[str, int], int] = {}
        """Since when a channel has seemed later than so many ms."""
        self._shedding: frozenset[tuple[str, int]] = frozenset()

    def channels(self, notification: Notification) -> Collection[str]:
        """Those on which a notification is left out now. Raises UnknownCategory."""
        shedding = self._shedding
        if not shedding:
            return ()
        binds = self._in_force().of(notification)
        return [channel for channel, over_ms in shedding if is_shed(notification, binds, over_ms == binds.shed_over_ms)]

    def look(self) -> None:
        """One look: from now on what it says is shed."""
        lags = self._lanes.look()
        if lags is None:
            return
        now, was = self._clock(), self._shedding
        loads = self._loads(lags, now)
        overs = {one.shed_over_ms for one in self._in_force().categories.values() if one.shed_over_ms is not None}
        places = [(channel, over_ms) for channel in loads for over_ms in overs]
        too_late = [place for place in places if is_too_late(place in was, loads[place[0]], place[1])]
        self._too_late = {place: self._too_late.get(place, now) for place in too_late}
        self._shedding = frozenset(place for place, at in self._too_late.items() if sheds(place in was, now - at, place[1]))
        for channel in sorted({channel for channel, _ in was ^ self._shedding}):
            logger.warning("%s is %s", channel, "shed" if channel in dict(self._shedding) else "no longer shed")

    def _loads(self, lags: Mapping[str, Lag], now: int) -> dict[str, Load]:
        """Of each channel, with what is seen now."""
        before = self._seen[-1][1] if self._seen else {}
        for channel, lag in lags.items():
            if channel not in before or not stands(before[channel], lag):
                self._moved[channel] = now
        self._seen.append((now, lags))
        loads = {channel: load_of([(at, seen[channel]) for at, seen in self._seen]) for channel in lags}
        return {channel: load._replace(still_ms=now - self._moved[channel]) for channel, load in loads.items()}

    def start(self) -> None:
        """Look on a thread, until the process ends."""
        threading.Thread(target=self._run, name="late", daemon=True).start()

    def _run(self) -> None:
        pause = threading.Event()
        while not pause.wait(LOOK_S):
            try:
                self.look()
            except Exception:  # it must go on looking, whatever it met
                logger.exception("a look at what waits failed")
