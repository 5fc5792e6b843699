"""Twilio's documented answers are what they mean; requests are the ones its documentation shows."""

from base64 import b64decode
from typing import Any
from urllib.parse import parse_qs, parse_qsl

import httpx
import msgspec
import pytest

from providers.base import Accepted, Message, Outcome, Rejected, Throttled, Unavailable, Unknown, Unsupported
from providers.errors import DeclarationError, RegistryError
from providers.registry import load, routes_of
from providers.secret import Secret
from providers.twilio import Twilio, WhatsAppTemplate
from providers.twilio_codes import CODES
from schemas.records import SmsOverrides

ACCOUNT = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
PLAIN = Message(message_id="b.0.0", notification_id="n", user_id="u", address="+15558675310", body="Hi there", ref="3.b.0.0")
CREATED = {  # https://www.twilio.com/docs/messaging/api/message-resource#create-a-message-resource
    "account_sid": ACCOUNT,
    "api_version": "2010-04-01",
    "body": "Hi there",
    "direction": "outbound-api",
    "error_code": None,
    "error_message": None,
    "from": "+15017122661",
    "num_media": "0",
    "num_segments": "1",
    "sid": "SMaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "status": "queued",
    "to": "+15558675310",
}


def twilio(**options: Any) -> Twilio:
    return Twilio("sms", ACCOUNT, Secret("token"), **{"sender": "+15017122661"} | options)


def form(provider: Twilio, message: Message) -> dict[str, list[str]]:
    return parse_qs(provider.build([message]).content.decode(), keep_blank_values=True)


def read(status: int, body: Any, headers: dict[str, str] | None = None) -> Outcome:
    (outcome,) = twilio().parse([PLAIN], httpx.Response(status, json=body, headers=headers))
    return outcome


def with_media(*urls: str) -> Message:
    return msgspec.structs.replace(PLAIN, sms=SmsOverrides(media=list(urls)))


def test_the_published_example() -> None:
    """https://www.twilio.com/docs/messaging/tutorials/how-to-send-sms-messages, curl."""
    request = twilio().build([PLAIN])
    assert (request.method, str(request.url)) == ("POST", f"https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT}/Messages.json")
    assert sorted(parse_qsl(request.content.decode())) == [("Body", "Hi there"), ("From", "+15017122661"), ("To", "+15558675310")]
    assert b64decode(request.headers["authorization"].removeprefix("Basic ")) == f"{ACCOUNT}:token".encode()


def test_an_api_key_signs_in_with_its_own_sid_for_the_account() -> None:
    request = twilio(api_key_sid="SK1").build([PLAIN])
    assert request.headers["authorization"] == "Basic U0sxOnRva2Vu"
    assert ACCOUNT in str(request.url)


def test_a_service_picks_the_sender_unless_there_is_one() -> None:
    fields = form(twilio(sender="", messaging_service_sid="MG1"), PLAIN)
    assert (fields["MessagingServiceSid"], "From" in fields) == (["MG1"], False)
    fields = form(twilio(messaging_service_sid="MG1"), PLAIN)
    assert (fields["MessagingServiceSid"], fields["From"]) == (["MG1"], ["+15017122661"])
    with pytest.raises(DeclarationError, match="sender or messaging_service_sid must be given"):
        twilio(sender="")


def test_the_callback_keeps_its_own_parameters() -> None:
    (url,) = form(twilio(callback_url="https://x.example/f?a=1&b=%C3%A9"), PLAIN)["StatusCallback"]
    assert parse_qs(httpx.URL(url).query.decode()) == {"a": ["1"], "b": ["é"], "ref": ["3.b.0.0"]}
    assert twilio(callback_url="https://x.example/f").declaration.feedback == "webhook"
    assert twilio().declaration.feedback == "sync"


@pytest.mark.parametrize(
    ("expires_at", "seconds"),
    [(None, None), (1_000_000, "1"), (999_000, "1"), (1_006_999, "6"), (37_000_000, "36000"), (99_000_000, "36000")],
)
def test_the_time_to_live_is_within_what_twilio_takes(expires_at: int | None, seconds: str | None) -> None:
    message = msgspec.structs.replace(PLAIN, sent_at=1_000_000, expires_at=expires_at)
    assert form(twilio(), message).get("ValidityPeriod", [None]) == [seconds]


@pytest.mark.parametrize("address", ["", "nobody", "+1 555\r\nX: y", "é" * 300, "\x00"])
def test_no_address_makes_it_raise(address: str) -> None:
    assert form(twilio(), msgspec.structs.replace(PLAIN, address=address)).get("To", [""]) == [address]


def test_text_and_media_arrive_as_they_are() -> None:
    message = msgspec.structs.replace(with_media("https://x.example/a?b=c&d", "https://x.example/é"), body="50 % & 1+1 = 2 😀\n")
    fields = form(twilio(), message)
    assert (fields["Body"], fields["MediaUrl"]) == ([message.body], message.sms.media)


def test_whatsapp_has_its_prefix_at_both_ends() -> None:
    """https://www.twilio.com/docs/whatsapp/api: From=whatsapp:+14155238886, To=whatsapp:+15005550006."""
    fields = form(twilio(whatsapp=True, sender="+14155238886"), PLAIN)
    assert (fields["From"], fields["To"]) == (["whatsapp:+14155238886"], ["whatsapp:+15558675310"])
    assert fields["Body"] == ["Hi there"]


TEMPLATES = {"orders": WhatsAppTemplate("HX1", ["when", "where"]), "news": WhatsAppTemplate("HX2")}


def test_a_whatsapp_template_takes_the_place_of_the_text() -> None:
    provider = twilio(whatsapp=True, templates=TEMPLATES)
    fields = form(provider, msgspec.structs.replace(PLAIN, category="orders", data={"where": "the door", "when": "noon", "more": "x"}))
    assert (fields["ContentSid"], fields["ContentVariables"]) == (["HX1"], ['{"1":"noon","2":"the door"}'])
    assert "Body" not in fields
    fields = form(provider, msgspec.structs.replace(PLAIN, category="news"))
    assert (fields["ContentSid"], "ContentVariables" in fields) == (["HX2"], False)


def test_what_a_whatsapp_template_can_not_do_is_said() -> None:
    provider = twilio(whatsapp=True, templates=TEMPLATES)
    assert provider.refused(msgspec.structs.replace(PLAIN, category="orders", data={"when": "noon"})) == Rejected(
        "variables_missing", "template HX1 needs where"
    )
    assert isinstance(provider.refused(msgspec.structs.replace(with_media("https://x.example/a"), category="news")), Unsupported)
    assert provider.refused(with_media("https://x.example/a")) is None


def test_templates_come_from_the_configuration() -> None:
    options = {"account_sid": ACCOUNT, "secret": "token", "sender": "+1", "whatsapp": True}
    line = {"kind": "twilio", "options": options | {"templates": {"news": {"sid": "HX2", "variables": ["name"]}}}}
    (route,) = routes_of(load({"channels": {"sms": [line]}}), "sms").values()
    message = msgspec.structs.replace(PLAIN, category="news", data={"name": "Ann"})
    assert isinstance(route.provider, Twilio)
    assert form(route.provider, message)["ContentSid"] == ["HX2"]
    with pytest.raises(RegistryError, match=r"unknown field `lang` - at `\$.templates"):
        load({"channels": {"sms": [line | {"options": options | {"templates": {"news": {"sid": "HX2", "lang": "de"}}}}]}})


@pytest.mark.parametrize(
    ("body", "segments", "outcome"),
    [
        ("a" * 306, 2, None),
        ("a" * 307, 2, Rejected("too_long", "3 segments, 2 are allowed")),
        ("ç" * 71, 1, Rejected("too_long", "2 segments, 1 are allowed")),
        ("ç" * 5000, None, None),
    ],
)
def test_a_text_of_too_many_segments_is_refused(body: str, segments: int | None, outcome: Outcome | None) -> None:
    provider = twilio(max_segments=segments)
    assert provider.refused(msgspec.structs.replace(PLAIN, body=body)) == outcome
    assert provider.refused(msgspec.structs.replace(with_media("https://x.example/a"), body=body)) is None


def test_eleven_files_are_refused() -> None:
    assert twilio().refused(with_media(*["https://x.example/a"] * 10)) is None
    assert twilio().refused(with_media(*["https://x.example/a"] * 11)) == Rejected("too_many_media", "11 media files, 10 are allowed")


@pytest.mark.parametrize("status", ["queued", "accepted", "sending", "sent", "scheduled"])
def test_created_is_accepted(status: str) -> None:
    assert read(201, CREATED | {"status": status}) == Accepted("SMaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")


def test_created_and_failed_at_once_is_what_its_code_says() -> None:
    outcome = read(201, CREATED | {"status": "failed", "error_code": 30006, "error_message": "Landline"})
    assert outcome == Rejected("landline", "Landline", address_dead=True)
    assert read(201, CREATED | {"status": "failed", "error_code": 99999}) == Rejected("twilio_99999", "")


DEAD = Rejected("", address_dead=True)
NO, ELSEWHERE, LATER, DOWN, OURS, OPEN = Rejected(""), Unsupported(""), Throttled(), Unavailable(), Unavailable(config=True), Unknown()
DOCUMENTED: list[tuple[int, int, str, Outcome]] = [
    (401, 20003, "Permission Denied", OURS),
    (403, 20005, "Account not active", OURS),
    (403, 20006, "Access Denied", OURS),
    (403, 20008, "Test Credentials", OURS),
    (403, 20010, "Action disabled for account", OURS),
    (404, 20404, "The requested resource was not found", OURS),
    (429, 20429, "Too Many Requests", LATER),
    (500, 20500, "Internal Server Error", DOWN),
    (503, 20503, "Service unavailable", DOWN),
    (400, 21211, "Invalid 'To' Phone Number", DEAD),
    (400, 21212, "Invalid From Number (caller ID)", OURS),
    (400, 21214, "'To' phone number cannot be reached", NO),
    (400, 21217, "Phone number does not appear to be valid", DEAD),
    (400, 21401, "Invalid Phone Number", DEAD),
    (403, 21408, "Permission to send an SMS has not been enabled for the region indicated by the 'To' number", ELSEWHERE),
    (400, 21601, "Phone number is not a valid SMS-capable inbound phone number", OURS),
    (400, 21602, "Message body is required", NO),
    (400, 21603, "A 'From' or 'MessagingServiceSid' parameter is required to send a message", OURS),
    (400, 21604, "The destination 'To' phone number is required to send an SMS", NO),
    (400, 21606, "The 'From' phone number provided is not a valid message-capable Twilio phone number", OURS),
    (400, 21608, "The 'to' phone number provided is not yet verified for this account", OURS),
    (400, 21609, "Invalid 'StatusCallback'", OURS),
    (400, 21610, "Attempt to send to unsubscribed recipient", DEAD),
    (429, 21611, "This 'From' number has exceeded the maximum number of queued messages", LATER),
    (400, 21612, "The 'To' phone number is not currently reachable via SMS", ELSEWHERE),
    (400, 21614, "'To' number is not a valid mobile number", DEAD),
    (400, 21617, "The concatenated message body exceeds the 1600 character limit", NO),
    (400, 21619, "A text message body or media urls must be specified", NO),
    (400, 21620, "Invalid media URL(s)", NO),
    (400, 21623, "Number of media files exceeds allowed limit", NO),
    (400, 21635, "'To' number cannot be a landline", DEAD),
    (400, 21656, "The ContentVariables Parameter is invalid", NO),
    (400, 21660, "Mismatch between the 'From' number and the account", OURS),
    (400, 21703, "The Messaging Service does not have a phone number available to send a message", ELSEWHERE),
    (400, 21730, "System under maintenance. Please try again later.", DOWN),
    (400, 30001, "Queue overflow", LATER),
    (400, 30002, "Account suspended", OURS),
    (400, 30003, "Unreachable destination handset", NO),
    (400, 30004, "Message blocked", NO),
    (400, 30005, "Unknown destination handset", DEAD),
    (400, 30006, "Landline or unreachable carrier", DEAD),
    (400, 30007, "Message filtered", NO),
    (400, 30008, "Unknown error", NO),
    (400, 30009, "Missing inbound segment", NO),
    (400, 30010, "Message price exceeds max price", NO),
    (400, 30022, "US A2P 10DLC - Rate Limits Exceeded", LATER),
    (400, 30023, "US A2P 10DLC - Daily Message Cap Reached", LATER),
    (400, 30024, "Numeric Sender ID Not Provisioned on Carrier", OURS),
    (400, 30034, "US A2P 10DLC - Message from an Unregistered Number", OURS),
    (400, 30036, "Validity Period Expired", NO),
    (400, 30410, "Provider Timeout Error", OPEN),
    (400, 63001, "Channel could not authenticate the request", OURS),
    (400, 63003, "Channel could not find To address", NO),
    (400, 63005, "Channel did not accept given content", NO),
    (400, 63007, "Twilio could not find a Channel with the specified From address", OURS),
    (400, 63013, "Channel policy violation", NO),
    (400, 63014, "Channel message blocked by user action", DEAD),
    (400, 63016, "Failed to send freeform message because you are outside the allowed window", NO),
    (400, 63018, "Rate limit exceeded for Channel", LATER),
    (400, 63024, "Invalid message recipient", NO),
    (400, 63032, "We cannot send this message to this user because of a WhatsApp limitation", NO),
]
"""HTTP status, code and message of https://www.twilio.com/docs/api/errors, and what must come of it."""


@pytest.mark.parametrize(("status", "code", "says", "expected"), DOCUMENTED, ids=[str(code) for _, code, _, _ in DOCUMENTED])
def test_a_documented_code_is_an_outcome(status: int, code: int, says: str, expected: Outcome) -> None:
    body = {"code": code, "message": says, "more_info": f"https://www.twilio.com/docs/errors/{code}", "status": status}
    outcome = read(status, body, {"Retry-After": "2"})
    assert type(outcome) is type(expected)
    assert getattr(outcome, "address_dead", False) == getattr(expected, "address_dead", False)
    assert getattr(outcome, "config", False) == getattr(expected, "config", False)
    assert says in outcome.detail  # type: ignore[union-attr]
    assert getattr(outcome, "retry_after_ms", 2_000) == 2_000


def test_every_code_has_a_reason_and_words() -> None:
    assert [code for code, (_, reason, says) in CODES.items() if not reason.isidentifier() or not reason.islower() or not says] == []


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (400, {"code": 12345, "message": "new", "status": 400}, Rejected),
        (401, {"detail": "no code"}, Unavailable),
        (500, {"code": None}, Unavailable),
        (504, {}, Unknown),
        (429, "busy", Throttled),
        (201, {"status": "queued"}, Unknown),
        (200, {}, Unknown),
    ],
)
def test_without_a_known_code_the_status_says_it(status: int, body: Any, expected: type[Outcome]) -> None:
    assert type(read(status, body)) is expected
