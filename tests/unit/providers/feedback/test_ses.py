"""SES' events by way of SNS. Tables and bodies: https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html,
.../event-publishing-retrieving-sns-examples.html and https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html.
"""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from providers.feedback.base import Confirm, Heard, Request
from providers.feedback.errors import BadCertificate, BadSecret, BadSignature, Malformed, NotSigned, UnknownSender
from providers.feedback.ses import SesEvents
from providers.feedback.sns_certificate import common_name
from tests.emulators import certificates
from tests.emulators.webhooks import BOUNCE, CERTIFICATE_URL, NOW, NOW_S, REF, TOPIC, ses, sns

ROOTS = certificates.pem(certificates.authority())
CHINA = "arn:aws-cn:sns:cn-north-1:123456789012:ses-events"


def parser(*topics: str) -> SesEvents:
    return SesEvents(topics or (TOPIC,), ROOTS)


def heard(said: dict[str, Any], **fields: Any) -> tuple[Heard, ...]:
    return parser().parse(ses(json.dumps(said).encode(), **fields), NOW, certificates.leaf()).heard


def event(name: str, **about: Any) -> dict[str, Any]:
    return {"eventType": name, "mail": BOUNCE["mail"], **about}


@pytest.mark.parametrize("version", ["1", "2"])
def test_a_bounce_as_documented(version: str) -> None:
    (found,) = heard(BOUNCE, version=version)
    assert found == Heard(
        provider="ses",
        kind="bounced",
        ref=REF,
        provider_message_id="EXAMPLE7c191be45-e9aedb9a",
        address="ann@example.com",
        reason="permanent_general",
        detail="smtp; 550 5.1.1 user unknown",
        occurred_at=1_777_777_770_000,
        event_id="22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
        raw=json.dumps(BOUNCE).encode(),
    )


@pytest.mark.parametrize(
    ("kind", "sub", "expected"),
    [
        ("Undetermined", "Undetermined", "soft_bounced"),
        ("Permanent", "General", "bounced"),
        ("Permanent", "NoEmail", "bounced"),
        ("Permanent", "Suppressed", "bounced"),
        ("Permanent", "OnAccountSuppressionList", "bounced"),
        ("Permanent", "UnsubscribedRecipient", "unsubscribed"),
        ("Permanent", "Not yet thought of", "bounced"),
        ("Transient", "General", "soft_bounced"),
        ("Transient", "MailboxFull", "soft_bounced"),
        ("Transient", "MessageTooLarge", "soft_bounced"),
        ("Transient", "ContentRejected", "soft_bounced"),
        ("Transient", "AttachmentRejected", "soft_bounced"),
        ("Transient", "Not yet thought of", "soft_bounced"),
        ("Not yet thought of", "", "soft_bounced"),
    ],
)
@pytest.mark.parametrize("form", ["eventType", "notificationType"])
def test_bounces(kind: str, sub: str, expected: str, form: str) -> None:
    about = {**BOUNCE["bounce"], "bounceType": kind, "bounceSubType": sub}  # type: ignore[dict-item]
    (found,) = heard({form: "Bounce", "bounce": about, "mail": BOUNCE["mail"]})
    assert found.kind == expected


@pytest.mark.parametrize(
    ("said", "kind", "reason"),
    [
        (event("Send", send={}), "accepted", ""),
        (event("Delivery", delivery={"recipients": ["ann@example.com"], "smtpResponse": "250 ok"}), "delivered", ""),
        (event("Reject", reject={"reason": "Bad content"}), "failed", "bad_content"),
        (event("Open", open={"ipAddress": "192.0.2.1"}), "opened", ""),
        (event("Click", click={"link": "https://example.com"}), "clicked", ""),
        (event("Rendering Failure", failure={"errorMessage": "no name", "templateName": "t"}), "failed", ""),
        (
            event("DeliveryDelay", deliveryDelay={"delayType": "TransientCommunicationFailure"}),
            "deferred",
            "transient_communication_failure",
        ),
        (event("Complaint", complaint={"complaintFeedbackType": "abuse"}), "complained", "abuse"),
        (event("Complaint", complaint={"complaintFeedbackType": "fraud"}), "complained", "fraud"),
        (event("Complaint", complaint={"complaintSubType": "OnAccountSuppressionList"}), "complained", "on_account_suppression_list"),
        (event("Complaint", complaint={}), "complained", ""),
        (event("Complaint", complaint={"complaintFeedbackType": "not-spam"}), "other:not-spam", "not_spam"),
        (event("Subscription", subscription={"newTopicPreferences": {"unsubscribeAll": True}, "source": "UnsubscribeHeader"}),)
        + ("unsubscribed", "unsubscribe_header"),
        (event("Subscription", subscription={"newTopicPreferences": {"unsubscribeAll": False}}), "other:Subscription", ""),
        (event("Heard by the grapevine"), "other:Heard by the grapevine", ""),
    ],
)
def test_events(said: dict[str, Any], kind: str, reason: str) -> None:
    (found,) = heard(said)
    assert (found.kind, found.reason, found.ref, found.address) == (kind, reason, REF, "ann@example.com")


def test_everybody_an_event_is_about_is_heard_by_himself() -> None:
    both = [{"emailAddress": "ann@example.com", "status": "5.1.1"}, {"emailAddress": "bo@example.com"}]
    found = heard(event("Bounce", bounce={"bounceType": "Permanent", "bouncedRecipients": both}))
    assert [(one.address, one.detail) for one in found] == [("ann@example.com", "5.1.1"), ("bo@example.com", "")]
    assert len({one.event_id for one in found}) == 2


def test_an_identity_publishes_no_tags() -> None:
    (found,) = heard({"notificationType": "Complaint", "complaint": {}, "mail": {"messageId": "m", "destination": ["ann@example.com"]}})
    assert (found.kind, found.ref, found.address) == ("complained", "", "ann@example.com")


@pytest.mark.parametrize("text", ["Successfully validated SNS topic for Amazon SES event publishing.", "[1]", "{}", '{"Records": []}', ""])
def test_what_is_no_event_of_ses_is_kept(text: str) -> None:
    (found,) = parser().parse(ses(text.encode()), NOW, certificates.leaf()).heard
    assert (found.kind, found.raw, found.occurred_at) == ("other:notification", text.encode(), NOW - NOW % 1000)


def confirmation(kind: str = "SubscriptionConfirmation", key: str = certificates.SNS, topic: str = TOPIC, **fields: str) -> Request:
    url = f"https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn={topic}&Token=2336412f37"
    told = {"Type": kind, "MessageId": "165545c9-2a5c-472c-8df2-7ff2be2b3b1b", "Token": "2336412f37", "TopicArn": topic}
    told |= {"Message": "You have chosen to subscribe.\nTo confirm, visit the SubscribeURL.", "SubscribeURL": url}
    told |= {"Timestamp": datetime.fromtimestamp(NOW_S, UTC).isoformat(), "SignatureVersion": "2", "SigningCertURL": CERTIFICATE_URL}
    return sns(told | fields, key)


def test_a_subscription_is_to_be_confirmed() -> None:
    reading = parser().parse(confirmation(), NOW, certificates.leaf())
    assert isinstance(reading.answer, Confirm)
    assert reading.answer.url.endswith("Token=2336412f37")
    assert reading.heard == ()


@pytest.mark.parametrize(
    "url",
    [
        f"https://evil.example/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=2336412f37",
        f"http://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=2336412f37",
        f"https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=2336412f37",
        f"https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn={TOPIC}2&Token=2336412f37",
        f"https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=other",
        f"https://sns.eu-west-1.amazonaws.com/?Action=Unsubscribe&TopicArn={TOPIC}&Token=2336412f37",
        f"https://sns.eu-west-1.amazonaws.com/x?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=2336412f37",
        f"https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Action=x&TopicArn={TOPIC}&Token=2336412f37",
        "https://sns.eu-west-1.amazonaws.com/",
        "x",
    ],
)
def test_a_subscription_is_confirmed_at_sns_alone(url: str) -> None:
    with pytest.raises(UnknownSender):
        parser().parse(confirmation(SubscribeURL=url), NOW, certificates.leaf())


def test_the_end_of_a_subscription_is_kept() -> None:
    reading = parser().parse(confirmation("UnsubscribeConfirmation"), NOW, certificates.leaf())
    assert [found.kind for found in reading.heard] == ["other:UnsubscribeConfirmation"]
    assert reading.answer is None


def test_a_subscription_is_signed_with_its_token() -> None:
    changed = confirmation().body.replace(b'"Token": "2336412f37"', b'"Token": "2336412f38"')
    with pytest.raises(BadSignature):
        parser().parse(Request([], changed), NOW, certificates.leaf())


@pytest.mark.parametrize("field", ["Signature", "SignatureVersion", "SigningCertURL"])
@pytest.mark.parametrize("value", [None, "", 1])
def test_a_message_without_its_signature_is_not_signed(field: str, value: object) -> None:
    told = json.loads(ses(b"{}").body) | {field: value}
    with pytest.raises(NotSigned):
        parser().certificate_url(Request([], json.dumps(told).encode()))


@pytest.mark.parametrize("field", ["Message", "MessageId", "Timestamp", "TopicArn", "Type"])
def test_a_message_without_a_field_is_malformed(field: str) -> None:
    told = json.loads(ses(b"{}").body)
    del told[field]
    with pytest.raises(Malformed):
        parser().certificate_url(Request([], json.dumps(told).encode()))


def test_a_field_does_not_begin_inside_another_one() -> None:
    """`Subject` moved into the id before it: the signed text is the same."""
    request = ses(b"{}", Subject="x")
    told = json.loads(request.body)
    moved = {**told, "MessageId": f"{told['MessageId']}\nSubject\nx"}
    del moved["Subject"]
    parser().parse(request, NOW, certificates.leaf())
    with pytest.raises(Malformed):
        parser().parse(Request([], json.dumps(moved).encode()), NOW, certificates.leaf())


def test_an_unknown_version_is_malformed() -> None:
    with pytest.raises(Malformed):
        parser().parse(ses(b"{}", version="3"), NOW, certificates.leaf())


@pytest.mark.parametrize("topic", [TOPIC + "x", "arn:aws:sns:eu-west-1:999999999999:ses-events", "", "ses-events"])
def test_another_topic_is_refused_before_anything_is_fetched(topic: str) -> None:
    with pytest.raises(UnknownSender):
        parser().certificate_url(ses(b"{}", TopicArn=topic))


@pytest.mark.parametrize(
    ("leaf", "key"),
    [
        (certificates.leaf(issuer="Somebody"), certificates.SNS),
        (certificates.leaf("evil.example"), "evil.example"),
        (certificates.leaf("evil.example", host=certificates.SNS), "evil.example"),
        (certificates.leaf(host="evil.example"), certificates.SNS),
        (certificates.leaf(days=1), certificates.SNS),
        (certificates.leaf(since=datetime(2030, 1, 1, tzinfo=UTC)), certificates.SNS),
    ],
    ids=["other authority", "other name", "other common name", "other host", "expired", "not yet valid"],
)
def test_a_certificate_that_is_not_sns_own_is_refused(leaf: bytes, key: str) -> None:
    with pytest.raises(BadCertificate):
        parser().parse(ses(json.dumps(BOUNCE).encode(), key=key), NOW, leaf)


def test_the_authority_does_not_sign_messages() -> None:
    with pytest.raises((BadCertificate, BadSignature)):
        parser().parse(ses(json.dumps(BOUNCE).encode()), NOW, ROOTS.encode())


@pytest.mark.parametrize(
    ("region", "name"),
    [
        ("us-east-1", "sns.amazonaws.com"),
        ("eu-west-1", "sns.amazonaws.com"),
        ("cn-north-1", "sns-cn-north-1.amazonaws.com.cn"),
        ("us-gov-east-1", "sns-us-gov-west-1.amazonaws.com"),
        ("eu-south-2", "sns-signing.eu-south-2.amazonaws.com"),
        ("ap-southeast-4", "sns-signing.ap-southeast-4.amazonaws.com"),
        ("xx-new-1", "sns.amazonaws.com"),
    ],
)
def test_regions_have_certificates_of_their_own(region: str, name: str) -> None:
    assert common_name(region) == name


def test_china_has_hosts_of_its_own() -> None:
    url = "https://sns.cn-north-1.amazonaws.com.cn/SimpleNotificationService-0123.pem"
    name = "sns-cn-north-1.amazonaws.com.cn"
    request = ses(json.dumps(BOUNCE).encode(), key=name, TopicArn=CHINA, SigningCertURL=url)
    assert parser(CHINA).certificate_url(request) == url
    assert parser(CHINA).parse(request, NOW, certificates.leaf(name)).heard
    with pytest.raises(BadCertificate):
        parser(CHINA).certificate_url(ses(b"{}", TopicArn=CHINA, SigningCertURL=url.removesuffix(".pem").replace(".cn/", "/") + ".pem"))


def test_a_parser_needs_topics_and_roots() -> None:
    with pytest.raises(ValueError, match="topics"):
        SesEvents((), ROOTS)
    with pytest.raises(BadSecret):
        SesEvents((TOPIC,), "no certificate")
