"""Slack: a message to a channel, or to a user's direct messages, by chat.postMessage.

https://docs.slack.dev/reference/methods/chat.postMessage: JSON, signed in with a bot token that has chat:write. The address is the id of a
channel (C...), a conversation (D..., G...) or a user (U...). An error is a 200 with "ok": false; 429 has Retry-After, in seconds; one
message a second for each channel. There is no documented idempotency key, and no feedback.
"""

from collections.abc import Sequence

import httpx
import msgspec

from providers.answers import read, unreadable
from providers.base import Accepted, Declaration, Message, Outcome, Rejected, Unknown
from providers.codes import outcome_of
from providers.features import CHAT
from providers.posting import post
from providers.secret import Secret
from providers.slack_blocks import blocks_of, text_of
from providers.slack_codes import CODES
from providers.statuses import by_status, retry_after_ms

LONGEST = 40_000
"""Slack "will truncate messages containing more than 40,000 characters" (chat.postMessage, "Truncating content")."""


class Answer(msgspec.Struct):
    """What of the answer counts here."""

    ok: bool
    error: str = ""
    ts: str = ""


class Slack:
    """Messages by Slack's Web API."""

    auth: httpx.Auth | None = None

    def __init__(
        self,
        channel: str,
        token: Secret,
        *,
        name: str = "slack",
        base_url: str = "https://slack.com",
        concurrency: int = 8,
        timeout_ms: int = 10_000,
        connect_timeout_ms: int = 2_000,
        rate_per_s: int | None = None,
        rate_per_day: int | None = None,
    ) -> None:
        """`token`: of the bot (xoxb-...)."""
        self.declaration = Declaration(
            name=name,
            channel=channel,
            carries=CHAT | {"title"},
            platforms=frozenset({"slack"}),
            concurrency=concurrency,
            timeout_ms=timeout_ms,
            connect_timeout_ms=connect_timeout_ms,
            rate_per_s=rate_per_s,
            rate_per_day=rate_per_day,
        )
        self._token = token
        self._url = httpx.URL(f"{base_url}/api/chat.postMessage")

    def refused(self, message: Message) -> Outcome | None:
        """Refuse what Slack would cut."""
        length = len(text_of(message))
        return Rejected("too_long", f"{length} characters, {LONGEST} are allowed") if length > LONGEST else None

    def build(self, messages: Sequence[Message]) -> httpx.Request:
        """Return the request of one message."""
        (message,) = messages
        body = {"channel": message.address, "text": text_of(message), "blocks": blocks_of(message), "thread_ts": message.chat.thread}
        headers = {"authorization": f"Bearer {self._token.reveal()}", "content-type": "application/json; charset=utf-8"}
        content = msgspec.json.encode({name: value for name, value in body.items() if value})
        return post(self._url, headers, content)

    def parse(self, messages: Sequence[Message], response: httpx.Response) -> list[Outcome]:
        """Return the outcome of the message; it is known to Slack by its `ts`."""
        return [_outcome(response)]


def _outcome(response: httpx.Response) -> Outcome:
    if response.status_code != 200:
        return by_status(response)
    answer = read(response, Answer)
    if answer is None:
        return unreadable(response)
    if answer.ok:
        return Accepted(answer.ts)
    code = CODES.get(answer.error)
    return outcome_of(code, answer.error, retry_after_ms(response)) if code else Unknown(f"Slack says {answer.error[:100]}")
