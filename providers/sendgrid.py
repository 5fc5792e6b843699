"""SendGrid: up to 1000 e-mails of one text a request, each its own personalization.

https://www.twilio.com/docs/sendgrid/api-reference/mail-send/mail-send (v3). Accepted is 202 without a body; a request is taken or
refused as a whole, so one bad address keeps its neighbours back: they were not sent, and are sent again without it.
"""

import re
from collections.abc import Hashable, Sequence
from typing import Any

import httpx
import msgspec

from providers.answers import read, unreadable
from providers.base import Accepted, Declaration, Message, Outcome, Unavailable, Unsupported
from providers.codes import Code, outcome_of
from providers.email_parts import is_plain_address, with_ascii_domain
from providers.features import EMAIL
from providers.posting import post
from providers.secret import Secret
from providers.sendgrid_body import body_of
from providers.statuses import by_status, retry_after_ms, until_ms

STATUSES: dict[int, Code] = {
    400: Code("permanent", "bad_request", "Bad request"),
    401: Code("config", "unauthorized", "Requires authentication"),
    403: Code("config", "forbidden", "Too many bad requests. Temporary block"),
    404: Code("config", "not_found", "The resource you tried to locate could not be found or does not exist"),
    405: Code("config", "method_not_allowed", "Method not allowed"),
    406: Code("config", "not_acceptable", "Missing Accept header"),
    413: Code("permanent", "too_large", "The JSON payload you have included in your request is too large"),
    415: Code("config", "unsupported_media_type", "Unsupported media type"),
    429: Code("throttled", "rate_limit", "Too many requests/Rate limit exceeded"),
    451: Code("config", "data_residency", "Unavailable due to data residency restrictions"),
    500: Code("unavailable", "server_error", "Internal server error"),
    503: Code("unavailable", "not_available", "The SendGrid v3 Web API is not available"),
}
"""https://www.twilio.com/docs/sendgrid/api-reference/how-to-use-the-sendgrid-v3-api/errors"""

BAD_ADDRESS = Code("bad_address", "invalid_address", "The to array must at least have an email parameter with a valid email address")
SENDER = Code("config", "sender_refused", "The from address does not match a verified Sender Identity")
NEIGHBOUR = Code("unavailable", "neighbour_refused", "nothing was sent: another message of the request was refused")
FIELDS: dict[str, Code] = {
    "personalizations": Code("permanent", "bad_recipients", "Limits of recipients, custom arguments and headers"),
    "attachments": Code("permanent", "bad_attachment", "Base64 of at least a character; no ';' or CRLF in name, type and content ID"),
    "categories": Code("permanent", "bad_category", "Each category must not be longer than 255 characters, of ASCII"),
    "content": Code("permanent", "bad_content", "The content value must be a string at least one character in length"),
    "from": SENDER,
    "headers": Code("permanent", "bad_header", "Keys of ASCII without spaces, none twice, none of the reserved"),
    "reply_to": Code("permanent", "bad_reply_to", "The reply_to object, when used, must at least have a valid email address"),
    "reply_to_list": Code("permanent", "bad_reply_to", "Each email address in the reply_to_list should be unique"),
    "subject": Code("permanent", "bad_subject", "The subject is required"),
}
"""What a 400 is about, where it says so: https://www.twilio.com/docs/sendgrid/api-reference/mail-send/errors."""

_OF_ONE = re.compile(r"personalizations\.(\d{1,4})(?:\.(\w+))?")


class Fault(msgspec.Struct):
    """One of the errors of an answer; `field` names what it is about, where it is about something."""

    message: str = ""
    field: str | None = None


class Refusal(msgspec.Struct):
    """The body of an answer that refuses."""

    errors: list[Fault]


class SendGrid:
    """E-mail by SendGrid's v3 API."""

    auth: httpx.Auth | None = None

    def __init__(
        self,
        channel: str,
        api_key: Secret,
        sender: str,
        *,
        name: str = "sendgrid",
        base_url: str = "https://api.sendgrid.com",
        concurrency: int = 16,
        timeout_ms: int = 30_000,
        connect_timeout_ms: int = 2_000,
        rate_per_s: int | None = None,
        rate_per_day: int | None = None,
    ) -> None:
        """`sender`: the verified address mail comes from. `rate_per_s`, `rate_per_day`: messages the account may send."""
        self.declaration = Declaration(
            name=name,
            channel=channel,
            carries=EMAIL | {"subject", "html", "unsubscribe"},
            batch_size=1000,
            distinct_addresses=True,
            concurrency=concurrency,
            timeout_ms=timeout_ms,
            connect_timeout_ms=connect_timeout_ms,
            rate_per_s=rate_per_s,
            rate_per_day=rate_per_day,
            feedback="webhook",
        )
        self._api_key, self._sender = api_key, sender
        self._url = httpx.URL(f"{base_url}/v3/mail/send")

    def shared(self, message: Message) -> Hashable:
        """The text and what goes with it. Who has copies goes alone: a request has 1000 recipients at most, with them; and so does an
        address that might be refused, and keep the others back.
        """
        strange = not is_plain_address(with_ascii_domain(message.address))
        alone = message.message_id if strange or message.email.cc or message.email.bcc else ""
        return message.subject, message.body, message.html, message.category, id(message.email), alone

    def build(self, messages: Sequence[Message]) -> httpx.Request:
        """Return one request of a personalization a message."""
        headers = {"authorization": f"Bearer {self._api_key.reveal()}", "content-type": "application/json", "accept": "application/json"}
        return post(self._url, headers, body_of(messages, self._sender))

    def parse(self, messages: Sequence[Message], response: httpx.Response) -> list[Outcome]:
        """Return one outcome a message; all were taken, or none."""
        if response.status_code == 202:
            message_id = response.headers.get("x-message-id", "")
            if response.content.strip():
                return [unreadable(response)] * len(messages)
            return [Accepted(message_id)] * len(messages)
        faults = _faults(response)
        if response.status_code == 400 and (bad := _bad_ones(faults)):
            return [_of_one(message, bad.get(index)) for index, message in enumerate(messages)]
        if response.status_code not in STATUSES:
            return [by_status(response)] * len(messages)
        detail = "; ".join(fault.message for fault in faults)[:300]
        wait_ms = retry_after_ms(response) or until_ms(response, response.headers.get("x-ratelimit-reset", ""))
        return [outcome_of(_code(response.status_code, faults), detail, wait_ms)] * len(messages)


def _faults(response: httpx.Response) -> list[Fault]:
    refusal = read(response, Refusal)
    return refusal.errors if refusal else []


def _code(status: int, faults: Sequence[Fault]) -> Code:
    """What every message of the request was refused for: our sender first, whatever else is wrong."""
    named = [FIELDS.get((fault.field or "").split(".")[0]) for fault in faults]
    if SENDER in named:
        return SENDER
    return next((code for code in named if code and status == 400), STATUSES[status])


def _bad_ones(faults: Sequence[Fault]) -> dict[int, tuple[str, Fault]]:
    """By index of the personalization: which part of it is wrong, and how."""
    matches: list[tuple[Any, Fault]] = [(_OF_ONE.match(fault.field or ""), fault) for fault in faults]
    return {int(match[1]): (match[2] or "", fault) for match, fault in reversed(matches) if match}


def _of_one(message: Message, wrong: tuple[str, Fault] | None) -> Outcome:
    """Copies, headers and the like are at fault with the message; only the address itself is of no more use."""
    if wrong is None:
        return Unavailable(NEIGHBOUR.says, at_once=True)
    part, fault = wrong
    if part != "to":
        return outcome_of(FIELDS.get(part, FIELDS["personalizations"]), fault.message)
    if not message.address.isascii():
        return Unsupported(f"SendGrid takes no international address: {fault.message}")
    return outcome_of(BAD_ADDRESS, fault.message)
