"""Reading the bodies of answers, whatever a provider, or what stands before it, put there. Pure."""

from typing import TypeVar

import httpx
import msgspec

from providers.base import Unknown
from providers.statuses import excerpt

T = TypeVar("T")


def read(response: httpx.Response, kind: type[T]) -> T | None:
    """Return the JSON of an answer as `kind`; None: it is no such JSON."""
    try:
        return msgspec.json.decode(response.content, type=kind)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


def unreadable(response: httpx.Response) -> Unknown:
    """Return what becomes of a message whose answer says success, and nothing that can be read."""
    return Unknown(f"unreadable answer: {excerpt(response)}")
