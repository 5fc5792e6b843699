"""A webhook of the recipient's own: a POST of JSON to the address, signed as Standard Webhooks (https://www.standardwebhooks.com) says.

Body        {"type": "notification.sent", "timestamp": "2024-11-21T00:00:00.000Z", "data": {...}}; `data` has what there is of: message_id,
            notification_id, user_id, category, priority, expires_at, subject, title, body, html, unsubscribe, link, image, thread, and in
            `data` the template's data.
webhook-id  stays the same however often a message is tried: receivers know repeats by it. It is the message's id with "_" for ".", because
            the specification wants no full stop in it.

An answer   2xx: delivered. 410: the endpoint is gone, and the address is used no more. 429, 502, 503 with Retry-After: later. Everything
            else the specification calls a failure; of that is tried again what the receiver can mend (401, 403, 404, 405, 5xx), and not
            what he says of the message (other 4xx). Redirects are not followed.

The address is a URL that a user gave: `providers.ssrf` says where it may lead.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import httpx
import msgspec

from providers.base import Accepted, Declaration, Message, Outcome, Rejected
from providers.codes import Code, outcome_of
from providers.errors import DeclarationError
from providers.features import CHAT, TEXTS
from providers.guarded import GUARD
from providers.secret import Secret
from providers.ssrf import Guard, fault_of, url_of
from providers.standard_webhooks import ID, Signing
from providers.statuses import by_status, excerpt, retry_after_ms
from schemas.clock import now_ms

STATUSES: dict[int, Code] = {
    401: Code("unavailable", "unauthorized", "Unauthorized"),
    402: Code("unavailable", "payment_required", "Payment Required"),
    403: Code("unavailable", "forbidden", "Forbidden"),
    404: Code("unavailable", "not_found", "Not Found"),
    405: Code("unavailable", "method_not_allowed", "Method Not Allowed"),
    407: Code("unavailable", "proxy_unauthorized", "Proxy Authentication Required"),
    410: Code("bad_address", "endpoint_gone", "it's no longer interested in receiving webhooks from this source"),
    421: Code("unavailable", "misdirected", "Misdirected Request"),
    426: Code("unavailable", "upgrade_required", "Upgrade Required"),
    429: Code("throttled", "rate_limit", "a rate-limit has been met"),
    451: Code("permanent", "legal_reasons", "Unavailable For Legal Reasons"),
    502: Code("throttled", "overloaded", "the server is under load, and it's recommended to throttle the requests"),
}
"""Where the far end is not ours, its refusal says nothing of our settings. The specification's "Delivery success and failure"; RFC 9110."""

REDIRECTED = Code("permanent", "redirected", "it's recommended to update the webhook URL instead")


class Webhook:
    """Standard Webhooks to URLs of the recipients."""

    def __init__(
        self,
        channel: str,
        secret: Secret,
        *,
        event_type: str = "notification.sent",
        allow_http: bool = False,
        ports: tuple[int, ...] = (443, 8443),
        networks: tuple[str, ...] = (),
        name: str = "webhook",
        concurrency: int = 64,
        timeout_ms: int = 15_000,
        connect_timeout_ms: int = 3_000,
        rate_per_s: int | None = None,
        rate_per_day: int | None = None,
        clock: Callable[[], int] = now_ms,
    ) -> None:
        """`secret`: the keys (`providers.standard_webhooks`). `allow_http`, `ports`, `networks` (CIDR): what may be called beside https at
        public addresses. `clock`: epoch ms.
        """
        self.declaration = Declaration(
            name=name,
            channel=channel,
            carries=TEXTS | CHAT,
            platforms=frozenset({"webhook"} if channel == "chat" else ()),
            concurrency=concurrency,
            timeout_ms=timeout_ms,
            connect_timeout_ms=connect_timeout_ms,
            rate_per_s=rate_per_s,
            rate_per_day=rate_per_day,
            guarded=True,
        )
        try:
            self.auth: httpx.Auth | None = Signing(secret, clock)
        except ValueError as error:
            raise DeclarationError(f"{name}: secret: {error}") from None
        self._guard = Guard(http=allow_http, ports=ports, networks=networks)
        self._event_type = event_type

    def refused(self, message: Message) -> Outcome | None:
        """Refuse an address that no request may go to."""
        fault = fault_of(message.address, self._guard)
        return Rejected("invalid_address", f"the address {fault}", address_dead=True) if fault else None

    def build(self, messages: Sequence[Message]) -> httpx.Request:
        """Return the request of one message, for `auth` to sign."""
        (message,) = messages
        event = {"type": self._event_type, "timestamp": _iso(message.sent_at), "data": _data(message)}
        headers = {"content-type": "application/json", "user-agent": "Carillon", ID: message.message_id.replace(".", "_")}
        return httpx.Request(
            "POST", url_of(message.address), headers=headers, content=msgspec.json.encode(event), extensions={GUARD: self._guard}
        )

    def parse(self, messages: Sequence[Message], response: httpx.Response) -> list[Outcome]:
        """Return the outcome of the message: the status says it, whatever the body."""
        status = response.status_code
        if 200 <= status < 300:
            return [Accepted()]
        code = REDIRECTED if 300 <= status < 400 else STATUSES.get(status)
        if code is None:
            return [by_status(response)]
        return [outcome_of(code, f"HTTP {status}: {excerpt(response)}", retry_after_ms(response))]


def _data(message: Message) -> dict[str, Any]:
    """What there is; empty fields are left out."""
    expires_at = None if message.expires_at is None else _iso(message.expires_at)
    names = ("message_id", "notification_id", "user_id", "category", "priority", "subject", "title", "body", "html", "unsubscribe", "data")
    fields = {name: getattr(message, name) for name in names} | {"expires_at": expires_at} | msgspec.to_builtins(message.chat)
    return {name: value for name, value in fields.items() if value}


def _iso(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
