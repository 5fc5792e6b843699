"""The provider for demo, benchmark and tests: `providers.sandbox_server`, many recipients a request or one.

SandboxBatch sends a text that all messages share once, as SendGrid's personalizations do; texts that differ go with their
recipient. SandboxSingle sends one message a request, as FCM v1 or Twilio take them.
"""

from collections.abc import Callable, Sequence

import httpx
import msgspec

from providers.base import Accepted, Declaration, Message, Outcome, Rejected, Throttled, Unavailable, Unknown
from providers.sandbox_server.wire import Answer, Batch, Recipient, Result, Single, Text
from providers.statuses import by_status, excerpt

DEAD = frozenset({"unregistered", "invalid_address"})
JSON = {"content-type": "application/json"}

_encode = msgspec.json.Encoder().encode
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
        self.declaration = declaration
        self._url = httpx.URL(f"{base_url.rstrip('/')}/v1/{declaration.channel}/{shape}")

    def parse(self, messages: Sequence[Message], response: httpx.Response) -> list[Outcome]:
        """Return one outcome a message: by result where the answer is readable, by status where it is not 200."""
        if response.status_code != 200:
            return [by_status(response)] * len(messages)
        try:
            results = _answers.decode(response.content).results
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return [Unknown(f"unreadable answer: {excerpt(response)}")] * len(messages)
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
    ) -> None:
        declaration = Declaration(
            name=name or f"sandbox-{channel}",
            channel=channel,
            batch_size=batch_size,
            concurrency=concurrency,
            timeout_ms=timeout_ms,
            connect_timeout_ms=connect_timeout_ms,
            rate_per_s=rate_per_s,
        )
        super().__init__(declaration, base_url, "batch")

    def build(self, messages: Sequence[Message]) -> httpx.Request:
        """Return one request; what all messages share is in it once."""
        first = messages[0]
        text = _text(first) if all(_same_text(message, first) for message in messages) else None
        notification_id = first.notification_id
        one = all(message.notification_id == notification_id for message in messages)
        recipients = [
            Recipient(
                message_id=message.message_id,
                user_id=message.user_id,
                address=message.address,
                data=_data(message),
                text=None if text else _text(message),
                notification_id=None if one else message.notification_id,
            )
            for message in messages
        ]
        batch = Batch(recipients=recipients, text=text, notification_id=notification_id if one else None)
        return self._post(_encode(batch))


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
    ) -> None:
        declaration = Declaration(
            name=name or f"sandbox-{channel}",
            channel=channel,
            concurrency=concurrency,
            timeout_ms=timeout_ms,
            connect_timeout_ms=connect_timeout_ms,
            rate_per_s=rate_per_s,
        )
        super().__init__(declaration, base_url, "single")

    def build(self, messages: Sequence[Message]) -> httpx.Request:
        """Return the request for the one message."""
        message = messages[0]
        single = Single(
            message_id=message.message_id,
            notification_id=message.notification_id,
            user_id=message.user_id,
            address=message.address,
            text=_text(message),
            data=_data(message),
        )
        return self._post(_encode(single))


def _outcome(result: Result | None) -> Outcome:
    if result is None:
        return Unknown("the answer does not mention this message")
    read = _READ.get(result.status)
    return read(result) if read else Unknown(f"unknown status {result.status!r}")


def _text(message: Message) -> Text:
    return Text(subject=message.subject, title=message.title, body=message.body, html=message.html)


def _same_text(message: Message, other: Message) -> bool:
    return message.body == other.body and message.subject == other.subject and message.title == other.title and message.html == other.html


def _data(message: Message) -> msgspec.Raw | msgspec.UnsetType:
    return msgspec.Raw(_encode(message.data)) if message.data else msgspec.UNSET
