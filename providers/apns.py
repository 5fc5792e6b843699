"""Apple Push Notification service: one alert a request, over HTTP/2.

https://developer.apple.com/documentation/usernotifications/sending-notification-requests-to-apns. `apns-id` is a UUID made of the id of the
message; APNs names messages by it, and does not promise to take each but once. A payload longer than APNs takes is refused here, never cut.

Device tokens of development builds are for `sandbox` alone, those of the App Store for the other server: where the two are mixed up APNs
answers BadDeviceToken, as it does for tokens that never were, and devices are taken out of use until their app registers again.
"""

import re
from collections.abc import Callable, Sequence

import httpx

from providers.answers import unreadable
from providers.apns_body import MAX_PAYLOAD, apns_id, headers_of, payload_of
from providers.apns_codes import REASONS
from providers.apns_token import ProviderToken, refusal_of
from providers.base import Accepted, Declaration, Message, Outcome, Rejected
from providers.codes import outcome_of
from providers.features import PUSH
from providers.secret import Secret
from providers.statuses import by_status, retry_after_ms
from schemas.clock import now_ms

PRODUCTION = "https://api.push.apple.com"
SANDBOX = "https://api.sandbox.push.apple.com"
_TOKEN = re.compile(r"(?:[0-9a-fA-F]{2}){1,512}")
"""Hexadecimal bytes; Apple has nobody assume how many, and a URL has its limit."""


class Apns:
    """Push to iOS by APNs."""

    def __init__(
        self,
        channel: str,
        key: Secret,
        key_id: Secret,
        team_id: str,
        topic: str,
        *,
        name: str = "apns",
        sandbox: bool = False,
        base_url: str = "",
        concurrency: int = 256,
        timeout_ms: int = 10_000,
        connect_timeout_ms: int = 2_000,
        rate_per_s: int | None = None,
        rate_per_day: int | None = None,
        clock: Callable[[], int] = now_ms,
    ) -> None:
        """`key`: the text of the .p8 file; `key_id`: its id, replaced with it. `topic`: the app's bundle id. `base_url`: empty: Apple's."""
        self.declaration = Declaration(
            name=name,
            channel=channel,
            carries=PUSH | {"title"},
            platforms=frozenset({"ios"}),
            concurrency=concurrency,
            timeout_ms=timeout_ms,
            connect_timeout_ms=connect_timeout_ms,
            rate_per_s=rate_per_s,
            rate_per_day=rate_per_day,
            http2=True,
        )
        self.auth: httpx.Auth | None = ProviderToken(key, key_id, team_id, clock)
        self._headers = {"apns-topic": topic, "content-type": "application/json"}
        self._url = f"{base_url or (SANDBOX if sandbox else PRODUCTION)}/3/device/"

    def refused(self, message: Message) -> Rejected | None:
        """Return why APNs can't have it: no device token, or too long a payload."""
        if not _TOKEN.fullmatch(message.address):
            return Rejected("bad_device_token", "a device token is hexadecimal", address_dead=True)
        size = len(payload_of(message))
        return Rejected("payload_too_large", f"{size} bytes, APNs takes {MAX_PAYLOAD}") if size > MAX_PAYLOAD else None

    def build(self, messages: Sequence[Message]) -> httpx.Request:
        """Return the request of one message."""
        (message,) = messages
        headers = self._headers | headers_of(message) | {"apns-id": apns_id(message)}
        return httpx.Request("POST", self._url + message.address, headers=headers, content=payload_of(message))

    def parse(self, messages: Sequence[Message], response: httpx.Response) -> list[Outcome]:
        """Return the outcome of the one message."""
        return [_outcome(response)] * len(messages)


def _outcome(response: httpx.Response) -> Outcome:
    if response.status_code == 200:
        name = response.headers.get("apns-id", "")
        return Accepted(name) if name and not response.content else unreadable(response)
    said = refusal_of(response)
    code = REASONS.get(said.reason) if response.status_code >= 400 else None
    if code is None:
        return by_status(response)
    since = f" (since {said.timestamp} ms)" if said.timestamp is not None else ""
    return outcome_of(code, code.says + since, retry_after_ms(response))
