"""What APNs is told of a message: headers and payload. Pure.

Headers: https://developer.apple.com/documentation/usernotifications/sending-notification-requests-to-apns
Payload: https://developer.apple.com/documentation/usernotifications/generating-a-remote-notification
"""

import re
from typing import Any
from uuid import UUID, uuid5

import msgspec

from providers.base import Message
from providers.push import for_the_app, is_urgent, shortened

MAX_PAYLOAD = 4096
"""Bytes of a payload, but of a VoIP's."""
MAX_COLLAPSE_ID = 64
SHOWN = frozenset({"sound", "badge", "category", "thread", "collapse_key"})
"""Push fields that iOS has a place for. A picture and a link are the app's: its notification service extension fetches the one
(`mutable-content`), and it opens the other."""
_IDS = UUID("4b9a1a3e-6c35-5f0b-9d8e-0d2f4f0f9a31")
_PLAIN = re.compile(r"[\x21-\x7e]+")


def headers_of(message: Message) -> dict[str, str]:
    """Return what a request says of when and how it is shown; without topic, id and sign-in."""
    headers = {"apns-push-type": "alert", "apns-priority": "10" if is_urgent(message) else "5"}
    if message.expires_at is not None:
        headers["apns-expiration"] = str(max(0, message.expires_at) // 1000)
    if key := message.push.collapse_key:
        fits = len(key) <= MAX_COLLAPSE_ID and _PLAIN.fullmatch(key) is not None
        headers["apns-collapse-id"] = shortened(key, MAX_COLLAPSE_ID, fits)
    return headers


def apns_id(message: Message) -> str:
    """Return the canonical UUID of a message: the same for the same id."""
    return str(uuid5(_IDS, message.message_id))


def payload_of(message: Message) -> bytes:
    """Return the JSON; it may be longer than APNs takes. `aps` is Apple's: data of that name does not get in its place."""
    return msgspec.json.encode({**for_the_app(message, SHOWN), "aps": aps_of(message)})


def aps_of(message: Message) -> dict[str, Any]:
    """Return the `aps` dictionary."""
    push = message.push
    aps = {
        "alert": {name: text for name, text in (("title", message.title), ("body", message.body)) if text},
        "badge": push.badge,
        "sound": push.sound,
        "category": push.category,
        "thread-id": push.thread,
        "mutable-content": 1 if push.image else None,
        "interruption-level": _level(message),
    }
    return {name: value for name, value in aps.items() if value not in ("", None)}


def _level(message: Message) -> str:
    """Time-sensitive ones break through Focus, where the app is entitled to it; passive ones light up no screen, so they make no sound."""
    if message.priority == "critical":
        return "time-sensitive"
    return "passive" if message.priority == "low" and not message.push.sound else ""
