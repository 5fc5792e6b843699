"""Feedback that is fetched: an event API, page by page.

A feed is pure: it says what to ask after a cursor, and what the answer means. `gateway.poller` asks, writes what was heard, and then
keeps the cursor on the log; `carillon unknown poll` asks what became of those whose outcome is unknown.
"""

from typing import Protocol, runtime_checkable

import httpx
from msgspec import Struct

from providers.errors import ProviderError
from providers.feedback.base import Heard


class PageRefused(ProviderError):
    """An answer that is no page. `wait_ms`: after how long to ask again, as the provider says; 0: it does not."""

    def __init__(self, said: str, wait_ms: int = 0) -> None:
        super().__init__(said)
        self.wait_ms = wait_ms


class Page(Struct, frozen=True):
    """What was heard, and the cursor after it. `more`: ask on at once; else there is nothing, or nothing that stands, for now."""

    heard: tuple[Heard, ...]
    cursor: str
    more: bool


@runtime_checkable
class Feed(Protocol):
    """One account's events, each by the cursor after which it comes. An event that is given twice has one `event_id`."""

    name: str
    channel: str

    def begin(self, at: int) -> str:
        """Return the cursor of what happened since `at` (epoch ms)."""

    def request(self, cursor: str) -> httpx.Request:
        """Return what asks for the page after a cursor: a few hundred events at most. Raises PageRefused for a cursor that is none."""

    def parse(self, cursor: str, response: httpx.Response, now: int) -> Page:
        """Return the page that was asked for at `now` (epoch ms). Raises PageRefused and nothing else, whatever the bytes."""
