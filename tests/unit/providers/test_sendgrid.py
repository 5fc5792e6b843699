"""SendGrid: every documented answer is an outcome, and the request is the documented one.

https://www.twilio.com/docs/sendgrid/api-reference/mail-send
"""

import json
from base64 import b64encode
from typing import Any

import httpx
import pytest
from msgspec.structs import replace

from providers.base import Accepted, Message, Outcome, Rejected, Throttled, Unavailable, Unknown, Unsupported
from providers.secret import Secret
from providers.sendgrid import SendGrid
from providers.slicing import slices_of
from schemas.records import Attachment, EmailOverrides

SENDER = "orders@example.com"


def provider(sender: str = SENDER) -> SendGrid:
    return SendGrid("email", Secret("SG.key"), sender)


def message(number: int = 0, **fields: Any) -> Message:
    told = {
        "message_id": f"m-{number}",
        "notification_id": "n",
        "user_id": f"u-{number}",
        "address": f"user-{number}@example.com",
        "subject": "Your order",
        "body": "On its way",
        "ref": f"r-{number}",
    }
    return Message(**(told | fields))


def built(*messages: Message) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(provider().build(messages).content)
    return body


def outcomes(status: int, errors: list[dict[str, Any]] | None, *messages: Message, headers: dict[str, str] | None = None) -> list[Outcome]:
    content = b"" if errors is None else json.dumps({"errors": errors}).encode()
    return provider().parse(messages or [message()], httpx.Response(status, content=content, headers=headers))


def fault(field: str | None, text: str = "because") -> list[dict[str, Any]]:
    return [{"field": field, "message": text}]


# ------------------------------------------------------------------------------------------------ what an answer means

STATUSES: list[tuple[int, list[dict[str, Any]] | None, Outcome]] = [
    # how-to-use-the-sendgrid-v3-api/errors and /responses; bodies of https://github.com/twilio/sendgrid-oai
    (400, fault("null", "invalid request"), Rejected("bad_request", "invalid request")),
    (401, fault("null", "authorization required"), Unavailable("unauthorized: authorization required", config=True)),
    (401, fault(None, "Maximum credits exceeded"), Unavailable("unauthorized: Maximum credits exceeded", config=True)),
    (403, fault("null", "access forbidden"), Unavailable("forbidden: access forbidden", config=True)),
    (403, fault("from", "no such sender"), Unavailable("sender_refused: no such sender", config=True)),
    (404, fault("null", "not found"), Unavailable("not_found: not found", config=True)),
    (405, fault("null", "method not allowed"), Unavailable("method_not_allowed: method not allowed", config=True)),
    (406, None, Unavailable("not_acceptable: Missing Accept header", config=True)),
    (413, fault("null", "content too large"), Rejected("too_large", "content too large")),
    (415, None, Unavailable("unsupported_media_type: Unsupported media type", config=True)),
    (429, fault(None, "too many requests"), Throttled(0, "rate_limit: too many requests")),
    (451, None, Unavailable("data_residency: Unavailable due to data residency restrictions", config=True)),
    (500, fault(None, "internal server error"), Unavailable("server_error: internal server error")),
    (503, None, Unavailable("not_available: The SendGrid v3 Web API is not available")),
]


@pytest.mark.parametrize(("status", "errors", "expected"), STATUSES)
def test_each_documented_status(status: int, errors: list[dict[str, Any]] | None, expected: Outcome) -> None:
    assert outcomes(status, errors, message(0), message(1)) == [expected] * 2


# mail-send/errors: each is a 400
OF_THE_REQUEST = [
    ("personalizations", "The personalization block is limited to 1000 personalizations per API request.", "bad_recipients"),
    ("personalizations", "You must have at least one personalization.", "bad_recipients"),
    ("personalizations", "There is a limit of 1000 total recipients (to + cc + bcc) per request.", "bad_recipients"),
    ("personalizations", "Each unique email address in the personalizations array should only be included once.", "bad_recipients"),
    ("attachments.0.content", "The attachment content must be base64 encoded.", "bad_attachment"),
    ("attachments.0.content", "The attachment content must be a string at least one character in length.", "bad_attachment"),
    ("attachments.0.content_id", "The content ID of your attachment can't contain CRLF characters.", "bad_attachment"),
    ("attachments.0.disposition", 'The disposition of your attachment can be either "inline" or "attachment".', "bad_attachment"),
    ("attachments.0.filename", "The filename of your attachment can't contain CRLF characters.", "bad_attachment"),
    ("attachments.0.filename", "filename is required.", "bad_attachment"),
    ("attachments.0.type", "The type can't contain ';', or CRLF characters.", "bad_attachment"),
    ("categories", "Categories can not contain non-ASCII characters.", "bad_category"),
    ("content", "There must be at least one defined content block.", "bad_content"),
    ("content.0.value", "The content value must be a string at least one character in length.", "bad_content"),
    ("headers", "Header can not be one of the reserved keys.", "bad_header"),
    ("headers", "Header keys can't contain non-ASCII characters and empty spaces.", "bad_header"),
    ("reply_to", "The reply_to object, when used, must at least have an email parameter with a valid email address", "bad_reply_to"),
    ("reply_to_list", "Each email address in the reply_to_list should be unique.", "bad_reply_to"),
    ("subject", "The subject is required.", "bad_subject"),
    ("no.such.field", "new", "bad_request"),
]


@pytest.mark.parametrize(("field", "text", "reason"), OF_THE_REQUEST)
def test_a_fault_of_the_request_is_every_messages(field: str, text: str, reason: str) -> None:
    assert outcomes(400, fault(field, text), message(0), message(1)) == [Rejected(reason, text)] * 2


@pytest.mark.parametrize("field", ["from", "from.email"])
def test_a_sender_that_is_refused_is_our_fault_whatever_else_is_wrong(field: str) -> None:
    errors = fault("subject") + fault(field, "The from object must be provided for every email send.")
    (outcome,) = outcomes(400, errors)
    assert isinstance(outcome, Unavailable)
    assert outcome.config


OF_ONE = [
    ("personalizations.1.to.0.email", Rejected("invalid_address", "because", address_dead=True)),
    ("personalizations.1.to", Rejected("invalid_address", "because", address_dead=True)),
    ("personalizations.1.cc.0.email", Rejected("bad_recipients", "because")),
    ("personalizations.1.bcc", Rejected("bad_recipients", "because")),
    ("personalizations.1.custom_args", Rejected("bad_recipients", "because")),
    ("personalizations.1.headers", Rejected("bad_header", "because")),
    ("personalizations.1.subject", Rejected("bad_subject", "because")),
    ("personalizations.1", Rejected("bad_recipients", "because")),
]


@pytest.mark.parametrize(("field", "expected"), OF_ONE)
def test_a_fault_of_one_keeps_its_neighbours_to_be_sent_again(field: str, expected: Outcome) -> None:
    first, bad, last = outcomes(400, fault(field), message(0), message(1), message(2))
    assert bad == expected
    assert isinstance(first, Unavailable)
    assert not first.config
    assert first == last


def test_an_international_address_is_not_dead_because_sendgrid_does_not_take_it() -> None:
    errors = fault("personalizations.0.to.0.email", "Does not contain a valid address.")
    (outcome,) = outcomes(400, errors, message(address="žofie@example.com"))
    assert outcome == Unsupported("SendGrid takes no international address: Does not contain a valid address.")


def test_several_bad_addresses_are_told_at_once_and_the_first_fault_of_each_counts() -> None:
    errors = fault("personalizations.0.to.0.email", "a") + fault("personalizations.2.to.0.email", "b") + fault("personalizations.2.headers")
    told = outcomes(400, errors, message(0), message(1), message(2))
    assert [getattr(outcome, "address_dead", False) for outcome in told] == [True, False, True]


def test_accepted_has_the_id_of_the_request() -> None:
    assert outcomes(202, None, headers={"X-Message-Id": "14c5d75ce93.dfd.64b469"}) == [Accepted("14c5d75ce93.dfd.64b469")]
    assert outcomes(202, None) == [Accepted("")]


def test_sandbox_mode_is_no_acceptance() -> None:
    """200: valid, and not queued to be delivered."""
    (outcome,) = outcomes(200, None)
    assert isinstance(outcome, Unknown)


@pytest.mark.parametrize(
    ("headers", "wait_ms"),
    [
        # how-to-use-the-sendgrid-v3-api/rate-limits
        ({"X-RateLimit-Reset": "1392815263", "Date": "Wed, 19 Feb 2014 13:07:00 GMT"}, 43_000),
        ({"X-RateLimit-Reset": "1392815263", "Date": "Wed, 19 Feb 2014 14:00:00 GMT"}, 0),
        ({"X-RateLimit-Reset": "1392815263"}, 0),
        ({"X-RateLimit-Reset": "9" * 30, "Date": "Wed, 19 Feb 2014 13:07:00 GMT"}, 0),
        ({"Retry-After": "7", "X-RateLimit-Reset": "1392815263", "Date": "Wed, 19 Feb 2014 13:07:00 GMT"}, 7_000),
    ],
)
def test_a_rate_limit_says_when_it_ends(headers: dict[str, str], wait_ms: int) -> None:
    (outcome,) = outcomes(429, None, headers=headers)
    assert isinstance(outcome, Throttled)
    assert outcome.retry_after_ms == wait_ms


# ------------------------------------------------------------------------------------------------ what is asked


def test_the_published_example() -> None:
    """MailSendNoTemplate of https://github.com/twilio/sendgrid-oai, as far as it has what we send (a recipient a message, no names)."""
    html = "<p>Hello from Twilio SendGrid!</p>"
    page = b"<!DOCTYPE html>\n<html></html>\n"
    email = EmailOverrides(
        from_name="Example Order Confirmation",
        reply_to=["customer_service@example.com"],
        cc=["charlie@example.com"],
        bcc=["dana@example.com"],
        attachments=[Attachment("index.html", "text/html", page)],
    )
    fields = {"subject": "Your Example Order Confirmation", "body": "", "html": html, "category": "cake", "email": email}
    assert built(message(address="alex@example.com", **fields)) == {
        "personalizations": [
            {
                "to": [{"email": "alex@example.com"}],
                "cc": [{"email": "charlie@example.com"}],
                "bcc": [{"email": "dana@example.com"}],
                "custom_args": {"ref": "r-0", "message_id": "m-0"},
            }
        ],
        "from": {"email": "orders@example.com", "name": "Example Order Confirmation"},
        "reply_to_list": [{"email": "customer_service@example.com"}],
        "subject": "Your Example Order Confirmation",
        "content": [{"type": "text/html", "value": html}],
        "attachments": [
            {"content": b64encode(page).decode(), "filename": "index.html", "type": "text/html", "disposition": "attachment"},
        ],
        "categories": ["cake"],
    }


def test_it_is_signed_in_and_asks_for_json() -> None:
    request = provider().build([message()])
    assert (request.method, str(request.url)) == ("POST", "https://api.sendgrid.com/v3/mail/send")
    assert request.headers["authorization"] == "Bearer SG.key"
    assert request.headers["accept"] == request.headers["content-type"] == "application/json"


def test_plain_text_is_first() -> None:
    assert [part["type"] for part in built(message(html="<p>x</p>"))["content"]] == ["text/plain", "text/html"]


def test_what_is_empty_is_left_out() -> None:
    body = built(message(subject="", body="", html=""))
    assert body.keys() == {"personalizations", "from"}
    assert body["personalizations"][0].keys() == {"to", "custom_args"}


def test_all_headers_are_in_the_personalization() -> None:
    """Those of the request would be overridden by the opt-out of a personalization."""
    email = EmailOverrides(headers={"X-Order": "o-17", "list-unsubscribe": "<mailto:other@example.com>"})
    body = built(message(0, email=email, unsubscribe="https://example.com/u/0"), message(1, email=email))
    assert "headers" not in body
    assert body["personalizations"][0]["headers"] == {
        "X-Order": "o-17",
        "List-Unsubscribe": "<https://example.com/u/0>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
    assert body["personalizations"][1]["headers"] == email.headers


def test_nobody_has_it_twice() -> None:
    """An address that is in a personalization twice is refused."""
    email = EmailOverrides(cc=["User-0@example.com", "cc@example.com"], bcc=["CC@example.com", "bcc@example.com", "bcc@example.com"])
    (one,) = built(message(email=email))["personalizations"]
    assert one["cc"] == [{"email": "cc@example.com"}]
    assert one["bcc"] == [{"email": "bcc@example.com"}]


@pytest.mark.parametrize("category", ["účet", "x" * 256, ""])
def test_a_category_that_would_be_refused_is_left_out(category: str) -> None:
    assert "categories" not in built(message(category=category))


def test_an_international_domain_is_written_as_dns_has_it() -> None:
    (one,) = built(message(address="ann@bücher.example"))["personalizations"]
    assert one["to"] == [{"email": "ann@xn--bcher-kva.example"}]


@pytest.mark.parametrize("address", ["", "@", "a@", "@b", "a b@c", "a@b\r\nBcc: c@d", "a@" + "ü" * 300, "a@.ü", "\x00", "💌"])
def test_no_address_makes_it_raise(address: str) -> None:
    assert len(built(message(0, address=address), message(1))["personalizations"]) == 2


def test_an_inline_picture_has_its_content_id() -> None:
    email = EmailOverrides(attachments=[Attachment("logo.png", "image/png", b"\x89", "logo")])
    (attachment,) = built(message(email=email))["attachments"]
    assert (attachment["disposition"], attachment["content_id"]) == ("inline", "logo")


def test_who_has_copies_goes_alone_and_texts_do_not_mix() -> None:
    copied = EmailOverrides(cc=["cc@example.com"])
    told = [message(i) for i in range(4)] + [replace(message(i), email=copied) for i in (4, 5)] + [message(6, subject="Another")]
    assert slices_of(provider(), told) == [[0, 1, 2, 3], [4], [5], [6]]


@pytest.mark.parametrize("address", ["no-address", "", "žofie@example.com", "ann@localhost", "a b@example.com"])
def test_an_address_that_might_be_refused_goes_alone(address: str) -> None:
    assert slices_of(provider(), [message(0), message(1, address=address), message(2)]) == [[0, 2], [1]]


def test_a_thousand_go_at_once_and_no_address_twice() -> None:
    told = [message(i) for i in range(1_001)] + [message(1, address="USER-1@example.com")]
    assert [len(some) for some in slices_of(provider(), told)] == [1_000, 1, 1]
