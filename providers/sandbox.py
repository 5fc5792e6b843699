"""The provider for demo, benchmark and tests: `providers.sandbox_server`, many recipients a request or one.

SandboxBatch sends a text that all messages share once, as SendGrid's personalizations do; texts that differ go with their
recipient. SandboxSingle sends one message a request, as FCM v1 or Twilio take them.
"""

from collections.abc import Callable, Sequence

import httpx
import msgspec

from providers.answers import unreadable
from providers.base import Accepted, Declaration, Message, Outcome, Rejected, Throttled, Unavailable, Unknown
from providers.errors import DeclarationError
from providers.features import FEATURES
from providers.sandbox_body import batch_body, single_body
from providers.sandbox_server.wire import Answer, Result
from providers.statuses import by_status

DEAD = frozenset({"unregistered", "invalid_address"})
JSON = {"content-type": "application/json"}

_answers = msgspec.json.Decoder(Answer)

_READ: dict[str, Callable[[Result], Outcome]] = {
    "accepted": lambda result: Accepted(result.id),
    "rejected": lambda result: Rejected(result.reason or "rejected", address_dead=result.reason in DEAD),
    "throttled": lambda result: Throttled(result.retry_after_ms, result.reason),
    "failed": lambda result: Unavailable(result.reason),
}


class _Sandbox:
    """What both shapes share: where to, and how the answer reads."""

    auth: httpx.Auth | None = None

    def __init__(self, declaration: Declaration, base_url: str, shape: str) -> None:
        if not base_url.startswith(("http://", "https://")):
            raise DeclarationError(f"{declaration.name}: base_url must begin with http:// or https://")
        self.declaration = declaration
        self._url = httpx.URL(f"{base_url.rstrip('/')}/v1/{declaration.channel}/{shape}")

    def parse(self, messages: Sequence[Message], response: httpx.Response) -> list[Outcome]:
        """Return one outcome a message: by result where the answer is readable, by status where it is not 200."""
        if response.status_code != 200:
            return [by_status(response)] * len(messages)
        try:
            results = _answers.decode(response.content).results
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return [unreadable(response)] * len(messages)
        by_id = {result.message_id: result for result in results}
        return [_outcome(by_id.get(message.message_id)) for message in messages]

    def _post(self, body: bytes) -> httpx.Request:
        return httpx.Request("POST", self._url, headers=JSON, content=body)


class SandboxBatch(_Sandbox):
    """Up to `batch_size` messages a request."""

    def __init__(
        self,
        channel: str,
        base_url: str,
        batch_size: int = 1000,
        *,
        name: str = "",
        concurrency: int = 4,
        timeout_ms: int = 10_000,
        connect_timeout_ms: int = 2_000,
        rate_per_s: int | None = None,
        rate_per_day: int | None = None,
    ) -> None:
        declaration = Declaration(
            name=name or f"sandbox-{channel}",
            channel=channel,
            carries=FEATURES,
            batch_size=batch_size,
            concurrency=concurrency,
            timeout_ms=timeout_ms,
            connect_timeout_ms=connect_timeout_ms,
            rate_per_s=rate_per_s,
            rate_per_day=rate_per_day,
        )
        super().__init__(declaration, base_url, "batch")

    def build(self, messages: Sequence[Message]) -> httpx.Request:
        """Return one request; what all messages share is in it once."""
        return self._post(batch_body(messages))


class SandboxSingle(_Sandbox):
    """One message a request."""

    def __init__(
        self,
        channel: str,
        base_url: str,
        *,
        name: str = "",
        concurrency: int = 100,
        timeout_ms: int = 10_000,
        connect_timeout_ms: int = 2_000,
        rate_per_s: int | None = None,
        rate_per_day: int | None = None,
    ) -> None:
        declaration = Declaration(
            name=name or f"sandbox-{channel}",
            channel=channel,
            carries=FEATURES,
            concurrency=concurrency,
            timeout_ms=timeout_ms,
            connect_timeout_ms=connect_timeout_ms,
            rate_per_s=rate_per_s,
            rate_per_day=rate_per_day,
        )
        super().__init__(declaration, base_url, "single")

    def build(self, messages: Sequence[Message]) -> httpx.Request:
        """Return the request for the one message."""
        return self._post(single_body(messages[0]))


def _outcome(result: Result | None) -> Outcome:
    if result is None:
        return Unknown("the answer does not mention this message")
    read = _READ.get(result.status)
    return read(result) if read else Unknown(f"unknown status {result.status!r}")
