"""Fetches one feed of events, page after page, for as long as the gateway runs.

Killed between any two of its effects: the events of a page are on the log before the cursor after them, so the page is fetched again,
and its events are there twice with one `event_id`, of which the feedback step makes one thing. A feed that was never fetched has its
beginning on the log before anything is asked. Two gateways that fetch one feed write everything twice, and lose nothing.
"""

import logging
import random
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

import httpx

from gateway.backoff import wait_s
from gateway.config import Polling
from gateway.errors import Unfetchable, Unwritable
from gateway.metrics import Metrics
from gateway.receiver import Log
from gateway.records import Encode, outputs_of
from providers.feedback.base import Heard
from providers.feedback.polled import Feed, Page, PageRefused
from schemas.errors import SchemaError
from schemas.records import Output
from schemas.topics import CHANGELOG_CURSORS

HOUR_MS = 3_600_000

log = logging.getLogger(__name__)


class Pages(Protocol):
    """Who asks."""

    async def get(self, request: httpx.Request) -> httpx.Response:
        """Return the answer, whatever its status. Raises Unfetchable."""


class Poller:
    """One feed. `run` never ends by itself; whatever fails is tried again, later each time, up to `longest_s`."""

    def __init__(
        self,
        feed: Feed,
        log: Log,
        encode: Encode,
        pages: Pages,
        clock: Callable[[], int],
        settings: Polling,
        *,
        cursor: str | None,
        partitions: int,
        metrics: Metrics,
        pause: Callable[[float], Awaitable[object]],
    ) -> None:
        """`clock`: epoch ms. `cursor`: where the log says it stands; None: it was never fetched. `pause`: waits so many seconds."""
        self._feed, self._log, self._encode, self._pages, self._clock = feed, log, encode, pages, clock
        self._settings, self._partitions, self._metrics, self._pause = settings, partitions, metrics, pause
        self._cursor = cursor

    async def run(self) -> None:
        """Fetch until cancelled."""
        failures = 0
        while True:
            try:
                more = await self.step()
                failures, wait_s = 0, self._settings.page_s if more else self._settings.every_s * random.uniform(0.9, 1.1)
            except (PageRefused, Unfetchable, Unwritable, SchemaError) as error:
                failures += 1
                wait_s = self._failed(error, failures)
            await self._pause(wait_s)

    async def step(self) -> bool:
        """Fetch and keep one page; return whether there is more at once. Raises PageRefused, Unfetchable, Unwritable, SchemaError."""
        if self._cursor is None:
            await self._keep(self._feed.begin(self._clock() - int(self._settings.since_h * HOUR_MS)))
        assert self._cursor is not None
        cursor, response = self._cursor, await self._pages.get(self._feed.request(self._cursor))
        page, name = self._feed.parse(cursor, response, self._clock()), self._feed.name
        await self._hear(page)
        if page.cursor != cursor:
            await self._keep(page.cursor)
        self._metrics.pages.labels(name).inc()
        if not page.more:
            self._metrics.fetched_at.labels(name).set(self._clock() / 1000)
        return page.more

    async def _hear(self, page: Page) -> None:
        """Write what is of messages of ours: the account may have others, and nobody here waits to hear of them."""
        ours = [heard for heard in page.heard if is_ours(heard)]
        outputs = outputs_of(ours, self._feed.channel, self._clock(), self._partitions, self._encode)
        if outputs:
            await self._log.send(outputs)
        for heard in ours:
            self._metrics.hear(self._feed.name, heard.kind)
        self._metrics.foreign.labels(self._feed.name).inc(len(page.heard) - len(ours))

    async def _keep(self, cursor: str) -> None:
        await self._log.send([Output(topic=CHANGELOG_CURSORS, partition=0, key=self._feed.name.encode(), value=cursor.encode())])
        self._cursor = cursor

    def _failed(self, error: Exception, failures: int) -> float:
        """For how long to wait (s)."""
        self._metrics.not_fetched.labels(self._feed.name, type(error).__name__).inc()
        log.warning("%s: not fetched, %s: %s", self._feed.name, type(error).__name__, error)
        return wait_s(error, failures, self._settings.longest_s)


def is_ours(heard: Heard) -> bool:
    """Whether an event names a message of ours, or needs to name none."""
    return bool(heard.ref) or heard.kind in ("stopped", "started")


def cursors_of(records: Mapping[bytes, bytes | None]) -> dict[str, str]:
    """Return the cursor of each feed, from the last values of `CHANGELOG_CURSORS`."""
    return {key.decode(): value.decode() for key, value in records.items() if value is not None}
