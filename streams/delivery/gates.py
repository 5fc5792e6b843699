"""The way to an intent. Who waits here has read no profile and written nothing: killed meanwhile, nothing was done.

The log holds what waits: a batch of each partition's turn, and nothing more, is in memory. So much is let through that there is always
something to be sent.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from typing import Protocol

from streams.delivery.gate import Gate

LOOK_S = 0.05
"""How often it is looked at whether an account may be asked again, or there is room on the way to it."""
SIGN_S = 1.0

Alive = Callable[[], None]


class Way(Protocol):
    """What messages pass before their intent: the gate of one account, or those of all parts of a composite."""

    @property
    def is_open(self) -> bool:
        """Whether another slice may be begun."""

    @property
    def is_down(self) -> bool:
        """Whether it is taken for down; callable from any thread."""

    def most(self, size: int, batch_size: int) -> int:
        """How many messages may go together, of `size` that would fit; a request takes `batch_size`."""

    def has_room(self, count: int) -> bool:
        """Whether so many more may be on their way to the wire."""

    def come(self, count: int) -> None:
        """So many more are (fewer, when it is negative)."""


class Gates:
    """Of a composite: open while one of its parts is.

    Who a recipient's devices are reached by is known when the profile is read: what is let through might all be any part's, and goes on
    when few wait at each one's wire. A part that is down, or was told to wait, keeps nobody back.
    """

    def __init__(self, gates: Collection[Gate]) -> None:
        """`gates`: of its parts, one or more."""
        self._gates, self._coming = gates, 0

    @property
    def is_open(self) -> bool:
        """Whether another slice may be begun."""
        return any(gate.is_open for gate in self._gates)

    @property
    def is_down(self) -> bool:
        """Whether all parts are taken for down; callable from any thread."""
        return all(gate.is_down for gate in self._gates)

    def most(self, size: int, batch_size: int) -> int:
        """How many messages may go together, of `size` that would fit: few enough for every part."""
        return min(gate.ahead_size(size) for gate in self._gates)

    def has_room(self, count: int) -> bool:
        """Whether so many more may be on their way to the wire."""
        return all(gate.has_short_line(self._coming, count) for gate in self._gates if gate.is_open)

    def come(self, count: int) -> None:
        """So many more are on their way to the wires (fewer, when it is negative)."""
        self._coming += count


async def opened(gates: Collection[Way], alive: Alive) -> bool:
    """Wait until another slice may be begun at one of them; False: not within `SIGN_S`, and `alive` was called."""
    return await _looked(lambda: any(gate.is_open for gate in gates), alive)


@asynccontextmanager
async def passed(gate: Way, count: int, alive: Alive) -> AsyncIterator[bool]:
    """The turn of `count` messages to be read and intended, for the time of the block; False: it is shut. `alive` is called meanwhile."""
    while not (gate.is_open and gate.has_room(count)):
        if not await opened([gate], alive):
            yield False
            return
        await _looked(lambda: not gate.is_open or gate.has_room(count), alive)
    gate.come(count)
    try:
        yield True
    finally:
        gate.come(-count)


async def _looked(is_so: Callable[[], bool], alive: Alive) -> bool:
    """Wait until something is so; False: not within `SIGN_S`, and `alive` was called."""
    try:
        async with asyncio.timeout(SIGN_S):
            while not is_so():
                await asyncio.sleep(LOOK_S)
    except TimeoutError:
        alive()
        return False
    return True
