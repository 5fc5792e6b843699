"""Amazon SNS: every documented error of Publish is an outcome, and the request is the documented one.

https://docs.aws.amazon.com/sns/latest/api/API_Publish.html, https://docs.aws.amazon.com/sns/latest/dg/sms_sending-to-phone-number.html
"""

from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.base import Accepted, Message, Outcome, Rejected, Throttled, Unavailable, Unknown
from providers.errors import DeclarationError
from providers.registry import load
from providers.secret import Secret
from providers.sns import ERRORS, Sns
from tests.emulators.sns import attributes_of, error

ACCEPTED = """<PublishResponse xmlns="https://sns.amazonaws.com/doc/2010-03-31/">
    <PublishResult>
        <MessageId>567910cd-659e-55d4-8ccb-5aaf14679dc0</MessageId>
    </PublishResult>
    <ResponseMetadata>
        <RequestId>d74b8436-ae13-5ab4-a9ff-ce54dfea72a0</RequestId>
    </ResponseMetadata>
</PublishResponse>"""
"""The sample response of the API reference."""


def provider(**options: Any) -> Sns:
    return Sns("sms", Secret("AKID"), Secret("key"), "us-west-2", **options)


def message(**fields: Any) -> Message:
    told = {"message_id": "m-0", "notification_id": "n", "user_id": "u", "address": "+15555550100", "body": "Hello world!"}
    return Message(**(told | fields))


def form(asked: Message | None = None, **options: Any) -> dict[str, str]:
    return dict(parse_qsl(provider(**options).build([asked or message()]).content.decode(), keep_blank_values=True))


def outcome(status: int, text: str, asked: Message | None = None) -> Outcome:
    (one,) = provider().parse([asked or message()], httpx.Response(status, text=text))
    return one


def test_the_published_answer() -> None:
    assert outcome(200, ACCEPTED) == Accepted("567910cd-659e-55d4-8ccb-5aaf14679dc0")


@pytest.mark.parametrize(
    "text", ["", "ok", "<PublishResponse/>", "<PublishResult><MessageId></MessageId></PublishResult>", "{}", "<a><b></a>"]
)
def test_an_answer_without_an_id_leaves_it_open(text: str) -> None:
    assert isinstance(outcome(200, text), Unknown)


PUBLISH: list[tuple[int, str, type[Outcome], bool]] = [
    (403, "AuthorizationError", Unavailable, True),
    (400, "EndpointDisabled", Unavailable, True),
    (500, "InternalError", Unavailable, False),
    (400, "InvalidParameter", Rejected, False),
    (400, "ParameterValueInvalid", Rejected, False),
    (403, "InvalidSecurity", Unavailable, True),
    (400, "KMSAccessDenied", Unavailable, True),
    (400, "KMSDisabled", Unavailable, True),
    (400, "KMSInvalidState", Unavailable, True),
    (400, "KMSNotFound", Unavailable, True),
    (403, "KMSOptInRequired", Unavailable, True),
    (400, "KMSThrottling", Throttled, False),
    (404, "NotFound", Unavailable, True),
    (400, "PlatformApplicationDisabled", Unavailable, True),
    (400, "ValidationException", Rejected, False),
    # of the other actions for SMS
    (429, "Throttled", Throttled, False),
    (400, "OptedOut", Rejected, False),
    (400, "UserError", Rejected, False),
]
COMMON: list[tuple[int, str, type[Outcome], bool]] = [
    (403, "AccessDeniedException", Unavailable, True),
    (403, "ExpiredToken", Unavailable, True),
    (400, "IncompleteSignature", Unavailable, True),
    (500, "InternalFailure", Unavailable, False),
    (400, "InvalidAction", Unavailable, True),
    (403, "InvalidClientTokenId", Unavailable, True),
    (400, "InvalidParameterCombination", Rejected, False),
    (400, "InvalidParameterValue", Rejected, False),
    (400, "InvalidQueryParameter", Unavailable, True),
    (404, "MalformedQueryString", Unavailable, True),
    (400, "MissingAction", Unavailable, True),
    (403, "MissingAuthenticationToken", Unavailable, True),
    (400, "MissingParameter", Rejected, False),
    (403, "OptInRequired", Unavailable, True),
    (400, "RequestExpired", Unavailable, True),
    (503, "ServiceUnavailable", Unavailable, False),
    (403, "SignatureDoesNotMatch", Unavailable, True),
    (400, "Throttling", Throttled, False),
    (400, "ValidationError", Rejected, False),
]


@pytest.mark.parametrize(("status", "code", "kind", "config"), PUBLISH + COMMON)
def test_each_documented_error(status: int, code: str, kind: type[Outcome], config: bool) -> None:
    told = outcome(status, error(code, "because <&>"))
    assert type(told) is kind, told
    assert getattr(told, "config", False) is config
    assert getattr(told, "address_dead", False) is (code == "OptedOut")
    assert told.detail.endswith("because <&>")  # type: ignore[union-attr]


def test_the_table_has_every_error() -> None:
    assert ERRORS.keys() == {code for _, code, _, _ in PUBLISH}


def test_an_error_nobody_knows_is_what_its_status_says() -> None:
    assert isinstance(outcome(400, error("New", "x")), Rejected)
    assert isinstance(outcome(500, error("New", "x")), Unavailable)
    assert isinstance(outcome(502, "<html>Bad gateway</html>"), Unavailable)


@pytest.mark.parametrize(
    ("address", "dead"),
    [
        ("+15555550100", False),  # the region has no SMS: the number is good
        ("+491510000001", False),
        ("15555550100", True),
        ("0151 100000", True),
        ("+0123", True),
        ("+1234567890123456", True),
        ("abcd", True),
        ("", True),
        ("+1555555010\n", True),
        ("+１５５５", True),
    ],
)
def test_a_number_is_dead_only_if_it_is_none(address: str, dead: bool) -> None:
    told = outcome(
        400,
        error("InvalidParameter", f"Invalid parameter: PhoneNumber Reason: {address} is not valid to publish to"),
        message(address=address),
    )
    assert isinstance(told, Rejected)
    assert told.address_dead is dead


def test_the_request() -> None:
    request = provider().build([message()])
    assert (request.method, str(request.url)) == ("POST", "https://sns.us-west-2.amazonaws.com/")
    assert request.headers["content-type"] == "application/x-www-form-urlencoded; charset=utf-8"
    assert form() == {
        "Action": "Publish",
        "Version": "2010-03-31",
        "PhoneNumber": "+15555550100",
        "Message": "Hello world!",
        "MessageAttributes.entry.1.Name": "AWS.SNS.SMS.SMSType",
        "MessageAttributes.entry.1.Value.DataType": "String",
        "MessageAttributes.entry.1.Value.StringValue": "Transactional",
    }


@pytest.mark.parametrize(
    ("category", "kind"),
    [
        ("promotional", "Promotional"),
        ("engagement", "Promotional"),
        ("transactional", "Transactional"),
        ("system", "Transactional"),
        ("", "Transactional"),
    ],
)
def test_how_reliable_it_must_be_is_the_categorys(category: str, kind: str) -> None:
    assert attributes_of(form(message(category=category)))["AWS.SNS.SMS.SMSType"] == ("String", kind)


def test_all_attributes() -> None:
    options: dict[str, Any] = {"sender_id": "TheShop", "origination_number": "+15555550111", "entity_id": "1201", "template_id": "1107"}
    assert attributes_of(form(max_price_usd=0.5, **options)) == {
        "AWS.SNS.SMS.SenderID": ("String", "TheShop"),
        "AWS.MM.SMS.OriginationNumber": ("String", "+15555550111"),
        "AWS.MM.SMS.EntityId": ("String", "1201"),
        "AWS.MM.SMS.TemplateId": ("String", "1107"),
        "AWS.SNS.SMS.MaxPrice": ("Number", "0.50000"),
        "AWS.SNS.SMS.SMSType": ("String", "Transactional"),
    }


@given(st.text(max_size=60), st.text(max_size=30))
def test_any_text_and_any_number_stay_in_their_field(body: str, address: str) -> None:
    sent = form(message(body=body, address=address))
    assert (sent["Message"], sent["PhoneNumber"]) == (body.encode("utf-8", "replace").decode(), address.encode("utf-8", "replace").decode())
    assert sent["Action"] == "Publish"


def test_a_phone_number_is_alone_in_its_request() -> None:
    """PublishBatch takes a topic, and no phone numbers."""
    assert provider().declaration.batch_size == 1
    assert provider().declaration.carries == frozenset()


@pytest.mark.parametrize("sender_id", ["123456", "The Shop", "TheShopOfShops", "Žofie"])
def test_a_sender_id_that_can_not_be_is_refused(sender_id: str) -> None:
    with pytest.raises(DeclarationError):
        provider(sender_id=sender_id)


def test_it_is_made_from_the_registrys_file() -> None:
    options = {"access_key": "${ID}", "secret_key": "${KEY}", "region": "eu-west-1", "max_price_usd": "0.1"}
    config = {"channels": {"sms": [{"kind": "sns", "options": options}]}}
    assert load(config, {"ID": "AKID", "KEY": "key"})["sms"]["sns"].provider.declaration.name == "sns"
