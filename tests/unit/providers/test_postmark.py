"""Postmark: every documented code is an outcome, and the request is the documented one.

https://postmarkapp.com/developer/api/email-api and https://postmarkapp.com/developer/api/overview#api-error-codes
"""

import json
from typing import Any

import httpx
import pytest

from providers.base import Accepted, Message, Outcome, Rejected, Throttled, Unavailable, Unknown, Unsupported
from providers.codes import outcome_of
from providers.errors import DeclarationError
from providers.postmark import Postmark
from providers.postmark_body import SHARE
from providers.postmark_codes import ADDRESS, CODES, FOREIGN_ADDRESS, OTHER_APIS, SENDER, STATUSES
from providers.secret import Secret
from providers.slicing import slices_of
from schemas.records import Attachment, EmailOverrides

# https://postmarkapp.com/developer/user-guide/send-email-with-api/batch-emails
PUBLISHED = """[{
    "From": "sender@example.com",
    "To": "receiver1@example.com",
    "Subject": "Postmark test #1",
    "TextBody": "Hello dear Postmark user.",
    "HtmlBody": "<html><body><strong>Hello</strong> dear Postmark user.</body></html>",
    "MessageStream": "outbound"
  },
  {
    "From": "sender@example.com",
    "To": "receiver2@example.com",
    "Subject": "Postmark test #2",
    "TextBody": "Hello dear Postmark user.",
    "HtmlBody": "<html><body><strong>Hello</strong> dear Postmark user.</body></html>",
    "MessageStream": "outbound"
  }
]"""
PUBLISHED_HEADERS = {"accept": "application/json", "content-type": "application/json", "x-postmark-server-token": "server token"}
PUBLISHED_ANSWER = """[
  {
    "ErrorCode": 0,
    "Message": "OK",
    "MessageID": "b7bc2f4a-e38e-4336-af7d-e6c392c2f817",
    "SubmittedAt": "2010-11-26T12:01:05.1794748-05:00",
    "To": "receiver1@example.com"
  },
  {
    "ErrorCode": 0,
    "Message": "OK",
    "MessageID": "e2ecbbfc-fe12-463d-b933-9fe22915106d",
    "SubmittedAt": "2010-11-26T12:01:05.1794748-05:00",
    "To": "receiver2@example.com"
  }
]"""
HTML = "<html><body><strong>Hello</strong> dear Postmark user.</body></html>"
INACTIVE = "Inactive recipients are ones that have generated a hard bounce or a spam complaint."


def provider(**options: Any) -> Postmark:
    return Postmark("email", Secret("server token"), "sender@example.com", **options)


def message(number: int = 1, **fields: Any) -> Message:
    told = {
        "message_id": f"m-{number}",
        "notification_id": "n",
        "user_id": f"u-{number}",
        "address": f"receiver{number}@example.com",
        "subject": f"Postmark test #{number}",
        "body": "Hello dear Postmark user.",
        "html": HTML,
    }
    return Message(**(told | fields))


def item(**fields: Any) -> dict[str, Any]:
    (found,) = json.loads(provider().build([message(**fields)]).content)
    assert isinstance(found, dict)
    return found


def answered(code: int, text: str = "", **fields: Any) -> dict[str, Any]:
    return {"ErrorCode": code, "Message": text, **fields}


def outcomes(status: int, body: Any, *messages: Message, headers: dict[str, str] | None = None) -> list[Outcome]:
    return provider().parse(messages or [message()], httpx.Response(status, json=body, headers=headers))


# ------------------------------------------------------------------------------------------------------- the request


def test_the_request_is_the_published_one() -> None:
    request = provider().build([message(1), message(2)])
    compact = json.dumps(json.loads(PUBLISHED), separators=(",", ":")).encode()
    assert (request.method, str(request.url), request.content) == ("POST", "https://api.postmarkapp.com/email/batch", compact)
    assert {name: request.headers[name] for name in PUBLISHED_HEADERS} == PUBLISHED_HEADERS


def test_the_published_answer_is_read() -> None:
    response = httpx.Response(200, text=PUBLISHED_ANSWER)
    expected = [Accepted("b7bc2f4a-e38e-4336-af7d-e6c392c2f817"), Accepted("e2ecbbfc-fe12-463d-b933-9fe22915106d")]
    assert provider().parse([message(1), message(2)], response) == expected


def test_all_of_a_message_is_where_it_is_documented() -> None:
    """The request of .../developer/api/email-api#send-a-single-email, as one of a batch."""
    email = EmailOverrides(
        from_name="Joe Sender, jr",
        reply_to=["reply@example.com", "desk@example.com"],
        cc=["copied@example.com", "receiver1@example.com"],
        bcc=["blind-copied@example.com"],
        headers={"CUSTOM-HEADER": "value"},
        attachments=[Attachment("readme.txt", "text/plain", b"test content"), Attachment("logo.png", "image/png", b"png", "logo")],
    )
    assert item(email=email, category="Invitation", ref="r-1", unsubscribe="https://example.com/u/1") == {
        "From": '"Joe Sender, jr" <sender@example.com>',  # .../support/article/1180-what-does-errorcode-300-mean
        "To": "receiver1@example.com",
        "Subject": "Postmark test #1",
        "TextBody": "Hello dear Postmark user.",
        "HtmlBody": HTML,
        "MessageStream": "outbound",
        "Cc": "copied@example.com",
        "Bcc": "blind-copied@example.com",
        "ReplyTo": "reply@example.com, desk@example.com",
        "Tag": "Invitation",
        "Metadata": {"ref": "r-1"},
        "Headers": [
            {"Name": "CUSTOM-HEADER", "Value": "value"},
            {"Name": "List-Unsubscribe", "Value": "<https://example.com/u/1>"},
            {"Name": "List-Unsubscribe-Post", "Value": "List-Unsubscribe=One-Click"},
        ],
        "Attachments": [
            {"Name": "readme.txt", "Content": "dGVzdCBjb250ZW50", "ContentType": "text/plain"},
            {"Name": "logo.png", "Content": "cG5n", "ContentType": "image/png", "ContentID": "cid:logo"},
        ],
    }


@pytest.mark.parametrize(
    ("fields", "name", "expected"),
    [
        ({"address": "a@example.com, b@example.com"}, "To", "<a@example.com, b@example.com>"),  # no second recipient by the way
        ({"address": "Ann <a@example.com>"}, "To", "<Ann <a@example.com>>"),
        ({"address": "ann@žofie.example"}, "To", "ann@xn--ofie-kbb.example"),
        ({"address": ""}, "To", "<>"),
        ({"subject": "one\r\nBcc: two"}, "Subject", "one Bcc: two"),
        ({"email": EmailOverrides(from_name='Žofie "Zo"\n')}, "From", '"Žofie \\"Zo\\"" <sender@example.com>'),
        ({"email": EmailOverrides(cc=["a@example.com,b@example.com"])}, "Cc", "<a@example.com,b@example.com>"),
        ({"email": EmailOverrides(headers={"X-A": "1\r\nX-B: 2"})}, "Headers", [{"Name": "X-A", "Value": "1 X-B: 2"}]),
    ],
)
def test_nothing_gets_into_another_field(fields: dict[str, Any], name: str, expected: object) -> None:
    assert item(**fields)[name] == expected


def test_what_is_not_there_is_left_out() -> None:
    assert list(item(html=None)) == ["From", "To", "Subject", "TextBody", "MessageStream"]


def test_the_stream_is_the_deployments() -> None:
    (sent,) = json.loads(provider(stream="broadcast").build([message()]).content)
    assert sent["MessageStream"] == "broadcast"


# --------------------------------------------------------------------------------------------- what goes into a request


def test_five_hundred_go_together_and_no_more() -> None:
    assert [len(each) for each in slices_of(provider(), [message(number) for number in range(1_001)])] == [500, 500, 1]
    with pytest.raises(DeclarationError, match="batch_size must be 500 at most, is 501"):
        provider(batch_size=501)


def test_no_request_is_too_large_for_what_goes_together() -> None:
    file = EmailOverrides(attachments=[Attachment("a", "text/plain", b"a")])
    quotes = message(3, body='"' * (SHARE // 2 + 1))  # two bytes each
    large, small, with_file = message(0, html="a" * SHARE), message(1), message(2, email=file)
    assert slices_of(provider(), [large, small, with_file, quotes, message(4)]) == [[0], [1, 4], [2], [3]]
    most = message(0, body="a" * (SHARE - 600), html=None)
    assert not provider().shared(most)
    assert len(provider().build([most] * 500).content) < 50_000_000


# ---------------------------------------------------------------------------------------------------- what codes mean

MEANINGS: dict[int, type[Outcome]] = {
    10: Unavailable,
    11: Rejected,
    100: Unavailable,
    300: Rejected,
    400: Unavailable,
    401: Unavailable,
    402: Rejected,
    403: Rejected,
    405: Unavailable,
    406: Rejected,
    409: Unavailable,
    410: Unavailable,
    411: Unsupported,
    412: Unavailable,
    413: Unavailable,
    429: Throttled,
    1235: Unavailable,
    1236: Unavailable,
}
AT_FAULT = {10, 400, 401, 405, 409, 410, 412, 413, 1235, 1236, *OTHER_APIS}


@pytest.mark.parametrize("code", CODES)
def test_each_documented_code_is_an_outcome_of_its_message_alone(code: int) -> None:
    accepted = answered(0, "OK", MessageID="x")
    first, refused, last = outcomes(200, [accepted, answered(code, "because"), accepted], message(1), message(2), message(3))
    assert (first, last) == (Accepted("x"), Accepted("x"))
    assert refused == outcome_of(CODES[code], "because")
    assert type(refused) is MEANINGS.get(code, Unavailable)
    assert getattr(refused, "config", False) == (code in AT_FAULT)
    assert not getattr(refused, "address_dead", False)


@pytest.mark.parametrize("code", CODES)
def test_each_documented_code_of_a_whole_request(code: int) -> None:
    (alone,) = outcomes(422, answered(code, "because"))
    assert alone == outcome_of(CODES[code], "because")
    together = outcomes(422, answered(code, "because"), message(1), message(2))
    if isinstance(alone, Rejected | Unsupported):  # who is meant nobody knows
        assert [type(outcome) for outcome in together] == [Unavailable] * 2
        assert not any(getattr(outcome, "config", False) for outcome in together)
    else:
        assert together == [alone, alone]


def test_a_code_that_is_not_documented_is_a_refusal() -> None:
    assert outcomes(200, [answered(4711, "new")]) == [Rejected("postmark_4711", "new")]


@pytest.mark.parametrize(
    ("text", "address", "expected"),
    [
        ("Invalid 'To' address: 'x'.", "x", outcome_of(ADDRESS, "Invalid 'To' address: 'x'.")),
        ("Error parsing 'To': Illegal email domain 'x'", "a@x", outcome_of(ADDRESS, "Error parsing 'To': Illegal email domain 'x'")),
        ("Invalid 'To' address: 'ž@example.com'.", "ž@example.com", outcome_of(FOREIGN_ADDRESS, "Invalid 'To' address: 'ž@example.com'.")),
        (
            "Invalid 'From' address: 'sender@example.com' is not a verified sender signature.",
            "a@example.com",
            outcome_of(SENDER, "Invalid 'From' address: 'sender@example.com' is not a verified sender signature."),
        ),
        (
            "Error parsing 'Cc': Illegal email address 'x'.",
            "a@example.com",
            Rejected("invalid_request", "Error parsing 'Cc': Illegal email address 'x'."),
        ),
        ("Invalid metadata content.", "a@example.com", Rejected("invalid_request", "Invalid metadata content.")),
    ],
)
def test_an_invalid_request_is_of_the_field_it_names(text: str, address: str, expected: Outcome) -> None:
    assert outcomes(200, [answered(300, text)], message(address=address)) == [expected]


def test_who_is_left_out_was_sent_nothing_though_the_copies_were() -> None:
    text = f"Message OK, but will not deliver to these inactive addresses: receiver1@example.com, x@example.com. {INACTIVE}"
    told = answered(0, text, MessageID="x")
    assert outcomes(200, [told], message(address="Receiver1@example.com")) == [Rejected("inactive_recipient", text)]
    assert outcomes(200, [told], message(2)) == [Accepted("x")]


STATUSES_SEEN: list[tuple[int, Any, Outcome]] = [
    (401, answered(10, "No token"), Unavailable("bad_token: No token", config=True)),
    (404, None, Unavailable("HTTP 404: ", config=True)),
    (413, None, Rejected("http_413", "HTTP 413: ")),
    (413, answered(413, "x"), Rejected("http_413", 'HTTP 413: {"ErrorCode":413,"Message":"x"}')),
    (415, answered(409, "x"), outcome_of(STATUSES[415])),
    (422, answered(4711, "new"), Rejected("http_422", 'HTTP 422: {"ErrorCode":4711,"Message":"new"}')),
    (429, answered(429, "x"), Throttled(0, 'HTTP 429: {"ErrorCode":429,"Message":"x"}')),
    (500, None, outcome_of(STATUSES[500])),
    (503, None, Unavailable("HTTP 503: ")),
]


@pytest.mark.parametrize(("status", "body", "expected"), STATUSES_SEEN)
def test_each_documented_status(status: int, body: Any, expected: Outcome) -> None:
    assert outcomes(status, body) == [expected]


def test_a_server_error_leaves_it_open() -> None:
    """.../overview#http-response-codes: «In most cases the message is lost during the process»: not in all."""
    assert [type(outcome) for outcome in outcomes(500, None, message(1), message(2))] == [Unknown] * 2


def test_how_long_to_wait_is_read() -> None:
    assert outcomes(429, None, headers={"retry-after": "7"}) == [Throttled(7_000, "HTTP 429: ")]


@pytest.mark.parametrize(
    "body",
    [
        [],
        [answered(0, "OK", MessageID="x")] * 3,
        answered(0, "OK", MessageID="x"),
        [{"ErrorCode": "0"}] * 2,
        [{}] * 2,
        [answered(0, "OK")] * 2,
    ],
)
def test_an_answer_that_does_not_say_of_each_message_leaves_it_open(body: Any) -> None:
    assert [type(outcome) for outcome in outcomes(200, body, message(1), message(2))] == [Unknown] * 2


def test_who_speaks_of_a_delay_has_it() -> None:
    """Seen, and not documented: no code while Postmark is slow (https://github.com/anymail/django-anymail/issues/392)."""
    assert outcomes(200, [{"Message": "Message accepted, but delivery may be delayed.", "MessageID": "x"}]) == [Accepted("x")]
