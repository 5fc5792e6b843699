"""Web Push: one message a request to the browser's own push service, which can't read it.

RFC 8030 (protocol), 8188 and 8291 (encryption, `web_push_crypto`), 8292 (sign-in, `vapid`). A device's token is its subscription as JSON
(`web_push_subscription`, with what keeps strangers' URLs from reaching into our network). The protocol has no idempotency key.

The service worker gets `event.data.json()`: title, body, image, link, sound, badge, category, thread, collapse_key (a good `tag`), data and
ref, each where the message has it; ref is what to tell Carillon when it is opened.

Salt and key pair of each message come from `entropy`, the system's random source. They could be made of the message, so that a repetition
is the same in every byte; but then whoever ever gets the key they are made with can read all that was sent before.
"""

import os
from collections.abc import Callable, Sequence

import httpx
import msgspec

from providers.answers import read
from providers.base import Accepted, Declaration, Message, Outcome, Rejected, Throttled
from providers.codes import outcome_of
from providers.errors import DeclarationError
from providers.features import PUSH
from providers.secret import Secret
from providers.statuses import by_status, excerpt, retry_after_ms
from providers.vapid import Vapid
from providers.web_push_codes import ERRNOS, STATUSES
from providers.web_push_crypto import KEY_BYTES, MAX_PLAINTEXT, SALT_BYTES, encrypted, key_of
from providers.web_push_headers import headers_of
from providers.web_push_subscription import PUSH_SERVICES, Subscription, is_among, subscription_of
from schemas.clock import now_ms

MAX_TTL_S = 2_419_200
"""4 weeks, the most that all services take (FCM; Mozilla takes 30 days)."""


class Refusal(msgspec.Struct):
    """What a service may say besides the status: Mozilla's `errno` and `message`, Apple's `reason`."""

    errno: int = 0
    message: str = ""
    reason: str = ""


class WebPush:
    """Push to browsers."""

    def __init__(
        self,
        channel: str,
        vapid_key: Secret,
        subject: str,
        *,
        name: str = "web-push",
        services: tuple[str, ...] = PUSH_SERVICES,
        concurrency: int = 100,
        timeout_ms: int = 10_000,
        connect_timeout_ms: int = 2_000,
        rate_per_s: int | None = None,
        rate_per_day: int | None = None,
        clock: Callable[[], int] = now_ms,
        entropy: Callable[[int], bytes] = os.urandom,
    ) -> None:
        """`subject`: whom a push service may turn to, mailto: or https: (Apple wants a domain that exists). `services`: hosts that
        endpoints may be at, and their subdomains. `entropy`: random bytes; another source is for tests alone.
        """
        if not subject.startswith(("mailto:", "https://")):
            raise DeclarationError(f"{name}: subject must begin with mailto: or https://")
        self.declaration = Declaration(
            name=name,
            channel=channel,
            carries=PUSH | {"title"},
            platforms=frozenset({"web"}),
            concurrency=concurrency,
            timeout_ms=timeout_ms,
            connect_timeout_ms=connect_timeout_ms,
            rate_per_s=rate_per_s,
            rate_per_day=rate_per_day,
        )
        self.auth: httpx.Auth | None = Vapid(vapid_key, subject, clock)
        self._services, self._entropy = services, entropy

    def refused(self, message: Message) -> Rejected | None:
        """Return why no request is made: the address is no subscription, is of a service we do not know, or the text is too long."""
        found = subscription_of(message.address)
        if not isinstance(found, Subscription):
            return Rejected("bad_subscription", found, address_dead=True)
        if not is_among(found.host, self._services):
            return Rejected("unknown_push_service", f"{found.host[:100]} is none of {', '.join(self._services)}")
        size = len(payload_of(message))
        return Rejected("payload_too_large", f"{size} bytes, there is room for {MAX_PLAINTEXT}") if size > MAX_PLAINTEXT else None

    def build(self, messages: Sequence[Message]) -> httpx.Request:
        """Return the request of one message that is not refused. Raises ValueError for another."""
        (message,) = messages
        found = subscription_of(message.address)
        if not isinstance(found, Subscription):
            raise ValueError(found)
        salt, sender = self._entropy(SALT_BYTES), key_of(self._entropy(KEY_BYTES))
        body = encrypted(payload_of(message), found.receiver, found.auth, salt, sender)
        headers = {"content-encoding": "aes128gcm", "content-type": "application/octet-stream", **headers_of(message, MAX_TTL_S)}
        return httpx.Request("POST", found.endpoint, headers=headers, content=body)

    def parse(self, messages: Sequence[Message], response: httpx.Response) -> list[Outcome]:
        """Return the outcome of the one message."""
        return [_outcome(response)] * len(messages)


def payload_of(message: Message) -> bytes:
    """Return the JSON for the service worker."""
    push = message.push
    told = {
        "title": message.title,
        "body": message.body,
        "image": push.image,
        "link": push.link,
        "sound": push.sound,
        "badge": push.badge,
        "category": push.category,
        "thread": push.thread,
        "collapse_key": push.collapse_key,
        "data": push.data,
        "ref": message.ref,
    }
    return msgspec.json.encode({name: value for name, value in told.items() if value not in ("", None, {})})


def _outcome(response: httpx.Response) -> Outcome:
    """A message that is taken is named by the end of its URL (RFC 8030, 5): the whole of it would let others take it back."""
    if response.status_code == 201:
        return Accepted(response.headers.get("location", "").rpartition("/")[2])
    said = _said(response)
    code = (ERRNOS.get(said.errno) or STATUSES.get(response.status_code)) if response.status_code >= 400 else None
    if code is None:
        return by_status(response)
    detail, wait_ms = said.reason or said.message or excerpt(response), retry_after_ms(response)
    if code.meaning == "unavailable" and wait_ms:
        return Throttled(wait_ms, f"{code.reason}: {detail}")
    return outcome_of(code, detail[:300], wait_ms)


def _said(response: httpx.Response) -> Refusal:
    return read(response, Refusal) or Refusal()
