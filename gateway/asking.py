"""Asks providers about single messages, one after the other; whoever does not answer is asked again a few times, later each time."""

import random
from collections.abc import Awaitable, Callable

from gateway.errors import Unfetchable
from gateway.poller import Pages
from providers.feedback.asked import Inquiry
from providers.feedback.base import Heard
from providers.feedback.polled import PageRefused

TRIES = 4
FIRST_BACKOFF_S, LONGEST_S = 1.0, 60.0


class Asker:
    """Keeps no state: killed, it is asked anew."""

    def __init__(self, pages: Pages, clock: Callable[[], int], pause: Callable[[float], Awaitable[object]]) -> None:
        """`clock`: epoch ms. `pause`: waits so many seconds."""
        self._pages, self._clock, self._pause = pages, clock, pause

    async def ask(self, inquiry: Inquiry, ref: str) -> Heard | None:
        """Return what the provider says of a message; None: it knows of none. Raises PageRefused, Unfetchable after TRIES."""
        for attempt in range(TRIES):
            try:
                response = await self._pages.get(inquiry.request(ref))
                return inquiry.parse(ref, response, self._clock())
            except (PageRefused, Unfetchable) as error:
                if attempt == TRIES - 1:
                    raise
                told = error.wait_ms / 1000 if isinstance(error, PageRefused) else 0.0
                backoff = FIRST_BACKOFF_S * 2**attempt
                await self._pause(min(LONGEST_S, told) + random.uniform(backoff / 2, backoff))
        raise AssertionError("unreachable")
