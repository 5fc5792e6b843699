"""Mailgun: every documented answer is an outcome, and the form is the documented one.

https://documentation.mailgun.com/docs/mailgun/api-reference/send/mailgun/messages
"""

import json
from email import message_from_bytes
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from providers.base import Accepted, Message, Outcome, Rejected, Throttled, Unavailable, Unknown, Unsupported
from providers.email_parts import is_plain_address
from providers.errors import DeclarationError
from providers.mailgun import EU, Mailgun
from providers.secret import Secret
from providers.sender import Sender
from providers.slicing import slices_of
from providers.transport import FastTransport
from schemas.records import Attachment, EmailOverrides
from tests.emulators import mailgun as played

SENDER = "postmaster@mg.example.com"


def provider(**options: Any) -> Mailgun:
    return Mailgun("email", Secret("key"), "mg.example.com", SENDER, **options)


def message(number: int = 0, **fields: Any) -> Message:
    told = {
        "message_id": f"m-{number}",
        "notification_id": "n",
        "user_id": f"u-{number}",
        "address": f"user-{number}@example.com",
        "subject": "Hello there!",
        "body": "Testing some Mailgun awesomeness!",
        "ref": f"3.batch.{number}.0",
    }
    return Message(**(told | fields))


def form(*messages: Message) -> list[tuple[str, str]]:
    """The fields in order; of files, name and content."""
    request = provider().build(messages)
    mail = message_from_bytes(b"content-type: " + request.headers["content-type"].encode() + b"\r\n\r\n" + request.content)
    parts = [(part.get_param("name", header="content-disposition"), part) for part in mail.get_payload()]  # type: ignore[union-attr]
    return [(str(name), part.get_payload(decode=True).decode()) for name, part in parts]  # type: ignore[union-attr]


def fields(*messages: Message) -> dict[str, str]:
    return dict(form(*messages))


def outcomes(status: int, body: Any, *messages: Message, headers: dict[str, str] | None = None) -> list[Outcome]:
    return provider().parse(messages or [message()], httpx.Response(status, json=body, headers=headers))


# ------------------------------------------------------------------------------------------------ what an answer means

ANSWERS: list[tuple[int, str, Outcome]] = [
    # the examples of the API reference
    (
        400,
        "to parameter is not a valid address. please check documentation.",
        Rejected("invalid_address", "to parameter is not a valid address. please check documentation.", address_dead=True),
    ),
    (
        400,
        "'to' parameter is not a valid address. please check documentation",
        Rejected("invalid_address", "'to' parameter is not a valid address. please check documentation", address_dead=True),
    ),
    (
        400,
        "Only one parameters 'html' or 'template' is allowed.",
        Rejected("bad_request", "Only one parameters 'html' or 'template' is allowed."),
    ),
    (
        400,
        "Need at least one of 'text', 'html', 'amp-html' or 'template' parameters specified.",
        Rejected("no_text", "Need at least one of 'text', 'html', 'amp-html' or 'template' parameters specified."),
    ),
    (400, "from parameter is missing. ", Unavailable("sender_refused: from parameter is missing. ", config=True)),
    (
        400,
        "Send options (parameters starting with o:, h:, or v:) are limited to 16KB total",
        Rejected("options_too_large", "Send options (parameters starting with o:, h:, or v:) are limited to 16KB total"),
    ),
    (400, "cc parameter is not a valid address", Rejected("bad_recipients", "cc parameter is not a valid address")),
    (400, "'bcc' parameter is not a valid address", Rejected("bad_recipients", "'bcc' parameter is not a valid address")),
    (400, "The domain is unverified and requires DNS", Unavailable("not_allowed: The domain is unverified and requires DNS", config=True)),
    (401, "Forbidden", Unavailable("unauthorized: Forbidden", config=True)),
    (403, "Access denied", Unavailable("forbidden: Access denied", config=True)),
    (404, "Domain not found: x", Unavailable("not_found: Domain not found: x", config=True)),
    (413, "too large", Rejected("too_large", "too large")),
    (
        429,
        "Domain example.com is not allowed to send: account-requests-per-sec limit exceeded, try again after 120 seconds",
        Throttled(
            120_000,
            "rate_limited: Domain example.com is not allowed to send: account-requests-per-sec limit exceeded, try again after 120 seconds",
        ),
    ),
    (500, "Internal Server Error", Unavailable("internal_error: Internal Server Error")),
]


@pytest.mark.parametrize(("status", "text", "expected"), ANSWERS)
def test_each_documented_answer(status: int, text: str, expected: Outcome) -> None:
    assert outcomes(status, {"message": text}) == [expected]


def test_a_key_that_is_refused_is_told_without_an_object() -> None:
    assert outcomes(401, "Forbidden") == [Unavailable("unauthorized: Invalid or missing API key", config=True)]


@pytest.mark.parametrize(
    ("headers", "wait_ms"),
    [
        ({"X-RateLimit-Reset": "1392815263000", "Date": "Wed, 19 Feb 2014 13:07:00 GMT"}, 43_000),  # Unix milliseconds
        ({"X-RateLimit-Reset": "1392815263000"}, 0),
        ({"Retry-After": "3", "X-RateLimit-Reset": "1392815263000", "Date": "Wed, 19 Feb 2014 13:07:00 GMT"}, 3_000),
        ({"X-RateLimit-Reset": "99999999999999", "Date": "Wed, 19 Feb 2014 13:07:00 GMT"}, 86_400_000),
    ],
)
def test_a_rate_limit_says_when_it_ends(headers: dict[str, str], wait_ms: int) -> None:
    (outcome,) = outcomes(429, {}, headers=headers)
    assert isinstance(outcome, Throttled)
    assert outcome.retry_after_ms == wait_ms


def test_all_are_accepted_under_one_id() -> None:
    told = {"id": "<20111114174239.25659.5817@samples.mailgun.org>", "message": "Queued. Thank you."}
    assert outcomes(200, told, message(0), message(1)) == [Accepted("20111114174239.25659.5817@samples.mailgun.org")] * 2
    assert [type(outcome) for outcome in outcomes(200, {"message": "Queued. Thank you."})] == [Unknown]


def test_an_address_of_a_batch_that_is_refused_ends_none() -> None:
    """It does not say which: all were kept back, and another provider may have them."""
    told = {"message": "to parameter is not a valid address. please check documentation."}
    assert all(isinstance(outcome, Unavailable) and not outcome.config for outcome in outcomes(400, told, message(0), message(1)))
    (outcome,) = outcomes(400, told, message(address="žofie@example.com"))
    assert isinstance(outcome, Unsupported)


# ------------------------------------------------------------------------------------------------ what is asked


def test_the_published_example_of_one() -> None:
    """https://documentation.mailgun.com/docs/mailgun/user-manual/sending-messages/send-attachments"""
    files = [Attachment("tps-report.txt", "text/plain", b"tps"), Attachment("cover-letter.txt", "text/plain", b"dear")]
    email = EmailOverrides(from_name="Excited User", attachments=files)
    request = provider().build([message(address="recipient@example.com", email=email)])
    assert (request.method, str(request.url)) == ("POST", "https://api.mailgun.net/v3/mg.example.com/messages")
    assert request.headers["authorization"] == "Basic YXBpOmtleQ=="
    assert form(message(address="recipient@example.com", email=email)) == [
        ("from", '"Excited User" <postmaster@mg.example.com>'),
        ("to", "recipient@example.com"),
        ("subject", "Hello there!"),
        ("text", "Testing some Mailgun awesomeness!"),
        ("v:ref", "3.batch.0.0"),
        ("attachment", "tps"),
        ("attachment", "dear"),
    ]
    assert b'name="attachment"; filename="tps-report.txt"\r\nContent-Type: text/plain\r\n\r\ntps\r\n' in request.content


def test_the_published_example_of_a_batch() -> None:
    """https://documentation.mailgun.com/docs/mailgun/user-manual/sending-messages/batch-sending"""
    told = [message(1, address="alice@example.com", unsubscribe="https://mailgun.com/unsubscribe/1")]
    told += [message(2, address="bob@example.com", unsubscribe="https://mailgun.com/unsubscribe/2")]
    sent = fields(*told)
    assert sent["to"] == "alice@example.com, bob@example.com"
    assert json.loads(sent["recipient-variables"]) == {
        "alice@example.com": {"ref": "3.batch.1.0", "unsubscribe": "https://mailgun.com/unsubscribe/1"},
        "bob@example.com": {"ref": "3.batch.2.0", "unsubscribe": "https://mailgun.com/unsubscribe/2"},
    }
    assert sent["v:ref"] == "%recipient.ref%"
    assert sent["h:List-Unsubscribe"] == "<%recipient.unsubscribe%>"
    assert sent["h:List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


async def test_each_of_a_batch_sees_only_itself() -> None:
    emulator = await played.MailgunEmulator().start()
    sender = Sender(FastTransport())
    there = Mailgun("email", Secret(played.KEY), played.DOMAIN, played.SENDER, base_url=emulator.base_url)
    told = [message(number, unsubscribe=f"https://example.com/u/{number}") for number in range(1_200)]
    outcomes = await sender.send_all(there, told)
    await sender.aclose()
    await emulator.stop()
    assert [outcome for outcome in outcomes if not isinstance(outcome, Accepted)] == []
    assert emulator.complaints == []
    assert emulator.requests == 2
    expected = [(m.address, m.ref, f"<{m.unsubscribe}>") for m in told]
    assert sorted((letter["to"], letter["v:ref"], letter["h:List-Unsubscribe"]) for letter in emulator.letters) == sorted(expected)


@pytest.mark.parametrize(
    "alone",
    [
        message(5, email=EmailOverrides(cc=["c@example.com"])),
        message(5, email=EmailOverrides(bcc=["c@example.com"])),
        message(5, address="no-address"),
        message(5, address="ann@localhost"),
        message(5, address='"ann lee"@example.com'),
        message(5, address="žofie@example.com"),
        message(5, body="Dear %recipient.name%"),
        message(5, html="%recipient%"),
        message(5, subject="%recipient_email%"),
    ],
)
def test_what_would_harm_others_goes_alone(alone: Message) -> None:
    told = [message(1), alone, message(2), replace(alone, message_id="m-9", address="x" + alone.address)]
    assert [0, 2] in slices_of(provider(), told)
    assert "recipient-variables" not in fields(alone)


def test_no_address_is_in_a_batch_twice() -> None:
    assert slices_of(provider(), [message(1), message(2), message(1, address="USER-1@example.com")]) == [[0, 1], [2]]


def test_those_with_an_opt_out_and_those_without_do_not_mix() -> None:
    told = [message(1, unsubscribe="https://example.com/u/1"), message(2), message(3, unsubscribe="https://example.com/u/3")]
    assert slices_of(provider(), told) == [[0, 2], [1]]


@pytest.mark.parametrize(
    ("left_ms", "written"),
    [
        (3_600_000, "1h0m"),
        (5_459_999, "1h30m"),
        (0, "0h5m"),
        (-1, "0h5m"),
        (299_000, "0h5m"),
        (86_400_000, "24h0m"),
        (86_460_000, None),
    ],
)
def test_how_long_it_may_try(left_ms: int, written: str | None) -> None:
    """[0-9]+h[0-9]+m, at least 5m, at most 24h; longer is for Mailgun to decide."""
    sent_at = 1_732_147_200_000
    assert fields(message(sent_at=sent_at, expires_at=sent_at + left_ms)).get("o:deliver-within") == written


def test_it_may_try_as_long_as_it_likes() -> None:
    assert "o:deliver-within" not in fields(message())
    assert "o:deliver-within" not in fields(message(expires_at=1_732_147_200_000))


def test_headers_are_on_one_line() -> None:
    email = EmailOverrides(
        headers={"X-A": "b\r\nBcc: c@d", "X-B": "Žofie"}, reply_to=["a@example.com", "b@example.com"], from_name='A "B"\r\nC'
    )
    sent = fields(message(email=email))
    assert (sent["h:X-A"], sent["h:X-B"]) == ("b Bcc: c@d", "Žofie")
    assert sent["h:Reply-To"] == "a@example.com, b@example.com"
    assert sent["from"] == '"A \\"B\\" C" <postmaster@mg.example.com>'


@pytest.mark.parametrize("address", ["a@example.com,b@example.com", "Ann <a@example.com>", "a@example.com\r\nb@example.com", "", "a b@c.d"])
def test_what_might_be_several_addresses_is_made_none(address: str) -> None:
    assert fields(message(address=address))["to"] == f"<{address}>"


def test_a_category_is_a_tag_if_it_can_be() -> None:
    assert fields(message(category="promotional"))["o:tag"] == "promotional"
    assert "o:tag" not in fields(message(category="účet"))
    assert "o:tag" not in fields(message(category="x" * 129))


@given(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=60),
    st.binary(max_size=60),
    st.text(st.sampled_from('a.b"\r\n;=é'), max_size=9),
)
def test_no_text_and_no_file_gets_out_of_its_field(body: str, content: bytes, filename: str) -> None:
    email = EmailOverrides(attachments=[Attachment(filename, "application/octet-stream", content)])
    request = provider().build([message(body=body, email=email)])
    mark = request.headers["content-type"].partition("boundary=")[2].encode()
    parts = request.content.split(b"--" + mark)
    assert parts[-1] == b"--\r\n"
    assert parts[-2].endswith(b"\r\n\r\n" + content + b"\r\n")
    assert mark not in body.encode() + content


@pytest.mark.parametrize(
    ("address", "plain"),
    [
        ("ann@example.com", True),
        ("a.b+c=d@mail.example.co", True),
        ("o'hara@example.com", True),
        ("ann@localhost", False),
        ("a..b@example.com", False),
        (".a@example.com", False),
        ("a@-x.com", False),
        ("a@x..com", False),
        ("a@example.com\n", False),
        ("x" * 65 + "@example.com", False),
        ("a@" + "x." * 130 + "com", False),
        ("a@[192.0.2.1]", False),
        ("ž@example.com", False),
    ],
)
def test_an_address_that_any_provider_takes(address: str, plain: bool) -> None:
    assert is_plain_address(address) is plain


def test_the_region_is_the_base_url() -> None:
    assert str(provider(base_url=EU).build([message()]).url) == "https://api.eu.mailgun.net/v3/mg.example.com/messages"


@pytest.mark.parametrize("options", [{"batch_size": 1001}, {"sender": "shop"}, {"domain": "mg/../x"}])
def test_options_that_can_not_hold_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(DeclarationError):
        Mailgun("email", Secret("key"), **({"domain": "mg.example.com", "sender": SENDER} | options))
