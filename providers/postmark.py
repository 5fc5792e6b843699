"""Postmark. https://postmarkapp.com/developer/api/email-api#send-batch-emails: 500 messages a request, 200 with a code a message.

A single message goes as a batch of one too: `/email` takes and does the same, and answers in another form.
Not verified: no account was tried. What 300 says of a field, and 0 of inactive copies, is as seen by others (django-anymail); the limits of
`Metadata` could not be read (`ref` has 64 characters at most), nor which message a request is refused for as a whole: that ends none.
"""

import re
from collections.abc import Hashable, Sequence

import httpx
import msgspec

from providers.answers import read, unreadable
from providers.base import Accepted, Declaration, Message, Outcome, Rejected, Unavailable, Unknown, Unsupported
from providers.codes import outcome_of
from providers.errors import DeclarationError
from providers.features import EMAIL
from providers.postmark_body import BATCH, SHARE, item_of
from providers.postmark_codes import ADDRESS, CODES, FOREIGN_ADDRESS, SENDER, STATUSES
from providers.secret import Secret
from providers.statuses import by_status, excerpt

INVALID_REQUEST, INACTIVE = 300, 406
WITH_CODES = frozenset({401, 422})  # statuses whose body has a code of the table
# "Invalid 'From' address: ... is not a verified sender signature." (.../article/troubleshooting-422-unprocessable-entity-errors)
_FIELD = re.compile(r"(?:Invalid|Error parsing) '(From|To)'")
# "Message OK, but will not deliver to these inactive addresses: a@example.com, b@example.com. Inactive recipients are ..."
_WITHOUT = re.compile(r"will not deliver to these inactive addresses:\s*(.*?)\.\s*Inactive recipients", re.DOTALL)


class Answer(msgspec.Struct, rename={"code": "ErrorCode", "text": "Message", "message_id": "MessageID"}):
    code: int = 0
    text: str = ""
    message_id: str = ""


class Postmark:
    """`sender` is an address of a confirmed signature or domain; `stream` a message stream of the server whose token it is.

    No rate is documented, only a 429: `rate_per_s` is for who was told one. It takes no idempotency key.
    """

    auth: httpx.Auth | None = None

    def __init__(
        self,
        channel: str,
        server_token: Secret,
        sender: str,
        *,
        stream: str = "outbound",
        name: str = "postmark",
        base_url: str = "https://api.postmarkapp.com",
        batch_size: int = BATCH,
        concurrency: int = 16,
        timeout_ms: int = 30_000,
        connect_timeout_ms: int = 2_000,
        slow_ms: int = 10_000,
        rate_per_s: int | None = None,
        rate_per_day: int | None = None,
    ) -> None:
        if batch_size > BATCH:
            raise DeclarationError(f"{name}: batch_size must be {BATCH} at most, is {batch_size}")
        self.declaration = Declaration(
            name=name,
            channel=channel,
            carries=EMAIL | {"subject", "html", "unsubscribe"},
            batch_size=batch_size,
            concurrency=concurrency,
            timeout_ms=timeout_ms,
            connect_timeout_ms=connect_timeout_ms,
            slow_ms=slow_ms,
            rate_per_s=rate_per_s,
            rate_per_day=rate_per_day,
            feedback="webhook",
        )
        self._server_token, self._sender, self._stream = server_token, sender, stream
        self._url = httpx.URL(f"{base_url}/email/batch")

    def shared(self, message: Message) -> Hashable:
        """Nothing; but a large message goes alone, so that a request is not refused for what it has in all."""
        large = message.email.attachments or len(msgspec.json.encode(item_of(message, self._sender, self._stream))) >= SHARE
        return message.message_id if large else ""

    def build(self, messages: Sequence[Message]) -> httpx.Request:
        """Return one request, an item a message."""
        token = self._server_token.reveal()
        headers = {"accept": "application/json", "content-type": "application/json", "x-postmark-server-token": token}
        body = msgspec.json.encode([item_of(message, self._sender, self._stream) for message in messages])
        return httpx.Request("POST", self._url, headers=headers, content=body)

    def parse(self, messages: Sequence[Message], response: httpx.Response) -> list[Outcome]:
        """Return one outcome a message; the answer has them in the order of the request."""
        if response.status_code != 200:
            return [_of_all(message, response, len(messages)) for message in messages]
        answers = read(response, list[Answer])
        if answers is None or len(answers) != len(messages):
            return [unreadable(response)] * len(messages)
        return [_outcome(message, answer) for message, answer in zip(messages, answers, strict=True)]


def _outcome(message: Message, answer: Answer) -> Outcome:
    if answer.code != 0:
        return _of_code(message, answer)
    if not answer.message_id:
        return Unknown("the answer has neither a code nor an id")
    if (without := _WITHOUT.search(answer.text)) and message.address.casefold() in re.split(r"[,\s]+", without[1].casefold()):
        return outcome_of(CODES[INACTIVE], answer.text)  # only its copies were sent
    return Accepted(answer.message_id)


def _of_code(message: Message, answer: Answer) -> Outcome:
    """A code that is not documented is taken for a refusal: all of them say that nothing was sent."""
    if answer.code not in CODES:
        return Rejected(f"postmark_{answer.code}", answer.text)
    code = CODES[answer.code]
    if answer.code == INVALID_REQUEST and (field := _FIELD.match(answer.text)):
        foreign = not message.address.isascii()
        code = SENDER if field[1] == "From" else FOREIGN_ADDRESS if foreign else ADDRESS
    return outcome_of(code, answer.text)


def _of_all(message: Message, response: httpx.Response, count: int) -> Outcome:
    """What the request was refused for. Which of several messages is meant nobody knows: none is given up for it."""
    answer = read(response, Answer) if response.status_code in WITH_CODES else None
    if response.status_code in STATUSES:
        outcome = outcome_of(STATUSES[response.status_code])
    else:
        outcome = _of_code(message, answer) if answer and answer.code in CODES else by_status(response)
    if count > 1 and isinstance(outcome, Rejected | Unsupported):
        return Unavailable(f"HTTP {response.status_code} for one of {count} messages: {excerpt(response)}")
    return outcome
