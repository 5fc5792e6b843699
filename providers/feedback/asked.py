"""Asking a provider what became of one message of which only our own reference is known: its answer to the sending never came.

An inquiry is pure, as a feed is. Only who documents a search by what we gave along can be asked; the rest wants an id of its own, which an
unknown has not.
"""

from typing import Protocol, runtime_checkable

import httpx

from providers.feedback.base import Heard


@runtime_checkable
class Inquiry(Protocol):
    """One account that can be asked."""

    name: str
    channel: str

    def request(self, ref: str) -> httpx.Request:
        """Return what asks for the message with this ref."""

    def parse(self, ref: str, response: httpx.Response, now: int) -> Heard | None:
        """Return what the provider says of it at `now` (epoch ms); None: it knows of none, which may still be to come.

        Raises PageRefused and nothing else, whatever the bytes.
        """
