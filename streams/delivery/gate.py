"""The way to a provider account: shut while it is down, and no wider than its limit. Whoever waits here has written no intent.

All priorities of a process share it, and the log holds what waits: a batch of each partition's turn, and nothing more, is in memory.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager

from providers.base import Declaration, Outcome, Throttled, Unavailable, Unknown
from streams.routing.breaker import Breaker, came_to_nothing, room, succeeded
from streams.routing.limits import Pace, most, taken, throttled

LOOK_S = 0.05
"""How often it is looked at whether an account may be asked again."""
SIGN_S = 1.0

Share = Callable[[], float]
"""What part of all partitions this process has."""


class Gate:
    """Of one account."""

    def __init__(self, declaration: Declaration, share: Share, clock: Callable[[], int], draw: Callable[[], float] = random.random) -> None:
        """`clock`: epoch ms. `draw`: of [0, 1), jitter."""
        self._per_s, self._share, self._clock, self._draw = declaration.rate_per_s, share, clock, draw
        self._breaker, self._pace, self._under_way = Breaker(), Pace(), 0

    @property
    def is_open(self) -> bool:
        """Whether another request may be begun."""
        allowed = room(self._breaker, self._clock())
        return allowed is None or self._under_way < allowed

    @property
    def is_down(self) -> bool:
        """Whether the account is taken for down; callable from any thread."""
        return self._breaker.until > 0

    def most(self, size: int, batch_size: int) -> int:
        """How many messages may go together, of `size` that would fit; a request takes `batch_size`."""
        allowed = room(self._breaker, self._clock())
        return most(self._rate(), size if allowed is None else min(size, max(1, allowed) * batch_size))

    @asynccontextmanager
    async def passed(self, count: int, alive: Callable[[], None]) -> AsyncIterator[bool]:
        """The turn of `count` messages, which are under way for the time of the block; False: it is shut. `alive` is called meanwhile."""
        if not await opened([self], alive):
            yield False
            return
        self._under_way += 1
        try:
            self._pace, wait_ms = taken(self._pace, count, self._rate(), self._clock())
            await _slept(wait_ms / 1000, alive)
            yield True
        finally:
            self._under_way -= 1

    def settle(self, counted: int, messages: int) -> None:
        """What was counted as so many came to so many messages."""
        self._pace, _ = taken(self._pace, messages - counted, self._rate(), self._clock())

    def heard(self, outcomes: Sequence[Outcome]) -> None:
        """A request was answered, or not: one outcome a message."""
        now, kinds = self._clock(), set(map(type, outcomes))
        if Throttled in kinds:
            waits = [outcome.retry_after_ms for outcome in outcomes if isinstance(outcome, Throttled)]
            self._pace = throttled(self._pace, max(waits), now)
        if outcomes and all(map(_is_nothing, outcomes)):
            config = any(isinstance(outcome, Unavailable) and outcome.config for outcome in outcomes)
            self._breaker = came_to_nothing(self._breaker, now, self._draw(), config=config)
        else:
            self._breaker = succeeded(self._breaker)

    def _rate(self) -> float | None:
        """Messages a second of this process."""
        return None if self._per_s is None else self._per_s * self._share()


async def opened(gates: Collection[Gate], alive: Callable[[], None]) -> bool:
    """Wait until another request may be begun at one of them; False: not within `SIGN_S`, and `alive` was called."""
    try:
        async with asyncio.timeout(SIGN_S):
            while not any(gate.is_open for gate in gates):
                await asyncio.sleep(LOOK_S)
    except TimeoutError:
        alive()
        return False
    return True


def _is_nothing(outcome: Outcome) -> bool:
    return isinstance(outcome, Unknown) or (isinstance(outcome, Unavailable) and not outcome.at_once)


async def _slept(seconds: float, alive: Callable[[], None]) -> None:
    while seconds > 0:
        await asyncio.sleep(min(seconds, SIGN_S))
        seconds -= SIGN_S
        alive()
