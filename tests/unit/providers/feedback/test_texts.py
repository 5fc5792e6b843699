"""Twilio's and Vonage's callbacks. Twilio: https://www.twilio.com/docs/messaging/guides/outbound-message-status-in-status-callbacks,
https://www.twilio.com/docs/api/errors, https://www.twilio.com/docs/messaging/tutorials/advanced-opt-out. Vonage:
https://developer.vonage.com/en/messaging/sms/guides/delivery-receipts, https://developer.vonage.com/en/api-errors/messages,
https://developer.vonage.com/en/messages/concepts/messages-status-callbacks, https://developer.vonage.com/en/messaging/sms/guides/inbound-sms.
"""

import json
from typing import Any
from urllib.parse import parse_qsl

import pytest

from providers.feedback import keywords
from providers.feedback.base import Heard, Request
from providers.feedback.errors import BadSignature, FeedbackRefused, Malformed, NotSigned, NotSignedYet, TooOld, UnknownSender
from providers.feedback.twilio import TwilioCallbacks
from providers.feedback.vonage import VonageWebhooks
from providers.secret import Secret
from tests.emulators.webhooks import (
    ACCOUNT,
    MESSAGE,
    NOW,
    NOW_S,
    RECEIPT,
    REF,
    REJECTED,
    SID,
    STATUS,
    jwt,
    twilio,
    twilio_json,
    vonage,
    vonage_sms,
)

JWT_KEY = "qwertyuiopasdfghjklzxcvbnm123456"
INBOUND = {"AccountSid": ACCOUNT, "ApiVersion": "2010-04-01", "Body": "Hello", "From": "+15558675310", "FromCity": "SAN FRANCISCO"}
INBOUND |= {"MessageSid": SID, "NumMedia": "0", "NumSegments": "1", "SmsSid": SID, "SmsStatus": "received", "To": "+15550001111"}


def by_twilio(form: dict[str, str], **options: Any) -> Heard:
    (found,) = TwilioCallbacks(Secret("12345"), **options).parse(twilio(json.dumps(form).encode()), NOW).heard
    return found


def status(**changed: str) -> dict[str, str]:
    kept = {name: value for name, value in STATUS.items() if name != "ErrorCode"}
    return kept | changed


def test_a_status_callback() -> None:
    request = twilio(json.dumps(STATUS).encode())
    assert by_twilio(STATUS) == Heard(
        provider="twilio",
        kind="bounced",
        ref=REF,
        provider_message_id=SID,
        address="+15558675310",
        reason="unknown_number",
        detail="30005",
        occurred_at=NOW,
        event_id=f"{SID}/undelivered",
        raw=request.body,
    )


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("accepted", "accepted"),
        ("scheduled", "accepted"),
        ("queued", "accepted"),
        ("sending", "accepted"),
        ("sent", "sent"),
        ("delivered", "delivered"),
        ("read", "read"),
        ("undelivered", "failed"),
        ("failed", "failed"),
        ("canceled", "failed"),
        ("teleported", "other:teleported"),
    ],
)
def test_statuses(said: str, kind: str) -> None:
    assert by_twilio(status(MessageStatus=said)).kind == kind


@pytest.mark.parametrize(
    ("code", "kind", "reason"),
    [
        ("21211", "bounced", "invalid_number"),
        ("21214", "failed", "unreachable"),
        ("21217", "bounced", "invalid_number"),
        ("21610", "stopped", "opted_out"),
        ("21614", "bounced", "not_mobile"),
        ("21635", "bounced", "landline"),
        ("30003", "soft_bounced", "unreachable"),
        ("30004", "failed", "blocked"),
        ("30005", "bounced", "unknown_number"),
        ("30006", "bounced", "landline"),
        ("30007", "failed", "filtered"),
        ("30008", "soft_bounced", "undelivered"),
        ("30017", "soft_bounced", "carrier_busy"),
        ("30410", "soft_bounced", "carrier_silent"),
        ("63003", "failed", "not_on_channel"),
        ("63014", "stopped", "blocked_by_user"),
        ("63024", "failed", "not_on_channel"),
        ("63033", "stopped", "blocked_by_user"),
        ("30034", "failed", "twilio_30034"),
    ],
)
@pytest.mark.parametrize("said", ["failed", "undelivered"])
def test_errors(code: str, kind: str, reason: str, said: str) -> None:
    found = by_twilio(status(MessageStatus=said, ErrorCode=code))
    assert (found.kind, found.reason, found.detail) == (kind, reason, code)


def test_an_error_of_what_was_delivered_is_not_its_end() -> None:
    assert by_twilio(status(MessageStatus="delivered", ErrorCode="30005")).kind == "delivered"


def test_a_whatsapp_address_is_as_we_have_it() -> None:
    assert by_twilio(status(MessageStatus="read", To="whatsapp:+15558675310")).address == "+15558675310"


@pytest.mark.parametrize(
    ("changed", "kind"),
    [
        ({"Body": "Stop", "OptOutType": "STOP"}, "stopped"),
        ({"Body": "ARRET", "OptOutType": "STOP"}, "stopped"),
        ({"Body": "START", "OptOutType": "START"}, "started"),
        ({"Body": "HELP", "OptOutType": "HELP"}, "other:help"),
        ({"Body": " stop. "}, "stopped"),
        ({"Body": "UNSUBSCRIBE"}, "stopped"),
        ({"Body": "Unstop"}, "started"),
        ({"Body": "yes"}, "other:inbound"),
        ({"Body": "please stop"}, "other:inbound"),
        ({"Body": ""}, "other:inbound"),
        ({"Body": "STOP", "ButtonText": "STOP", "ButtonPayload": "stop"}, "stopped"),
        ({"Body": "From the Body shop: To From, with love. MessageSid"}, "other:inbound"),
        ({"Body": "Fromage"}, "other:inbound"),
    ],
)
def test_messages_from_people(changed: dict[str, str], kind: str) -> None:
    found = by_twilio(INBOUND | changed)
    assert (found.kind, found.address, found.ref, found.event_id) == (kind, "+15558675310", "", SID)


def test_a_stop_that_goes_on_is_none() -> None:
    """What looks like a parameter after `Body` may have been its text."""
    assert by_twilio(INBOUND | {"Body": "STOP ", "Calling": " me"}).kind == "other:inbound"


@pytest.mark.parametrize(
    "changed",
    [
        {"ApiVersion": "2010-04-01ErrorCode30005"},
        {"ApiVersion": "2010-04-01Error", "Code30005": ""},
        {"ApiVersionErrorCode": "30005"},
        {"ErrorCode3": "0005"},
        {"ErrorCode": "unknown"},
        {"AccountSid": ACCOUNT + "x"},
        {"AccountSid": ACCOUNT[:-1]},
        {"MessageSid": SID[:-1]},
        {"MessageStatus": "delivered!"},
        {"MessageStatus": "undeliveredSmsSid"},
        {"To": "+15558675310Zed"},
        {"To": ""},
        {"Abc": ""},
        {"": "x"},
    ],
)
def test_what_could_be_read_in_two_ways_is_malformed(changed: dict[str, str]) -> None:
    with pytest.raises(Malformed):
        by_twilio(status() | changed)


def test_a_callback_is_whole() -> None:
    for whole, missing in ((status(), ("AccountSid", "MessageSid", "To")), (INBOUND, ("AccountSid", "MessageSid", "From", "Body"))):
        for one in missing:
            with pytest.raises(Malformed):
                by_twilio({name: value for name, value in whole.items() if name != one})


def test_what_never_had_a_sender_has_none() -> None:
    """Nobody of the messaging service could send it."""
    assert by_twilio({name: value for name, value in status(ErrorCode="21703").items() if name != "From"}).reason == "twilio_21703"


def test_new_parameters_are_taken_as_they_come() -> None:
    assert by_twilio(status(RawDlrDoneDate="2605030309", ChannelInstallSid="XE1", Mcc="310", Zoo="1")).kind == "failed"


def test_only_our_accounts() -> None:
    assert by_twilio(STATUS, accounts=(ACCOUNT,)).kind == "bounced"
    with pytest.raises(UnknownSender):
        by_twilio(STATUS, accounts=(ACCOUNT.replace("f", "e"),))
    with pytest.raises(UnknownSender):
        TwilioCallbacks(Secret("12345"), accounts=(ACCOUNT,)).parse(twilio_json(b"[{}]"), NOW)


def test_a_parameter_that_is_there_twice_is_malformed() -> None:
    request = twilio(json.dumps(STATUS).encode())
    for twice in (
        Request(request.headers, request.body + b"&To=%2B15558675310", request.url),
        Request(request.headers, request.body, request.url + f"&ref={REF}"),
    ):
        with pytest.raises(Malformed):
            TwilioCallbacks(Secret("12345")).parse(twice, NOW)


def test_another_url_is_not_the_one_that_was_signed() -> None:
    request = twilio(json.dumps(STATUS).encode())
    for url in (request.url + "0", request.url.replace("-17-0", "-18-0"), request.url.replace("notify", "n0tify"), ""):
        with pytest.raises(FeedbackRefused):
            TwilioCallbacks(Secret("12345")).parse(Request(request.headers, request.body, url), NOW)


def test_event_streams() -> None:
    data = {
        "messageSid": SID,
        "messageStatus": "UNDELIVERED",
        "to": "+15558675310",
        "errorCode": 30006,
        "timestamp": "2026-05-03T03:09:30Z",
    }
    events = [
        {
            "type": "com.twilio.messaging.message.undelivered",
            "id": "EZ1",
            "data": data | {"statusCallBackUrl": f"https://n.example/?ref={REF}"},
        },
        {"type": "com.twilio.messaging.inbound-message.received", "id": "EZ2", "data": {"body": "hi"}},
    ]
    first, second = TwilioCallbacks(Secret("12345")).parse(twilio_json(json.dumps(events).encode()), NOW).heard
    assert (first.kind, first.reason, first.ref, first.occurred_at) == ("bounced", "landline", REF, 1_777_777_770_000)
    assert (second.kind, second.event_id) == ("other:com.twilio.messaging.inbound-message.received", "EZ2")


def by_vonage(said: dict[str, Any], **claims: Any) -> Heard:
    (found,) = VonageWebhooks(Secret(JWT_KEY)).parse(vonage(json.dumps(said).encode(), **claims), NOW).heard
    return found


def by_sms(**changed: str) -> Heard:
    (found,) = VonageWebhooks(Secret("secret"), method="sha512").parse(vonage_sms(json.dumps(RECEIPT | changed).encode()), NOW).heard
    return found


def test_a_message_status() -> None:
    assert by_vonage(REJECTED) == Heard(
        provider="vonage",
        kind="bounced",
        ref=REF,
        provider_message_id=MESSAGE["message_uuid"],
        address="+447700900000",
        reason="absent_permanently",
        detail="Absent Subscriber Permanent",
        occurred_at=1_777_777_770_000,
        event_id=f"{MESSAGE['message_uuid']}/rejected",
        raw=json.dumps(REJECTED).encode(),
    )


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("submitted", "sent"),
        ("delivered", "delivered"),
        ("read", "read"),
        ("rejected", "failed"),
        ("undeliverable", "soft_bounced"),
        ("lost", "other:lost"),
    ],
)
def test_message_statuses(said: str, kind: str) -> None:
    found = by_vonage(MESSAGE | {"status": said})
    assert (found.kind, found.ref) == (kind, REF)


FAILED = (
    "1000 1010 1020 1021 1022 1040 1060 1070 1080 1090 1120 1130 1140 1150 1160 1200 1210 1241 1242 1250 1251 1260 1270 1280 1282 1290 "
    "1310 1320 1330 1340 1350 1370 1380 1381 1382 1400 1410 1420 1431 1440 1450 1451 1460 1470 1472 1473 1474 1475 1476 1480 1481 1482 "
    "1483 1484 2001 2002 9999"
)
MESSAGE_CODES = {
    "bounced": "1050 1170 1190 1300 1430 2003",
    "stopped": "1240",
    "soft_bounced": "1030 1100 1180 1220 1230 1331 1360 1461",
    "other:segment_timeout": "1490",
    "failed": FAILED,
}
"""All 72 documented codes, and one that is not."""


@pytest.mark.parametrize(("code", "kind"), [(code, kind) for kind, codes in MESSAGE_CODES.items() for code in codes.split()])
def test_message_errors(code: str, kind: str) -> None:
    by_title = by_vonage(MESSAGE | {"error": {"title": int(code), "detail": "words"}})
    by_type = by_vonage(MESSAGE | {"error": {"type": f"https://developer.vonage.com/api-errors/messages#{code}", "title": "Words"}})
    assert by_title.kind == by_type.kind == kind
    assert by_title.reason


def test_all_documented_message_errors_are_there() -> None:
    assert sum(len(codes.split()) for codes in MESSAGE_CODES.values()) == 73


@pytest.mark.parametrize(
    ("said", "code", "kind", "reason"),
    [
        ("delivered", "0", "delivered", ""),
        ("accepted", "0", "accepted", "accepted"),
        ("buffered", "0", "deferred", "buffered"),
        ("expired", "0", "soft_bounced", "expired"),
        ("unknown", "0", "other:unknown", "unknown"),
        ("failed", "1", "soft_bounced", "unknown"),
        ("failed", "2", "soft_bounced", "absent_temporarily"),
        ("failed", "3", "bounced", "absent_permanently"),
        ("failed", "4", "bounced", "barred_by_user"),
        ("failed", "5", "failed", "portability"),
        ("rejected", "6", "failed", "anti_spam"),
        ("failed", "7", "soft_bounced", "handset_busy"),
        ("failed", "8", "soft_bounced", "network_error"),
        ("rejected", "9", "stopped", "opted_out"),
        ("failed", "10", "failed", "illegal_message"),
        ("failed", "11", "failed", "unroutable"),
        ("failed", "12", "failed", "destination_unreachable"),
        ("failed", "13", "failed", "age_restriction"),
        ("failed", "14", "failed", "blocked_by_carrier"),
        ("failed", "15", "failed", "prepaid_insufficient_funds"),
        ("failed", "99", "failed", "general_error"),
        ("expired", "2", "soft_bounced", "absent_temporarily"),
        ("undelivered", "0", "failed", "undelivered"),
        ("failed", "77", "failed", "vonage_77"),
    ],
)
def test_receipts(said: str, code: str, kind: str, reason: str) -> None:
    found = by_sms(**{"status": said, "err-code": code})
    assert (found.kind, found.reason, found.ref, found.address) == (kind, reason, REF, "+447700900000")
    assert found.occurred_at == 1_777_777_770_000


@pytest.mark.parametrize(("text", "kind"), [("STOP", "stopped"), ("stop", "stopped"), ("Start", "started"), ("STOP IT", "other:inbound")])
def test_messages_to_vonage(text: str, kind: str) -> None:
    inbound = {"channel": "sms", "message_uuid": "u", "to": "447700900001", "from": "447700900000", "text": text, "message_type": "text"}
    found = by_vonage(inbound)
    assert (found.kind, found.address, found.detail) == (kind, "+447700900000", text)
    told = {"msisdn": "447700900000", "to": "447700900001", "messageId": "0A", "text": text, "type": "text", "keyword": text.split()[0]}
    (found,) = VonageWebhooks(Secret("secret"), method="sha512").parse(vonage_sms(json.dumps(told).encode()), NOW).heard
    assert (found.kind, found.address) == (kind, "+447700900000")


@pytest.mark.parametrize("field", ["status", "err-code", "msisdn", "client-ref", "messageId"])
@pytest.mark.parametrize("sign", ["&", "="])
def test_a_sign_that_is_not_signed_is_refused_where_it_means_something(field: str, sign: str) -> None:
    with pytest.raises(Malformed):
        by_sms(**{field: f"a{sign}b"})
    assert by_sms(text=f"a{sign}b").detail


def test_a_key_does_not_hold_another() -> None:
    with pytest.raises(Malformed):
        by_sms(**{"a=1&b": "2"})


def test_a_receipt_as_json() -> None:
    told = dict(parse_qsl(vonage_sms(json.dumps(RECEIPT).encode()).body.decode()))
    parser = VonageWebhooks(Secret("secret"), method="sha512")
    assert parser.parse(Request([], json.dumps(told).encode()), NOW).heard[0].kind == "bounced"


@pytest.mark.parametrize("method", ["md5hash", "md5", "sha1", "sha256"])
def test_the_method_is_the_accounts(method: Any) -> None:
    with pytest.raises(BadSignature):
        VonageWebhooks(Secret("secret"), method=method).parse(vonage_sms(json.dumps(RECEIPT).encode()), NOW)


def test_an_unsigned_callback_may_be_signed_when_it_is_sent_again() -> None:
    for body in (json.dumps(MESSAGE).encode(), json.dumps({"usage": {}}).encode(), b"status=delivered", b""):
        with pytest.raises(NotSignedYet) as caught:
            VonageWebhooks(Secret(JWT_KEY)).parse(Request([], body), NOW)
        assert caught.value.again


def test_tokens_that_are_not_vonages() -> None:
    body = json.dumps(MESSAGE).encode()
    claims = {"iat": NOW_S, "payload_hash": "0" * 64}
    cases: list[tuple[str, type[FeedbackRefused]]] = [
        (jwt(claims, JWT_KEY, {"alg": "none"}), BadSignature),
        (jwt(claims, JWT_KEY, {"alg": "HS512"}), BadSignature),
        (jwt(claims, JWT_KEY, {"alg": "HS256", "crit": ["b64"], "b64": False}), BadSignature),
        (jwt(claims, JWT_KEY), BadSignature),
        (jwt({"iat": NOW_S}, JWT_KEY), NotSigned),
        (jwt({"payload_hash": "0" * 64}, JWT_KEY), NotSigned),
        (jwt({"payload_hash": "0" * 64, "iat": True}, JWT_KEY), NotSigned),
        ("a.b", NotSigned),
        ("a.b.c.d", NotSigned),
        ("", NotSigned),
    ]
    for token, refusal in cases:
        with pytest.raises(refusal):
            VonageWebhooks(Secret(JWT_KEY)).parse(Request([("Authorization", f"Bearer {token}")], body), NOW)
    good = vonage(body).headers[0][1]
    for header in (good.replace("Bearer ", ""), good.replace("Bearer", "Basic"), good + "=", good + " "):
        with pytest.raises(FeedbackRefused):
            VonageWebhooks(Secret(JWT_KEY)).parse(Request([("Authorization", header)], body), NOW)


def test_a_token_that_has_expired() -> None:
    by_vonage(MESSAGE, exp=NOW_S + 1)
    with pytest.raises(TooOld):
        by_vonage(MESSAGE, exp=NOW_S - 1)


def test_only_our_keys() -> None:
    parser = VonageWebhooks(Secret(JWT_KEY), accounts=("a1b2c3d",))
    assert parser.parse(vonage(json.dumps(MESSAGE).encode()), NOW).heard
    with pytest.raises(UnknownSender):
        parser.parse(vonage(json.dumps(MESSAGE).encode(), api_key="other"), NOW)


def test_keywords() -> None:
    assert {keywords.said(word) for word in ("stop", "STOPALL", "Unsubscribe", "cancel", "END", "quit", "revoke", "OptOut")} == {"stopped"}
    assert {keywords.said(word) for word in ("start", "UNSTOP")} == {"started"}
    assert {keywords.said(word) for word in ("", "stopp", "st op", "no", "don't stop")} == {""}
