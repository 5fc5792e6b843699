"""What an HTTP status means when the body says nothing better. Pure.

A provider consults its own documentation first and falls back on this. The status codes are RFC 9110's.
"""

from datetime import datetime
from email.utils import parsedate_to_datetime

import httpx

from providers.base import Outcome, Rejected, Throttled, Unavailable, Unknown

DETAIL_CHARS = 300
RETRY_AFTER_DIGITS = 9
EPOCH_DIGITS = 14
DAY_MS = 86_400_000

# Our credentials, our URL, our account: the message is sound, and nothing was sent. Rejecting would burn a whole campaign.
OUR_FAULT = frozenset({401, 402, 403, 404, 405, 407, 410, 421, 426, 451})
NOT_PROCESSED = frozenset({408, 425})
# The gateway passed the request on and heard nothing: it may have been sent. 522 and 524 are Cloudflare's.
NO_ANSWER_UPSTREAM = frozenset({504, 522, 524})


def by_status(response: httpx.Response) -> Outcome:
    """Return what a status says of every message of the request; Unknown for a 2xx, which only the provider can read."""
    status = response.status_code
    detail = f"HTTP {status}: {excerpt(response)}"
    if status == 429 or (status == 503 and "retry-after" in response.headers):
        return Throttled(retry_after_ms(response), detail)
    if status in NO_ANSWER_UPSTREAM or status < 300 or status > 599:
        return Unknown(detail)
    if status in OUR_FAULT:
        return Unavailable(detail, config=True)
    if status < 400 or status in NOT_PROCESSED or status >= 500:
        return Unavailable(detail)
    return Rejected(f"http_{status}", detail)


def excerpt(response: httpx.Response) -> str:
    """Return the beginning of the body, as text."""
    return response.content[: DETAIL_CHARS * 4].decode("utf-8", "replace")[:DETAIL_CHARS]


def retry_after_ms(response: httpx.Response) -> int:
    """Return Retry-After in ms: seconds, or a date against the answer's own Date; 0 when absent or unreadable."""
    value = response.headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return int(value) * 1000 if len(value) <= RETRY_AFTER_DIGITS else 0
    then, now = _date(value), _date(response.headers.get("date", ""))
    if then is None or now is None:
        return 0
    return max(0, round((then - now).total_seconds() * 1000))


def until_ms(response: httpx.Response, epoch: str, unit_ms: int = 1000) -> int:
    """Return the ms from the answer's own Date to a time since the epoch, as rate limits name it; 0 when unreadable or past.

    `unit_ms`: what it counts in, seconds or milliseconds.
    """
    now = _date(response.headers.get("date", ""))
    if now is None or not (epoch.isascii() and epoch.isdigit() and len(epoch) <= EPOCH_DIGITS):
        return 0
    return max(0, min(int(epoch) * unit_ms - round(now.timestamp() * 1000), DAY_MS))


def _date(value: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return date if date.tzinfo else None
