"""Amazon SES: every documented status and error is an outcome, and requests are the documented ones.

https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendBulkEmail.html, API_SendEmail.html, API_BulkEmailEntryResult.html
"""

import json
from base64 import b64decode
from typing import Any

import httpx
import pytest
from msgspec.structs import replace

from providers.base import Accepted, Message, Outcome, Rejected, Throttled, Unavailable, Unknown, Unsupported
from providers.errors import DeclarationError
from providers.registry import load
from providers.secret import Secret
from providers.ses import ERRORS, STATUSES, Ses
from providers.ses_body import BULK_BYTES
from providers.slicing import slices_of
from schemas.records import Attachment, EmailOverrides

SENDER = "mary.major@example.com"
ENDPOINT = "https://email.eu-west-1.amazonaws.com/v2/email"
FILE = EmailOverrides(attachments=[Attachment("a.pdf", "application/pdf", b"%PDF")])


def provider(**options: Any) -> Ses:
    return Ses("email", Secret("AKID"), Secret("key"), "eu-west-1", SENDER, **options)


def message(number: int = 0, **fields: Any) -> Message:
    told = {
        "message_id": f"m-{number}",
        "notification_id": "n",
        "user_id": f"u-{number}",
        "address": f"user-{number}@example.com",
        "subject": "Greetings",
        "body": "Hello",
        "ref": f"email-normal-3-42-{number}-0",
    }
    return Message(**(told | fields))


def built(*messages: Message, **options: Any) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(provider(**options).build(messages).content)
    return body


def results(*told: dict[str, Any], messages: list[Message] | None = None) -> list[Outcome]:
    asked = messages or [message(number) for number in range(len(told))]
    return provider().parse(asked, httpx.Response(200, json={"BulkEmailEntryResults": list(told)}))


def refused(status: int, name: str, text: str = "because", *messages: Message) -> list[Outcome]:
    response = httpx.Response(status, json={"message": text}, headers={"x-amzn-ErrorType": name})
    return provider().parse(messages or [message(0), message(1)], response)


# ------------------------------------------------------------------------------------------------ what an answer means

ENTRIES: list[tuple[str, Outcome]] = [
    ("MESSAGE_REJECTED", Rejected("message_rejected", "because")),
    ("MAIL_FROM_DOMAIN_NOT_VERIFIED", Unavailable("sender_not_verified: because", config=True)),
    ("CONFIGURATION_SET_NOT_FOUND", Unavailable("no_configuration_set: because", config=True)),
    ("TEMPLATE_NOT_FOUND", Unavailable("no_template: because", config=True)),
    ("ACCOUNT_SUSPENDED", Unavailable("account_suspended: because", config=True)),
    ("ACCOUNT_THROTTLED", Throttled(0, "account_throttled: because")),
    ("ACCOUNT_DAILY_QUOTA_EXCEEDED", Throttled(0, "daily_quota: because")),
    ("INVALID_SENDING_POOL_NAME", Unavailable("no_sending_pool: because", config=True)),
    ("ACCOUNT_SENDING_PAUSED", Unavailable("sending_paused: because", config=True)),
    ("CONFIGURATION_SET_SENDING_PAUSED", Unavailable("set_paused: because", config=True)),
    ("INVALID_PARAMETER", Rejected("invalid_parameter", "because")),
    ("TRANSIENT_FAILURE", Unavailable("transient_failure: because")),
    ("FAILED", Unavailable("failed: because")),
]


@pytest.mark.parametrize(("status", "expected"), ENTRIES)
def test_each_status_of_an_entry(status: str, expected: Outcome) -> None:
    taken = {"Status": "SUCCESS", "MessageId": "0100"}
    assert results(taken, {"Status": status, "Error": "because"}, taken) == [Accepted("0100"), expected, Accepted("0100")]


def test_the_table_has_every_status() -> None:
    assert STATUSES.keys() == {status for status, _ in ENTRIES}


@pytest.mark.parametrize("told", [{"Status": "NEW", "Error": "x"}, {}, {"Status": "", "Error": None}])
def test_a_status_nobody_knows_leaves_it_open(told: dict[str, Any]) -> None:
    (outcome,) = results(told)
    assert isinstance(outcome, Unknown)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_results_that_can_not_be_told_apart_leave_all_open(count: int) -> None:
    outcomes = results(*[{"Status": "SUCCESS", "MessageId": "x"}] * count, messages=[message(0), message(1)])
    assert [type(outcome) for outcome in outcomes] == [Unknown, Unknown]


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("no-address", Rejected("invalid_address", "Missing final '@domain'", address_dead=True)),
        ("", Rejected("invalid_address", "Missing final '@domain'", address_dead=True)),
        ("ann@localhost", Rejected("invalid_address", "Missing final '@domain'", address_dead=True)),
        ("žofie@example.com", Unsupported("SES takes no international address: Missing final '@domain'")),
        ("ann@example.com", Rejected("invalid_parameter", "Missing final '@domain'")),
    ],
)
def test_an_address_is_dead_only_if_it_is_none(address: str, expected: Outcome) -> None:
    asked = message(address=address)
    assert results({"Status": "INVALID_PARAMETER", "Error": "Missing final '@domain'"}, messages=[asked]) == [expected]
    alone = replace(asked, email=FILE)
    (outcome,) = refused(400, "BadRequestException", "Missing final '@domain'", alone)
    assert (type(outcome), getattr(outcome, "address_dead", None)) == (type(expected), getattr(expected, "address_dead", None))


OURS: list[tuple[int, str, type[Outcome], bool]] = [
    (429, "TooManyRequestsException", Throttled, False),
    (400, "LimitExceededException", Throttled, False),
    (400, "AccountSuspendedException", Unavailable, True),
    (400, "SendingPausedException", Unavailable, True),
    (400, "MailFromDomainNotVerifiedException", Unavailable, True),
    (400, "MessageRejected", Rejected, False),
    (404, "NotFoundException", Unavailable, True),
    (400, "BadRequestException", Rejected, False),
]
COMMON: list[tuple[int, str, type[Outcome], bool]] = [
    (403, "AccessDeniedException", Unavailable, True),
    (403, "ExpiredTokenException", Unavailable, True),
    (403, "IncompleteSignature", Unavailable, True),
    (500, "InternalFailure", Unavailable, False),
    (403, "InvalidSignatureException", Unavailable, True),
    (400, "MalformedHttpRequestException", Unavailable, True),
    (401, "NotAuthorized", Unavailable, True),
    (403, "OptInRequired", Unavailable, True),
    (400, "RequestAbortedException", Unknown, False),
    (413, "RequestEntityTooLargeException", Rejected, False),
    (400, "RequestExpired", Unavailable, True),
    (408, "RequestTimeoutException", Unavailable, False),
    (503, "ServiceUnavailable", Unavailable, False),
    (403, "SignatureDoesNotMatch", Unavailable, True),
    (400, "ThrottlingException", Throttled, False),
    (403, "UnrecognizedClientException", Unavailable, True),
    (404, "UnknownOperationException", Unavailable, True),
    (400, "ValidationError", Rejected, False),
]


@pytest.mark.parametrize(("status", "name", "kind", "config"), OURS + COMMON)
def test_each_error_of_a_request(status: int, name: str, kind: type[Outcome], config: bool) -> None:
    outcomes = refused(status, name)
    assert [type(outcome) for outcome in outcomes] == [kind] * 2, outcomes
    assert getattr(outcomes[0], "config", False) is config
    assert not getattr(outcomes[0], "address_dead", False)


def test_the_table_has_every_error() -> None:
    assert ERRORS.keys() == {name for _, name, _, _ in OURS}


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"x-amzn-errortype": "TooManyRequestsException:http://internal.amazon.com/coral/com.amazonaws.ses/"}, {}),
        ({}, {"__type": "com.amazonaws.ses.v2#TooManyRequestsException", "Message": "x"}),
        ({}, {"__type": "TooManyRequestsException"}),
        ({}, {"code": "TooManyRequestsException", "message": None}),
    ],
)
def test_an_error_is_named_in_several_ways(headers: dict[str, str], body: dict[str, Any]) -> None:
    (outcome,) = provider().parse([message()], httpx.Response(429, json=body, headers=headers))
    assert isinstance(outcome, Throttled)
    assert outcome.detail.startswith("too_many_requests")


def test_a_sender_that_is_not_verified_burns_no_campaign() -> None:
    """https://docs.aws.amazon.com/ses/latest/dg/troubleshoot-error-messages.html"""
    text = (
        "Email address is not verified. The following identities failed the check in region EU-WEST-1: Mary Major <mary.major@example.com>"
    )
    (outcome, _) = refused(400, "MessageRejected", text)
    assert isinstance(outcome, Unavailable)
    assert outcome.config


def test_an_error_nobody_knows_is_what_its_status_says() -> None:
    assert isinstance(refused(400, "NewException")[0], Rejected)
    assert isinstance(refused(500, "NewException")[0], Unavailable)


def test_one_alone_is_accepted_under_its_id() -> None:
    alone = message(email=FILE)
    assert provider().parse([alone], httpx.Response(200, json={"MessageId": "0100"})) == [Accepted("0100")]
    (outcome,) = provider().parse([alone], httpx.Response(200, json={"BulkEmailEntryResults": []}))
    assert isinstance(outcome, Unknown)


# ------------------------------------------------------------------------------------------------ what is asked


def test_the_published_example() -> None:
    """The inline template of https://docs.aws.amazon.com/ses/latest/dg/send-personalized-email-api.html, with our text rendered already."""
    email = EmailOverrides(from_name="Mary Major")
    html = "<h1>Hello friend,</h1><p>Your favorite animal is unknown.</p>"
    fields = {"subject": "Greetings, friend!", "body": "Dear friend,\r\nYour favorite animal is unknown.", "html": html, "email": email}
    told = [message(0, address="anaya.iyengar@example.com", **fields), message(1, address="liu.jie@example.com", **fields)]
    replacement = {"ReplacementTemplate": {"ReplacementTemplateData": "{}"}}
    assert built(*told, configuration_set="ConfigSet") == {
        "FromEmailAddress": '"Mary Major" <mary.major@example.com>',
        "DefaultContent": {
            "Template": {
                "TemplateContent": {
                    "Subject": "Greetings, friend!",
                    "Text": "Dear friend,\r\nYour favorite animal is unknown.",
                    "Html": html,
                },
                "TemplateData": "{}",
            }
        },
        "BulkEmailEntries": [
            {
                "Destination": {"ToAddresses": ["anaya.iyengar@example.com"]},
                "ReplacementEmailContent": replacement,
                "ReplacementTags": [{"Name": "ref", "Value": "email-normal-3-42-0-0"}],
            },
            {
                "Destination": {"ToAddresses": ["liu.jie@example.com"]},
                "ReplacementEmailContent": replacement,
                "ReplacementTags": [{"Name": "ref", "Value": "email-normal-3-42-1-0"}],
            },
        ],
        "ConfigurationSetName": "ConfigSet",
    }
    assert str(provider().build(told).url) == f"{ENDPOINT}/outbound-bulk-emails"


def test_an_entry_has_its_own_copies_headers_and_opt_out() -> None:
    email = EmailOverrides(cc=["c@example.com"], bcc=["b@example.com"], reply_to=["help@example.com"], headers={"X-Order": "o-17 – ž"})
    body = built(message(0, email=email, unsubscribe="https://example.com/u/0"), message(1, email=email))
    first, second = body["BulkEmailEntries"]
    assert body["ReplyToAddresses"] == ["help@example.com"]
    assert first["Destination"] == {
        "ToAddresses": ["user-0@example.com"],
        "CcAddresses": ["c@example.com"],
        "BccAddresses": ["b@example.com"],
    }
    assert [header["Name"] for header in first["ReplacementHeaders"]] == ["X-Order", "List-Unsubscribe", "List-Unsubscribe-Post"]
    assert first["ReplacementHeaders"][1]["Value"] == "<https://example.com/u/0>"
    assert [header["Name"] for header in second["ReplacementHeaders"]] == ["X-Order"]
    assert second["ReplacementHeaders"][0]["Value"].isascii()


@pytest.mark.parametrize(
    "alone",
    [
        message(email=FILE),
        message(body="Dear {{name}}"),
        message(subject="{{"),
        message(html="<p>{{#if x}}</p>"),
        message(html="x" * (BULK_BYTES + 1)),
        message(html="ž" * (BULK_BYTES // 2)),
    ],
)
def test_what_can_not_be_a_template_goes_alone_as_it_is(alone: Message) -> None:
    request = provider().build([alone])
    simple = json.loads(request.content)["Content"]["Simple"]
    assert str(request.url) == f"{ENDPOINT}/outbound-emails"
    assert simple["Subject"] == {"Data": alone.subject, "Charset": "UTF-8"}
    assert simple["Body"]["Text"] == {"Data": alone.body, "Charset": "UTF-8"}
    others = [message(number) for number in (1, 2)]
    assert slices_of(provider(), [others[0], alone, replace(alone, message_id="m-9"), others[1]]) == [[0, 3], [1], [2]]


def test_one_brace_is_no_template() -> None:
    assert str(provider().build([message(html="<style>p { color: red }</style>")]).url).endswith("bulk-emails")


def test_files() -> None:
    files = [Attachment("a.pdf", "application/pdf", b"%PDF"), Attachment("logo.png", "image/png", b"\x89", "logo")]
    first, second = built(message(email=EmailOverrides(attachments=files)))["Content"]["Simple"]["Attachments"]
    assert (first["ContentDisposition"], b64decode(first["RawContent"])) == ("ATTACHMENT", b"%PDF")
    assert (second["ContentDisposition"], second["ContentId"]) == ("INLINE", "logo")


def test_fifty_go_at_once_or_fewer_where_the_account_may_send_no_more() -> None:
    told = [message(number) for number in range(101)]
    assert [len(some) for some in slices_of(provider(), told)] == [50, 50, 1]
    assert [len(some) for some in slices_of(provider(batch_size=14), told[:28])] == [14, 14]


def test_names_and_domains_are_ascii() -> None:
    email = EmailOverrides(from_name="Mařie\r\nMajor")
    body = built(message(address="ann@bücher.example", email=email))
    assert body["FromEmailAddress"].isascii()
    assert "\n" not in body["FromEmailAddress"]
    assert body["BulkEmailEntries"][0]["Destination"]["ToAddresses"] == ["ann@xn--bcher-kva.example"]


@pytest.mark.parametrize("address", ["", "@", "a@", "a b@c", "a@b\r\nBcc: c@d", "a@" + "ü" * 300, "\x00", "💌"])
def test_no_address_makes_it_raise(address: str) -> None:
    assert len(built(message(0, address=address), message(1))["BulkEmailEntries"]) == 2


@pytest.mark.parametrize("ref", ["", "x" * 257, "3.b.0", "a b", "ž"])
def test_a_ref_that_no_tag_can_hold_is_left_out(ref: str) -> None:
    assert "ReplacementTags" not in built(message(ref=ref))["BulkEmailEntries"][0]


@pytest.mark.parametrize("options", [{"batch_size": 51}, {"sender": "mary"}])
def test_options_that_can_not_hold_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(DeclarationError):
        Ses("email", Secret("AKID"), Secret("key"), "eu-west-1", **({"sender": SENDER} | options))


def test_it_is_made_from_the_registrys_file() -> None:
    options = {"access_key": "${ID}", "secret_key": "${KEY}", "session_token": "${TOKEN}", "region": "eu-west-1", "sender": SENDER}
    config = {"channels": {"email": [{"kind": "ses", "options": options}]}}
    assert load(config, {"ID": "AKID", "KEY": "key", "TOKEN": "t"})["email"]["ses"].provider.declaration.batch_size == 50
