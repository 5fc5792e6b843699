"""The headers of a push message: TTL, Urgency and Topic (RFC 8030, 5.2 to 5.4). Pure."""

from hashlib import sha256

from providers.base import Message
from providers.push import left_s

TOPIC_CHARS = 32
URGENCY = {"critical": "high", "high": "high", "normal": "normal", "low": "low"}
"""RFC 8030, 5.3: high is an incoming call or a time-sensitive alert, normal a chat or a calendar message, low what a device on battery can
wait for."""


def headers_of(message: Message, longest_s: int) -> dict[str, str]:
    """Return the headers. `longest_s`: the time to live of what never expires, and the most that is asked for."""
    ttl_s = left_s(message, longest_s)
    headers = {"TTL": str(longest_s if ttl_s is None else ttl_s), "Urgency": URGENCY.get(message.priority, "normal")}
    if message.push.collapse_key:
        headers["Topic"] = topic_of(message.push.collapse_key)
    return headers


def topic_of(key: str) -> str:
    """Return 32 characters for a key, the same for the same: a hash, because Apple takes only what can be base64url of something (no
    length of 4n + 1), and because the push service need not know what replaces what.
    """
    return sha256(key.encode("utf-8", "replace")).hexdigest()[:TOPIC_CHARS]
