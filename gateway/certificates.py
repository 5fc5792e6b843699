"""Certificates by URL, fetched once: bounded in number and in time, and in how often anybody can make us fetch."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Protocol

from gateway.errors import Unfetchable

MOST = 32
A_MINUTE = 20
MINUTE_MS = 60_000


class Fetcher(Protocol):
    """How the gateway asks others: a GET without redirects, with an end to it, of few bytes."""

    async def get(self, url: str) -> bytes:
        """Return the body of a 200. Raises Unfetchable for everything else."""


class Certificates:
    """Asks the fetcher for each URL once; who wants the same meanwhile waits for it. What SNS has under a URL never changes."""

    def __init__(self, fetcher: Fetcher, clock: Callable[[], int], *, most: int = MOST, a_minute: int = A_MINUTE) -> None:
        """`clock`: epoch ms. `most`: certificates kept. `a_minute`: fetches begun within 60 s at most."""
        self._fetcher, self._clock, self._most, self._a_minute = fetcher, clock, most, a_minute
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._coming: dict[str, asyncio.Task[bytes]] = {}
        self._begun: deque[int] = deque()

    async def get(self, url: str) -> bytes:
        """Return the certificate under a URL that was checked. Raises Unfetchable."""
        if url in self._kept:
            self._kept.move_to_end(url)
            return self._kept[url]
        if url not in self._coming:
            self._begin(url)
        return await asyncio.shield(self._coming[url])

    def forget(self, url: str) -> None:
        """Fetch it anew the next time: it was not what it should be."""
        self._kept.pop(url, None)

    def _begin(self, url: str) -> None:
        now = self._clock()
        while self._begun and self._begun[0] <= now - MINUTE_MS:
            self._begun.popleft()
        if len(self._begun) >= self._a_minute:
            raise Unfetchable("too many certificates were asked for within a minute")
        self._begun.append(now)
        task = asyncio.get_running_loop().create_task(self._fetch(url))
        self._coming[url] = task
        task.add_done_callback(lambda done: done.cancelled() or done.exception())  # whoever waited may be gone

    async def _fetch(self, url: str) -> bytes:
        try:
            found = await self._fetcher.get(url)
        finally:
            del self._coming[url]
        self._kept[url] = found
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)
        return found
