"""What the platforms of push have in common: how urgent, how long of use, and what an app is told beside what is shown. Pure.

A `Message` has fields that only some platforms show: no browser has a badge with a number, no Android a thread. What a platform can't
show the app is told, under `carillon_<field>` of its data, and with it `carillon_ref`, to say what was opened. `android_channel` is about
Android alone: elsewhere there is nothing to tell.
"""

from collections.abc import Iterator
from hashlib import sha256
from urllib.parse import urlsplit

from providers.base import Message
from schemas.records import PushOverrides

SAID_BY_ITSELF = frozenset({"data", "android_channel"})
FIELDS = tuple(name for name in PushOverrides.__struct_fields__ if name not in SAID_BY_ITSELF)


def is_urgent(message: Message) -> bool:
    """Whether it is worth waking a device for."""
    return message.priority in ("critical", "high")


def left_s(message: Message, limit_s: int) -> int | None:
    """Return for how many seconds it is of use, 0 to `limit_s`; None: for ever."""
    if message.expires_at is None:
        return None
    return max(0, min(limit_s, (message.expires_at - message.sent_at) // 1000))


def for_the_app(message: Message, shown: frozenset[str]) -> dict[str, str]:
    """Return the data of the app: its own, and what the platform does not show (`shown`: fields that it does)."""
    return {**message.push.data, **dict(_told(message, shown))}


def _told(message: Message, shown: frozenset[str]) -> Iterator[tuple[str, str]]:
    if message.ref:
        yield "carillon_ref", message.ref
    for name in FIELDS:
        if name not in shown and (value := getattr(message.push, name)) not in ("", None):
            yield f"carillon_{name}", str(value)


def shortened(key: str, limit: int, is_fit: bool) -> str:
    """Return a key that takes the place of another of the same name: itself where it fits, else a hash of at most `limit` hex digits."""
    return key if is_fit else sha256(key.encode("utf-8", "replace")).hexdigest()[:limit]


def is_https(url: str) -> bool:
    """Whether a browser takes it for a link of a notification."""
    try:
        return urlsplit(url).scheme == "https"
    except ValueError:
        return False
