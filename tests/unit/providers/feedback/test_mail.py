"""SendGrid's and Mailgun's events, with the bodies of their documentation:
https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event and
https://documentation.mailgun.com/docs/mailgun/user-manual/events/events.
"""

import json
from typing import Any

import pytest

from providers.feedback.base import Heard, Request
from providers.feedback.errors import BadSecret, BadSignature, Malformed, NotSigned
from providers.feedback.mailgun import Mailgun
from providers.feedback.sendgrid import SendGridEvents
from providers.feedback.smtp import is_dead
from providers.secret import Secret
from tests.emulators.webhooks import EVENTS, FAILED, NOW, NOW_S, REF, mailgun, sendgrid, sendgrid_public

KEY = "key-3ax6xnjp29jd6fds4gc373sgvjxteol0"


def by_sendgrid(*events: dict[str, Any]) -> tuple[Heard, ...]:
    return SendGridEvents(Secret(sendgrid_public())).parse(sendgrid(json.dumps(events).encode()), NOW).heard


def by_mailgun(event: dict[str, Any]) -> Heard:
    (found,) = Mailgun(Secret(KEY)).parse(mailgun(json.dumps(event).encode()), NOW).heard
    return found


def test_sendgrids_events_are_heard_one_by_one() -> None:
    first, second = by_sendgrid(*EVENTS)
    assert first == Heard(
        provider="sendgrid",
        kind="bounced",
        ref=REF,
        provider_message_id="14c5d75ce93.dfd.64b469.filter0001",
        address="ann@example.com",
        reason="bounce",
        detail="500 unknown recipient",
        occurred_at=1000 * NOW_S,
        event_id="6g4ZI7SA-xmRDv57GoPIPw==",
        raw=json.dumps(EVENTS[0]).encode(),
    )
    assert (second.kind, second.ref, second.raw) == ("delivered", "", json.dumps(EVENTS[1]).encode())


@pytest.mark.parametrize(
    ("event", "kind", "reason"),
    [
        ({"event": "processed"}, "accepted", ""),
        ({"event": "deferred", "response": "400 try again later", "attempt": "5"}, "deferred", ""),
        ({"event": "delivered", "response": "250 OK"}, "delivered", ""),
        ({"event": "open", "useragent": "Mozilla/4.0", "ip": "255.255.255.255"}, "opened", ""),
        ({"event": "click", "url": "http://www.sendgrid.com/"}, "clicked", ""),
        ({"event": "bounce", "reason": "500 unknown recipient", "status": "5.0.0", "type": "bounce"}, "bounced", "bounce"),
        ({"event": "bounce", "reason": "550 blocked", "status": "5.0.0", "type": "blocked"}, "soft_bounced", "blocked"),
        ({"event": "bounce", "type": "bounce", "bounce_classification": "Invalid Address"}, "bounced", "invalid_address"),
        ({"event": "dropped", "reason": "Bounced Address", "status": "5.0.0"}, "bounced", "bounced_address"),
        ({"event": "dropped", "reason": "Invalid"}, "bounced", "invalid"),
        ({"event": "dropped", "reason": "Unsubscribed Address"}, "unsubscribed", "unsubscribed_address"),
        ({"event": "dropped", "reason": "Spam Reporting Address"}, "complained", "spam_reporting_address"),
        ({"event": "dropped", "reason": "Spam Content"}, "failed", "spam_content"),
        ({"event": "dropped", "reason": "Invalid SMTPAPI header"}, "failed", "invalid_smtpapi_header"),
        ({"event": "dropped", "reason": "Recipient List over Package Quota"}, "failed", "recipient_list_over_package_quota"),
        ({"event": "spamreport"}, "complained", ""),
        ({"event": "unsubscribe"}, "unsubscribed", ""),
        ({"event": "group_unsubscribe", "asm_group_id": 10}, "unsubscribed", "10"),
        ({"event": "group_resubscribe", "asm_group_id": 10}, "resubscribed", "10"),
        ({"event": "account_status_change", "type": "compliance_suspend"}, "other:account_status_change", "compliance_suspend"),
        ({}, "other:", ""),
    ],
)
def test_sendgrids_events(event: dict[str, Any], kind: str, reason: str) -> None:
    (found,) = by_sendgrid({"email": "ann@example.com", "timestamp": 1513299569, "sg_event_id": "x", **event})
    assert (found.kind, found.reason) == (kind, reason)


def test_an_event_without_an_id_is_known_by_its_bytes() -> None:
    one, two, three = by_sendgrid({"event": "open"}, {"event": "open"}, {"event": "click"})
    assert one.event_id == two.event_id != three.event_id


def test_a_time_is_never_out_of_this_world() -> None:
    for odd in (None, "", "soon", -1, 1e300, True, [], 10**30, "9" * 30):
        (found,) = by_sendgrid({"event": "open", "timestamp": odd})
        assert found.occurred_at == NOW


@pytest.mark.parametrize("body", [b"", b"{}", b"[1]", b'[{"event": "open"}', b"\xff", b"[" * 100_000])
def test_what_is_signed_and_no_list_of_events_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        SendGridEvents(Secret(sendgrid_public())).parse(sendgrid(body), NOW)


@pytest.mark.parametrize("key", ["", "x", "MFkw", sendgrid_public()[:-4], "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE="])
def test_a_key_of_ours_that_can_not_be_is_said_to_be_ours(key: str) -> None:
    with pytest.raises(BadSecret):
        SendGridEvents(Secret(key)).parse(sendgrid(b"[]"), NOW)


def test_mailguns_failure() -> None:
    body = mailgun(json.dumps(FAILED).encode()).body
    assert by_mailgun(FAILED) == Heard(
        provider="mailgun",
        kind="bounced",
        ref=REF,
        provider_message_id="20180622211249.1.2A6098970A380E12@example.org",
        address="ann@example.com",
        reason="bounce",
        detail="5.1.1 no such user",
        occurred_at=1000 * NOW_S + 500,
        event_id=json.loads(body)["signature"]["token"],
        raw=body,
    )


@pytest.mark.parametrize(
    ("event", "kind", "reason"),
    [
        ({"event": "accepted"}, "accepted", ""),
        ({"event": "delivered", "delivery-status": {"code": 250, "message": "OK"}}, "delivered", ""),
        ({"event": "opened"}, "opened", ""),
        ({"event": "clicked", "url": "http://mailgun.com"}, "clicked", ""),
        ({"event": "unsubscribed"}, "unsubscribed", ""),
        ({"event": "complained"}, "complained", ""),
        ({"event": "rejected", "reject": {"reason": "Sandbox subdomains are for test purposes only"}}, "failed", None),
        ({"event": "stored"}, "other:stored", ""),
        ({"event": "failed", "severity": "temporary", "reason": "generic"}, "deferred", "generic"),
        ({"event": "failed", "severity": "permanent", "reason": "suppress-bounce", "delivery-status": {"code": 605}}, "bounced", None),
        ({"event": "failed", "severity": "permanent", "reason": "suppress-unsubscribe"}, "unsubscribed", "suppress_unsubscribe"),
        ({"event": "failed", "severity": "permanent", "reason": "suppress-complaint"}, "complained", "suppress_complaint"),
        ({"event": "failed", "severity": "permanent", "reason": "bounce"}, "bounced", "bounce"),
        ({"event": "failed", "severity": "permanent", "reason": "old"}, "failed", "old"),
        ({"event": "failed", "severity": "permanent", "reason": "espblock"}, "failed", "espblock"),
        (
            {"event": "failed", "severity": "permanent", "reason": "generic"}
            | {"delivery-status": {"code": 550, "enhanced-code": "5.1.1", "bounce-code": "5.1.1"}, "flags": {"is-delayed-bounce": True}},
            "bounced",
            "generic",
        ),
        ({"event": "failed", "severity": "permanent", "reason": "generic", "delivery-status": {"message": "5.7.1 spam"}}, "failed", None),
        ({"event": "failed"}, "failed", ""),
        ({}, "other:", ""),
    ],
)
def test_mailguns_events(event: dict[str, Any], kind: str, reason: str | None) -> None:
    found = by_mailgun(event)
    assert found.kind == kind
    assert reason is None or found.reason == reason


def test_a_subaccounts_event_is_signed_by_its_parent_too() -> None:
    told = json.loads(mailgun(b"{}", key="the subaccount's").body)
    told["signature"]["parent-signature"] = json.loads(mailgun(b"{}").body)["signature"]["signature"]
    assert Mailgun(Secret(KEY)).parse(Request([], json.dumps(told).encode()), NOW).heard
    told["signature"]["parent-signature"] = "0" * 64
    with pytest.raises(BadSignature):
        Mailgun(Secret(KEY)).parse(Request([], json.dumps(told).encode()), NOW)


@pytest.mark.parametrize("field", ["token", "timestamp", "signature"])
@pytest.mark.parametrize("value", [None, "", [], {"a": 1}])
def test_mailguns_signature_is_whole(field: str, value: object) -> None:
    told = json.loads(mailgun(b"{}").body)
    told["signature"][field] = value
    with pytest.raises(NotSigned):
        Mailgun(Secret(KEY)).parse(Request([], json.dumps(told).encode()), NOW)


def test_token_and_time_do_not_exchange_digits() -> None:
    told = json.loads(mailgun(b"{}", token="1" * 50).body)
    signature = told["signature"]
    signature["timestamp"], signature["token"] = signature["timestamp"] + "1", signature["token"][1:]
    with pytest.raises(Malformed):
        Mailgun(Secret(KEY)).parse(Request([], json.dumps(told).encode()), NOW)


def test_without_an_event_it_is_malformed() -> None:
    with pytest.raises(Malformed):
        Mailgun(Secret(KEY)).parse(mailgun(b"[]"), NOW)


@pytest.mark.parametrize(
    ("said", "dead"),
    [
        ("5.1.1", True),
        ("smtp; 550-5.1.1 The email account that you tried to reach does not exist.", True),
        ("550 5.1.10 RESOLVER.ADR.RecipientNotFound", True),
        ("5.2.1 mailbox disabled", True),
        ("5.2.2 mailbox full", False),
        ("5.1.8 bad sender", False),
        ("5.7.1 policy", False),
        ("4.1.1 later", False),
        ("15.1.1", False),
        ("5.1.1.1", False),
        ("", False),
    ],
)
def test_what_a_server_says_of_a_mailbox(said: str, dead: bool) -> None:
    assert is_dead(said) is dead
