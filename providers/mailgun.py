"""Mailgun: up to 1,000 e-mails of one text a request, with recipient variables, so that each recipient sees only itself.

https://documentation.mailgun.com/docs/mailgun/user-manual/sending-messages/batch-sending. A request is taken or refused as a whole, under
one id; `ref` comes back with every event as a user variable.
"""

import re
from base64 import b64encode
from collections.abc import Hashable, Sequence

import httpx
import msgspec

from providers.answers import read, unreadable
from providers.base import Accepted, Declaration, Message, Outcome, Throttled, Unsupported
from providers.codes import Code, outcome_of
from providers.email_parts import is_address, with_ascii_domain
from providers.errors import DeclarationError
from providers.features import EMAIL
from providers.mailgun_body import deliver_within, fields_of, goes_alone, request_of
from providers.secret import Secret
from providers.statuses import by_status, retry_after_ms, until_ms

US, EU = "https://api.mailgun.net", "https://api.eu.mailgun.net"

STATUSES: dict[int, Code] = {
    400: Code("permanent", "bad_request", "Bad Request"),
    401: Code("config", "unauthorized", "Invalid or missing API key"),
    402: Code("config", "request_failed", "Parameters were valid but request failed"),
    403: Code("config", "forbidden", "Valid credentials but access denied"),
    404: Code("config", "not_found", "Resource not found"),
    413: Code("permanent", "too_large", "The maximum message size Mailgun supports is 25MB"),
    429: Code("throttled", "rate_limited", "Rate limits exceeded"),
    500: Code("unavailable", "internal_error", "Mailgun server error"),
}
"""https://documentation.mailgun.com/docs/mailgun/api-reference/api-overview"""

BAD_ADDRESS = Code("bad_address", "invalid_address", "to parameter is not a valid address")
BAD_COPY = Code("permanent", "bad_recipients", "cc or bcc parameter is not a valid address")
SENDER = Code("config", "sender_refused", "from parameter is missing or not a valid address")
ACCOUNT = Code("config", "not_allowed", "The domain or account is not allowed to send")
ANOTHER = Code("unavailable", "neighbour_refused", "nothing was sent: an address of the request was refused")
FAULTS: list[tuple[re.Pattern[str], Code]] = [
    (re.compile(r"\bto'? parameter is (not a valid|missing)"), BAD_ADDRESS),
    (re.compile(r"\bb?cc'? parameter is not a valid"), BAD_COPY),
    (re.compile(r"\bfrom'? parameter is"), SENDER),
    (re.compile(r"not allowed to send|[Ss]andbox|unverified|not verified|activate|disabled"), ACCOUNT),
    (re.compile(r"limited to 16KB"), Code("permanent", "options_too_large", "Send options (o:, h:, v: or t:) are limited to 16KB total")),
    (re.compile(r"Need at least one of"), Code("permanent", "no_text", "Need at least one of 'text', 'html', 'amp-html' or 'template'")),
]
"""What a 400 says, in the words of the API reference; it names no field."""

_AGAIN = re.compile(r"try again after (\d{1,6}) seconds")


class Answer(msgspec.Struct):
    """A message, and the id where it was taken."""

    message: str = ""
    id: str = ""


class Mailgun:
    """E-mail by Mailgun's v3 API."""

    auth: httpx.Auth | None = None

    def __init__(
        self,
        channel: str,
        api_key: Secret,
        domain: str,
        sender: str,
        *,
        name: str = "mailgun",
        base_url: str = US,
        batch_size: int = 1000,
        polled: bool = False,
        concurrency: int = 16,
        timeout_ms: int = 30_000,
        connect_timeout_ms: int = 2_000,
        rate_per_s: int | None = None,
        rate_per_day: int | None = None,
    ) -> None:
        """`domain`: the sending domain at Mailgun. `base_url`: that of its region, US or EU. `polled`: its events are
        fetched (`polled` in the gateway's file) and not sent. Raises DeclarationError."""
        if not is_address(with_ascii_domain(sender)) or not re.fullmatch(r"[A-Za-z0-9.-]+", domain):
            raise DeclarationError(f"{name}: {sender!r} is not an e-mail address, or {domain!r} not a domain")
        if batch_size > 1000:
            raise DeclarationError(f"{name}: batch_size must be at most 1000")
        self.declaration = Declaration(
            name=name,
            channel=channel,
            carries=EMAIL | {"subject", "html", "unsubscribe"},
            batch_size=batch_size,
            distinct_addresses=True,  # Mailgun leaves out the second of an address
            concurrency=concurrency,
            timeout_ms=timeout_ms,
            connect_timeout_ms=connect_timeout_ms,
            rate_per_s=rate_per_s,
            rate_per_day=rate_per_day,
            feedback="polled" if polled else "webhook",
        )
        self._api_key, self._sender = api_key, with_ascii_domain(sender)
        self._url = f"{base_url}/v3/{domain}/messages"

    def shared(self, message: Message) -> Hashable:
        """The text and what goes with it; nothing, where it must go alone."""
        alone = message.message_id if goes_alone(message) else ""
        text = (message.subject, message.body, message.html)
        return text, message.category, id(message.email), bool(message.unsubscribe), deliver_within(message), alone

    def build(self, messages: Sequence[Message]) -> httpx.Request:
        """Return one request for all."""
        credentials = b64encode(f"api:{self._api_key.reveal()}".encode()).decode()
        return request_of(self._url, {"authorization": f"Basic {credentials}"}, fields_of(messages, self._sender))

    def parse(self, messages: Sequence[Message], response: httpx.Response) -> list[Outcome]:
        """Return one outcome a message; all were taken, or none."""
        answer = _answer(response)
        if response.status_code == 200:
            outcome = Accepted(answer.id.strip("<>")) if answer.id else unreadable(response)
            return [outcome] * len(messages)
        if response.status_code not in STATUSES:
            return [by_status(response)] * len(messages)
        if response.status_code == 429:
            return [Throttled(_wait_ms(response, answer), f"{STATUSES[429].reason}: {answer.message[:300]}")] * len(messages)
        return [_refused(messages, response.status_code, answer)] * len(messages)


def _answer(response: httpx.Response) -> Answer:
    return read(response, Answer) or Answer()


def _refused(messages: Sequence[Message], status: int, answer: Answer) -> Outcome:
    code = STATUSES[status]
    if status == 400:
        code = next((found for pattern, found in FAULTS if pattern.search(answer.message)), code)
    if code is BAD_ADDRESS and len(messages) > 1:
        code = ANOTHER  # it does not say which; another provider may take them
    elif code is BAD_ADDRESS and not messages[0].address.isascii():
        return Unsupported(f"Mailgun refuses the address: {answer.message[:200]}")
    return outcome_of(code, answer.message[:300])


def _wait_ms(response: httpx.Response, answer: Answer) -> int:
    """What the headers say, else the message: of domains and accounts it names the seconds."""
    told = retry_after_ms(response) or until_ms(response, response.headers.get("x-ratelimit-reset", ""), unit_ms=1)
    again = _AGAIN.search(answer.message)
    return told or (int(again[1]) * 1000 if again else 0)
