"""A provider account: shut while it is down, and no wider than its limit.

`gates.passed` is the way to an intent, `Gate.turn` the way from it to the wire, right before the request: it goes when it is its turn,
evenly, and whatever took its time in between makes no second too full. All priorities of a process share a gate.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from providers.base import Declaration, Outcome, Throttled, Unavailable, Unknown
from streams.routing.breaker import Breaker, came_to_nothing, room, succeeded
from streams.routing.limits import AHEAD_MS, Pace, Went, ahead_size, answered, has_room, request_size, sent, slice_size, throttled, wait_ms

LOOK_S = 0.05
"""How often it is looked at whether one of the few that may be under way has come back."""
PATIENCE_MS = 5_000
"""Who would wait for longer after the intent is not sent: the profile they were read with is old by then."""
NOTHING = 1e-6
"""Messages a second: a process without partitions has no share, and what it has under way does not go."""

DOWN = Unavailable("it is taken for down")

Share = Callable[[float], float]
"""How much of a limit is this process'."""


class Gate:
    """Of one account."""

    def __init__(self, declaration: Declaration, share: Share, clock: Callable[[], int], draw: Callable[[], float] = random.random) -> None:
        """`clock`: epoch ms. `draw`: of [0, 1), jitter."""
        self._per_s, self._share, self._clock, self._draw = declaration.rate_per_s, share, clock, draw
        self._breaker, self._pace = Breaker(), Pace()
        self._slices = self._coming = self._line = self._under_way = 0
        self._wire = asyncio.Lock()

    @property
    def is_open(self) -> bool:
        """Whether another slice may be begun."""
        allowed = room(self._breaker, self._clock())
        return allowed is None or self._under_way + self._slices < allowed

    @property
    def is_down(self) -> bool:
        """Whether the account is taken for down; callable from any thread."""
        return self._breaker.until > 0

    def most(self, size: int, batch_size: int) -> int:
        """How many messages may go together, of `size` that would fit; a request takes `batch_size`."""
        allowed, together = room(self._breaker, self._clock()), slice_size(self._rate(), size)
        return together if allowed is None else min(together, max(1, allowed) * self.request_size(batch_size))

    def ahead_size(self, size: int) -> int:
        """How many messages may be on their way to the wire, of `size` that would."""
        return ahead_size(self._rate(), size)

    def request_size(self, batch_size: int) -> int:
        """How many messages may go in one request, of as many as it takes."""
        return request_size(self._rate(), batch_size)

    def has_room(self, count: int) -> bool:
        """Whether so many more may be on their way to the wire."""
        rate = self._rate()
        return wait_ms(self._pace, 1, rate, self._clock()) <= AHEAD_MS and has_room(rate, self._coming + self._line, count)

    def has_short_line(self, coming: int, count: int) -> bool:
        """Whether few wait to be put on the wire, and would if `coming` and `count` more did."""
        rate = self._rate()
        return has_room(rate, self._line, 1) and has_room(rate, coming, count)

    def come(self, count: int) -> None:
        """So many more are on their way to the wire (fewer, when it is negative)."""
        self._coming += count
        self._slices += 1 if count > 0 else -1

    @asynccontextmanager
    async def turn(self, count: int, expires_at: int | None = None) -> AsyncIterator[Outcome | None]:
        """The turn of a request of `count` messages to be put on the wire, which is under way for the time of the block.

        An outcome: it is not to be sent; the account is down, or would take them much later, or when they have expired (epoch ms).
        """
        came = None if self._is_free else await self._turn_of(count, expires_at)
        if came is not None and not isinstance(came, Went):
            yield came
            return
        began = self._clock()
        self._under_way += 1
        try:
            yield None
        finally:
            self._under_way -= 1
            if came is not None:
                now = self._clock()
                answered(self._pace, came, now - began, now)

    @property
    def _is_free(self) -> bool:
        """Whether nothing was ever heard against sending at once."""
        return self._per_s is None and room(self._breaker, 0) is None and not self._pace.not_before

    async def _turn_of(self, count: int, expires_at: int | None) -> Outcome | Went | None:
        self._line += count
        try:
            return await self._waited(count, expires_at)
        finally:
            self._line -= count

    async def _waited(self, count: int, expires_at: int | None) -> Outcome | Went | None:
        until = self._clock() + PATIENCE_MS
        async with self._wire:  # first come, first served
            while True:
                now, rate = self._clock(), self._rate()
                wait, is_full = wait_ms(self._pace, count, rate, now), self._is_full(now)
                if self._is_refusing(now):
                    return DOWN
                if now + wait > until:
                    return Throttled(round(wait), "it would be long after its turn")
                if expires_at is not None and now + wait >= expires_at:
                    return Throttled(0, "it expires before its turn")
                if wait <= 0 and not is_full:
                    return sent(self._pace, count, rate, now)
                await asyncio.sleep(LOOK_S if is_full else max(1.0, wait) / 1000)

    def _is_refusing(self, now: int) -> bool:
        """Whether it is down, and nobody is needed to ask whether it still is."""
        return self._breaker.until > 0 and self._is_full(now)

    def _is_full(self, now: int) -> bool:
        allowed = room(self._breaker, now)
        return allowed is not None and self._under_way >= allowed

    def heard(self, outcomes: Sequence[Outcome]) -> None:
        """A request was answered, or not: one outcome a message."""
        now, kinds = self._clock(), set(map(type, outcomes))
        if Throttled in kinds:
            waits = [outcome.retry_after_ms for outcome in outcomes if isinstance(outcome, Throttled)]
            throttled(self._pace, max(waits), now)
        if outcomes and all(map(_is_nothing, outcomes)):
            config = any(isinstance(outcome, Unavailable) and outcome.config for outcome in outcomes)
            self._breaker = came_to_nothing(self._breaker, now, self._draw(), config=config)
        else:
            self._breaker = succeeded(self._breaker)

    def _rate(self) -> float | None:
        """Messages a second of this process."""
        return None if self._per_s is None else max(NOTHING, self._share(self._per_s))


def _is_nothing(outcome: Outcome) -> bool:
    return isinstance(outcome, Unknown) or (isinstance(outcome, Unavailable) and not outcome.at_once)
