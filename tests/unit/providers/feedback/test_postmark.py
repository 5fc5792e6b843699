"""Postmark's webhooks, with the bodies of its documentation: https://postmarkapp.com/developer/webhooks/bounce-webhook, delivery-webhook,
spam-complaint-webhook, subscription-change-webhook.
"""

import json
from base64 import b64encode
from typing import Any

import pytest

from providers.feedback.base import Heard, Request
from providers.feedback.errors import BadSecret, BadSignature, Malformed, NotSigned
from providers.feedback.postmark import PostmarkWebhooks
from providers.secret import Secret
from tests.emulators.webhooks import BOUNCED, NOW, REF, postmark

PASSWORD = "carillon:Ue9-rt2w"
DELIVERY = {
    "RecordType": "Delivery",
    "ServerID": 23,
    "MessageStream": "outbound",
    "MessageID": "883953f4-6105-42a2-a16a-77a8eac79483",
    "Recipient": "john@example.com",
    "Tag": "welcome-email",
    "DeliveredAt": "2019-11-05T16:33:54.9070259Z",
    "Details": "Test delivery webhook details",
    "Metadata": {"ref": REF, "example_2": "value"},
}
COMPLAINT = {
    "RecordType": "SpamComplaint",
    "MessageStream": "outbound",
    "ID": 42,
    "Type": "SpamComplaint",
    "TypeCode": 512,
    "Name": "Spam complaint",
    "Tag": "Test",
    "MessageID": "00000000-0000-0000-0000-000000000000",
    "Metadata": {"ref": REF},
    "ServerID": 1234,
    "Description": "",
    "Details": "Test spam complaint details",
    "Email": "john@example.com",
    "From": "sender@example.com",
    "BouncedAt": "2019-11-05T16:33:54.9070259Z",
    "DumpAvailable": True,
    "Inactive": True,
    "CanActivate": False,
    "Subject": "Test subject",
    "Content": "<Abuse report dump>",
}
CHANGE = {
    "RecordType": "SubscriptionChange",
    "MessageID": "883953f4-6105-42a2-a16a-77a8eac79483",
    "ServerID": 123456,
    "MessageStream": "outbound",
    "ChangedAt": "2020-02-01T10:53:34.416071Z",
    "Recipient": "bounced-address@wildbit.com",
    "Origin": "Recipient",
    "SuppressSending": True,
    "SuppressionReason": "HardBounce",
    "Tag": "my-tag",
    "Metadata": {"ref": REF},
}
NOVEMBER_2019, FEBRUARY_2020 = 1_572_971_634_907, 1_580_554_414_416


def heard(event: dict[str, Any]) -> Heard:
    (found,) = PostmarkWebhooks(Secret(PASSWORD)).parse(postmark(json.dumps(event).encode()), NOW).heard
    return found


def test_a_bounce() -> None:
    found = heard(BOUNCED)
    assert found == Heard(
        provider="postmark",
        kind="bounced",
        ref=REF,
        provider_message_id="883953f4-6105-42a2-a16a-77a8eac79483",
        address="john@example.com",
        reason="hard_bounce",
        detail="Test bounce details",
        occurred_at=1_777_777_770_907,
        event_id=found.event_id,
        raw=json.dumps(BOUNCED).encode(),
    )


@pytest.mark.parametrize(
    ("event", "kind", "address", "reason", "detail", "at"),
    [
        (DELIVERY, "delivered", "john@example.com", "", "Test delivery webhook details", NOVEMBER_2019),
        (COMPLAINT, "complained", "john@example.com", "spam_complaint", "Test spam complaint details", NOVEMBER_2019),
        (CHANGE, "bounced", "bounced-address@wildbit.com", "hard_bounce", "", FEBRUARY_2020),
    ],
)
def test_the_published_ones(event: dict[str, Any], kind: str, address: str, reason: str, detail: str, at: int) -> None:
    found = heard(event)
    assert (found.kind, found.ref, found.address, found.reason) == (kind, REF, address, reason)
    assert (found.detail, found.occurred_at) == (detail, at)


BOUNCE_TYPES = {  # https://postmarkapp.com/developer/api/bounce-api#bounce-types: all there are
    "HardBounce": "bounced",
    "Transient": "deferred",
    "Unsubscribe": "unsubscribed",
    "Subscribe": "resubscribed",
    "AutoResponder": "other:AutoResponder",
    "AddressChange": "other:AddressChange",
    "DnsError": "deferred",
    "SpamNotification": "soft_bounced",
    "OpenRelayTest": "other:OpenRelayTest",
    "Unknown": "failed",
    "SoftBounce": "soft_bounced",
    "VirusNotification": "failed",
    "ChallengeVerification": "other:ChallengeVerification",
    "BadEmailAddress": "bounced",
    "SpamComplaint": "complained",
    "ManuallyDeactivated": "failed",
    "Unconfirmed": "failed",
    "Blocked": "soft_bounced",
    "SMTPApiError": "failed",
    "InboundError": "other:InboundError",
    "DMARCPolicy": "failed",
    "TemplateRenderingFailed": "failed",
    "of next year": "other:of next year",
}


@pytest.mark.parametrize(("named", "kind"), BOUNCE_TYPES.items())
def test_each_type_of_bounce(named: str, kind: str) -> None:
    assert heard(BOUNCED | {"Type": named}).kind == kind


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"SuppressionReason": "SpamComplaint"}, "complained"),
        ({"SuppressionReason": "ManualSuppression"}, "unsubscribed"),
        ({"SuppressionReason": "ManualSuppression", "Origin": "Customer"}, "other:SubscriptionChange"),
        ({"SuppressionReason": "ManualSuppression", "Origin": "Admin"}, "other:SubscriptionChange"),
        ({"SuppressionReason": "HardBounce", "Origin": "Admin"}, "bounced"),
        ({"SuppressSending": False, "SuppressionReason": None}, "resubscribed"),
        ({"SuppressSending": False, "SuppressionReason": None, "Origin": "Customer"}, "other:SubscriptionChange"),
        ({"SuppressSending": False, "SuppressionReason": "HardBounce", "Origin": "Customer"}, "other:SubscriptionChange"),
    ],
)
def test_a_change_of_subscription_is_the_recipients_only_where_it_says_so(change: dict[str, Any], kind: str) -> None:
    assert heard(CHANGE | change).kind == kind


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        ({"RecordType": "Open", "FirstOpen": True, "ReceivedAt": "2019-11-05T16:33:54.9070259Z"}, "opened"),
        ({"RecordType": "Click", "OriginalLink": "https://example.com"}, "clicked"),
        ({"RecordType": "Inbound"}, "other:Inbound"),
        ({}, "other:"),
    ],
)
def test_the_others(event: dict[str, Any], kind: str) -> None:
    assert heard(event).kind == kind


def test_the_same_event_has_the_same_id_and_another_another() -> None:
    again = dict(reversed(BOUNCED.items())) | {"DumpAvailable": False}
    assert heard(again).event_id == heard(BOUNCED).event_id
    opened = {"RecordType": "Open", "MessageID": "m", "Recipient": "john@example.com", "ReceivedAt": "2019-11-05T16:33:54Z"}
    others: list[dict[str, Any]] = [
        BOUNCED | {"ID": 43},
        opened,
        opened | {"RecordType": "Click"},
        opened | {"ReceivedAt": "2019-11-05T16:33:55Z"},
        opened | {"Recipient": "jane@example.com"},
        opened | {"MessageID": "n"},
    ]
    assert len({heard(each).event_id for each in [BOUNCED, *others]}) == len(others) + 1


@pytest.mark.parametrize(
    "written", ["", "Basic", "Basic ", "Bearer x", "Basic Zm9v", "basic {ours}", "Basic  {ours}", "Basic {ours}=", "{ours}"]
)
def test_what_is_not_the_password_is_refused(written: str) -> None:
    ours = b64encode(PASSWORD.encode()).decode()
    with pytest.raises(BadSignature):
        PostmarkWebhooks(Secret(PASSWORD)).parse(Request([("authorization", written.format(ours=ours))], b"{}"), NOW)


def test_without_a_password_it_is_refused() -> None:
    with pytest.raises(NotSigned):
        PostmarkWebhooks(Secret(PASSWORD)).parse(Request([], b"{}"), NOW)


@pytest.mark.parametrize("credentials", ["", " ", "carillon", f"{PASSWORD} carillon"])
def test_credentials_that_can_be_none_are_said_to_be_ours(credentials: str) -> None:
    with pytest.raises(BadSecret):
        PostmarkWebhooks(Secret(credentials)).parse(postmark(b"{}"), NOW)


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"1", b"{", b"\xff", b"[" * 100_000])
def test_what_is_no_event_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        PostmarkWebhooks(Secret(PASSWORD)).parse(postmark(body), NOW)
