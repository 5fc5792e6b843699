"""Asks providers about single messages, one after the other; whoever does not answer is asked again a few times, later each time."""

from collections.abc import Awaitable, Callable

from gateway.backoff import wait_s
from gateway.errors import Unfetchable
from gateway.poller import Pages
from providers.feedback.asked import Inquiry
from providers.feedback.base import Heard
from providers.feedback.polled import PageRefused

TRIES = 4
LONGEST_S = 60.0


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
                await self._pause(wait_s(error, attempt + 1, LONGEST_S))
        raise AssertionError("unreachable")
