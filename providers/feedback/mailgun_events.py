"""Mailgun: its Events API, polled.

https://documentation.mailgun.com/docs/mailgun/api-reference/send/mailgun/events/get-v3-domain_name-events: GET, Basic with `api` and the
key, `begin` (epoch seconds), `ascending`, `limit` (300 at most); `items`, and in `paging` the URL of the next page, which is empty at
first and has what came since when it is asked again. Mailgun calls it deprecated in favour of its Logs API; what we found of that one's
documentation says neither how an item holds the variables of a message nor when a page is whole, so it is this one.

https://documentation.mailgun.com/docs/mailgun/user-manual/events/event-polling: events come to the store late and out of order, so a
page is believed when its last event is older than a threshold («e.g. half an hour»); until then it is let go and asked for again.
Feedback by polling is that late; where that is too late, webhooks.

https://documentation.mailgun.com/docs/mailgun/user-manual/events/event-structure: `id` is «unique within a day».
A cursor is the time (epoch seconds) of the last event that was taken, and the URL of the page after it. How long such a URL is good is not
documented: one that is refused is left, and the time begins anew.
"""

import re
from base64 import b64encode
from typing import Any

import httpx
import msgspec

from providers.feedback.base import Heard
from providers.feedback.errors import FeedbackRefused
from providers.feedback.mailgun import heard_of
from providers.feedback.polled import Page, PageRefused
from providers.feedback.reading import at, json_object, ms_of_seconds, text_at
from providers.mailgun import US
from providers.secret import Secret
from providers.statuses import retry_after_ms

LIMIT = 300
DAY_MS = 86_400_000
GONE = frozenset({400, 404, 410})
"""What a page's URL may be answered with when it is good no more."""
_CURSOR = re.compile(r"(\d{1,12})(?: (\S{1,4000}))?", re.ASCII)


class Paging(msgspec.Struct):
    """`next`: the URL of the next page, which is there always."""

    next: str


class Answer(msgspec.Struct):
    """Events as they came."""

    items: list[msgspec.Raw]
    paging: Paging


_decode = msgspec.json.Decoder(Answer).decode


class MailgunEvents:
    """Events of one sending domain, oldest first."""

    def __init__(
        self,
        api_key: Secret,
        domain: str,
        *,
        name: str = "mailgun",
        channel: str = "email",
        base_url: str = US,
        settled_s: int = 1800,
        limit: int = LIMIT,
    ) -> None:
        """`domain`: the sending domain. `base_url`: that of its region. `settled_s`: after how long no event is missing any more."""
        if not re.fullmatch(r"[A-Za-z0-9.-]+", domain) or not 1 <= limit <= LIMIT:
            raise ValueError(f"{domain!r} is not a domain, or {limit} is not from 1 to {LIMIT}")
        self.name, self.channel = name, channel
        self._api_key, self._settled_ms, self._limit = api_key, 1000 * settled_s, limit
        self._url = f"{base_url}/v3/{domain}/events"

    def begin(self, at: int) -> str:
        """Return the time alone."""
        return str(at // 1000)

    def request(self, cursor: str) -> httpx.Request:
        """Return the request for a page of ours: the key goes nowhere else. Raises PageRefused."""
        since, url = _parts(cursor)
        basic = b64encode(f"api:{self._api_key.reveal()}".encode()).decode()
        headers = {"authorization": f"Basic {basic}", "accept": "application/json"}
        if url and self._is_ours(url):
            return httpx.Request("GET", url, headers=headers)
        return httpx.Request("GET", self._url, params={"begin": since, "ascending": "yes", "limit": self._limit}, headers=headers)

    def parse(self, cursor: str, response: httpx.Response, now: int) -> Page:
        """Return the page's events when it is old enough to be whole; else none, and the same cursor. Raises PageRefused."""
        since, url = _parts(cursor)
        if url and response.status_code in GONE:
            return Page((), since, True)
        if response.status_code != 200:
            raise PageRefused(f"HTTP {response.status_code}", retry_after_ms(response) or 0)
        events, following = self._read(response)
        times = [ms_of_seconds(at(event, "timestamp"), 0) for _, event in events]
        if not times or max(times) > now - self._settled_ms:
            return Page((), cursor, False)
        heard = tuple(self._heard(raw, event, now) for raw, event in events)
        return Page(heard, f"{max(max(times) // 1000, int(since))} {following}", True)

    def _read(self, response: httpx.Response) -> tuple[list[tuple[bytes, dict[str, Any]]], str]:
        """The events, each with its bytes, and the URL of the next page. Raises PageRefused."""
        try:
            answer = _decode(response.content)
            events = [(raw, json_object(raw)) for raw in map(bytes, answer.items)]
        except (msgspec.DecodeError, UnicodeDecodeError, FeedbackRefused):
            raise PageRefused("the page can't be read") from None
        if not self._is_ours(answer.paging.next):
            raise PageRefused("the next page is somewhere else")
        return events, answer.paging.next

    def _is_ours(self, url: str) -> bool:
        """Whether a URL that Mailgun gave is of these events, as its own documentation's are."""
        return url.startswith((f"{self._url}/", f"{self._url}?")) and _CURSOR.fullmatch(f"0 {url}") is not None

    def _heard(self, raw: bytes, event: dict[str, Any], now: int) -> Heard:
        day = ms_of_seconds(at(event, "timestamp"), now) // DAY_MS
        return heard_of(event, name=self.name, event_id=f"{text_at(event, 'id')}/{day}", raw=raw, now=now)


def _parts(cursor: str) -> tuple[str, str]:
    """Epoch seconds, and a URL or nothing. Raises PageRefused."""
    match = _CURSOR.fullmatch(cursor)
    if match is None:
        raise PageRefused("the cursor is none of ours")
    return match[1], match[2] or ""
