"""Who may hand how many requests to a provider at once. Whoever waits here has read no profile, written no intent and sent nothing.

So what is read right before the call is read right before the call, and after a crash only what was on its way is unknown.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

SIGN_S = 1.0


class Slots:
    """First come, first served; a large taker is not passed by small ones."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._free = size
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @asynccontextmanager
    async def taken(self, count: int, alive: Callable[[], None]) -> AsyncIterator[None]:
        """`count` slots for the time of the block, or all there are when that is more. `alive` is called now and then while it waits."""
        wanted = min(count, self._size)
        await self._take(wanted, alive)
        try:
            yield
        finally:
            self._give(wanted)

    async def _take(self, wanted: int, alive: Callable[[], None]) -> None:
        if not self._waiting and self._free >= wanted:
            self._free -= wanted
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append((wanted, turn))
        try:
            while not turn.done():
                await asyncio.wait({turn}, timeout=SIGN_S)
                alive()
        except BaseException:
            # it may have been given in the same moment; if not, those behind it may fit now
            self._give(0 if turn.cancel() else wanted)
            raise

    def _give(self, count: int) -> None:
        self._free += count
        while self._waiting:
            wanted, turn = self._waiting[0]
            if not turn.cancelled():
                if wanted > self._free:
                    break
                self._free -= wanted
                turn.set_result(None)
            self._waiting.popleft()
