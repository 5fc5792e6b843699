"""Long pieces of work on the event loop take turns, so that short ones are never behind more than one of them."""

import asyncio

BREATH = 5
"""Cycles of the event loop before each turn: the urgent goes through a dozen small waits, and must not meet long work at each."""


class Turns:
    """`async with turns:` around a few ms of work without an await in it. First come, first served."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()

    async def __aenter__(self) -> None:
        await self._lock.acquire()
        for _ in range(BREATH):
            await asyncio.sleep(0)

    async def __aexit__(self, *error: object) -> None:
        self._lock.release()
