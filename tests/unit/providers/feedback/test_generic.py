"""Slack, Standard Webhooks, the window of what was seen, reading, and the registry."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.errors import RegistryError
from providers.feedback import mailgun, reading, registry, sendgrid, ses, twilio_codes, vonage_codes
from providers.feedback.base import KINDS, Challenge, Heard, Reading, Request
from providers.feedback.errors import BadSecret, BadSignature, Malformed, Replayed
from providers.feedback.seen import Seen
from providers.feedback.signing import from_base64, from_base64url
from providers.feedback.slack import Slack
from providers.feedback.standard import StandardWebhooks
from providers.secret import Secret
from providers.secret_files import Variables
from tests.emulators import certificates
from tests.emulators.webhooks import NOW, NOW_S, REF, SENT, TOPIC, sendgrid_public, slack, standard

SLACK = Slack(Secret("8f742231b10e8888abcd99yyyzzz85a5"))
STANDARD_KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def by_slack(said: dict[str, Any]) -> Heard:
    (found,) = SLACK.parse(slack(json.dumps(said).encode()), NOW).heard
    return found


def test_slack_asks_whether_the_url_is_ours() -> None:
    """https://docs.slack.dev/reference/events/url_verification"""
    challenge = "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P"
    body = json.dumps({"token": "Jhj5dZrVaK7ZwHHjRyZWjbDl", "challenge": challenge, "type": "url_verification"}).encode()
    answered = SLACK.parse(slack(body), NOW)
    assert (answered.answer, answered.heard) == (Challenge(challenge), ())


def test_slacks_event() -> None:
    """https://docs.slack.dev/apis/events-api/#callback-field"""
    event = {"type": "reaction_added", "user": "U061F1EUR", "item": {"type": "message", "channel": "C1", "ts": "1464196127.000002"}}
    found = by_slack({"type": "event_callback", "event": event, "event_id": "Ev9UQ52YNA", "event_time": 1234567890})
    assert (found.kind, found.event_id, found.occurred_at) == ("other:reaction_added", "Ev9UQ52YNA", 1_234_567_890_000)
    assert found.provider_message_id == "1464196127.000002"


def test_a_message_of_ours_has_its_ref_in_its_metadata() -> None:
    metadata = {"event_type": "carillon", "event_payload": {"ref": REF}}
    assert by_slack({"type": "event_callback", "event": {"type": "message", "channel": "C1", "metadata": metadata}}).ref == REF


def test_an_interaction_is_json_in_a_form() -> None:
    said = {"type": "block_actions", "channel": {"id": "C1"}, "message": {"ts": "1.2"}}
    body = b"payload=" + json.dumps(said).replace(" ", "+").encode().replace(b'"', b"%22")
    (found,) = SLACK.parse(slack(body), NOW).heard
    assert (found.kind, found.address, found.provider_message_id) == ("other:block_actions", "C1", "1.2")


@pytest.mark.parametrize("body", [b"", b"x", b"payload=1", b"{", b"\xff=1"])
def test_slacks_body_is_json_or_a_form(body: bytes) -> None:
    with pytest.raises(Malformed):
        SLACK.parse(slack(body), NOW)


def by_standard(said: Any, **options: Any) -> Heard:
    (found,) = StandardWebhooks(Secret(STANDARD_KEY), **options).parse(standard(json.dumps(said).encode()), NOW).heard
    return found


def test_a_standard_webhook() -> None:
    assert by_standard(SENT) == Heard(
        provider="standard",
        kind="bounced",
        ref=REF,
        address="ann@example.com",
        occurred_at=1_777_777_770_000,
        event_id="msg_1",
        raw=json.dumps(SENT).encode(),
    )


@pytest.mark.parametrize(
    ("named", "kind"),
    [
        ("email.delivered", "delivered"),
        ("delivered", "delivered"),
        ("message.attempt.exhausted", "failed"),
        ("invoice.paid", "other:invoice.paid"),
        ("", "other:"),
    ],
)
def test_types_are_the_senders(named: str, kind: str) -> None:
    assert by_standard({**SENT, "type": named}, kinds={"message.attempt.exhausted": "failed"}).kind == kind


def test_kinds_are_ours() -> None:
    with pytest.raises(ValueError, match="exploded"):
        StandardWebhooks(Secret(STANDARD_KEY), kinds={"x": "exploded"})


@pytest.mark.parametrize("sent_id", ["", "msg.1"])
def test_an_id_does_not_run_into_the_time(sent_id: str) -> None:
    with pytest.raises(Malformed):
        StandardWebhooks(Secret(STANDARD_KEY)).parse(standard(b"{}", sent_id=sent_id), NOW)


@pytest.mark.parametrize("secret", ["", " ", "whsec_", "whsec_*"])
def test_a_secret_of_ours_that_is_none_is_said_to_be_ours(secret: str) -> None:
    with pytest.raises(BadSecret):
        StandardWebhooks(Secret(secret)).parse(standard(b"{}"), NOW)


def read(signed_id: str, content: bytes = b"c") -> Reading:
    return Reading(signed_id, content)


def test_the_window_forgets_what_is_too_old_to_come_again() -> None:
    seen = Seen(1000)
    seen.put("p", read("a"), 0)
    assert seen.look("p", read("a"), 1000) == "repeated"
    assert seen.look("p", read("a"), 1001) == "new"
    assert len(seen) == 0


def test_the_window_is_bounded() -> None:
    seen = Seen(1000, most=3)
    for number in range(5):
        seen.put("p", read(str(number)), number)
    assert [seen.look("p", read(str(number)), 5) for number in range(5)] == ["new", "new", "repeated", "repeated", "repeated"]


def test_what_is_put_again_is_known_longer() -> None:
    seen = Seen(1000, most=2)
    for signed_id, at in (("a", 0), ("b", 1), ("a", 2), ("c", 3)):
        seen.put("p", read(signed_id), at)
    assert (seen.look("p", read("a"), 1002), seen.look("p", read("b"), 900)) == ("repeated", "new")


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from([b"x", b"y"]), st.integers(0, 400)), max_size=40))
def test_an_id_never_has_two_contents(asked: list[tuple[str, bytes, int]]) -> None:
    """Against what is written plainly: who was put within the last 1000 ms, and with what."""
    seen, had, now = Seen(1000), dict[str, tuple[bytes, int]](), 0
    for signed_id, content, later in asked:
        now += later
        content_had, since = had.get(signed_id, (b"", -5000))
        if now - since > 1000:
            assert seen.look("p", read(signed_id, content), now) == "new"
            seen.put("p", read(signed_id, content), now)
            had[signed_id] = content, now
        elif content_had == content:
            assert seen.look("p", read(signed_id, content), now) == "repeated"
        else:
            with pytest.raises(Replayed):
                seen.look("p", read(signed_id, content), now)


@pytest.mark.parametrize("text", ["QQ", "QR==", "Q Q=", "QQ==\n", "QQ===", "_w==", "é", "QQ="])
def test_base64_has_one_spelling(text: str) -> None:
    assert from_base64("QQ==", "x") == b"A"
    with pytest.raises(Malformed):
        from_base64(text, "x")


@pytest.mark.parametrize("text", ["QQ==", "QR", "Q", "+w", "é", "Q Q"])
def test_base64url_has_one_spelling(text: str) -> None:
    assert from_base64url("QQ", "x") == b"A"
    with pytest.raises(Malformed):
        from_base64url(text, "x")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("NoEmail", "no_email"),
        ("Spam Reporting Address", "spam_reporting_address"),
        ("suppress-bounce", "suppress_bounce"),
        ("", ""),
        ("--", ""),
    ],
)
def test_reasons_are_lower_case(text: str, expected: str) -> None:
    assert reading.code(text) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-05-03T03:09:30Z", 1_777_777_770_000),
        ("2026-05-03T05:09:30.5+02:00", 1_777_777_770_500),
        ("2026-05-03 03:09:30", 1_777_777_770_000),
        ("soon", 7),
        (None, 7),
        (1, 7),
        ("1900-01-01T00:00:00Z", 7),
        ("9999-12-31T23:59:59-23:00", 7),
    ],
)
def test_times(value: Any, expected: int) -> None:
    assert reading.ms_of_iso(value, 7) == expected


def test_every_kind_a_parser_names_is_one_of_ours() -> None:
    plain = [
        mailgun.KINDS,
        mailgun.DROPPED,
        sendgrid.KINDS,
        sendgrid.DROPPED,
        ses.KINDS,
        ses.BOUNCES,
        ses.BOUNCE_TYPES,
        twilio_codes.STATUSES,
    ]
    plain += [twilio_codes.STATUSES, vonage_codes.MESSAGE_STATUSES, vonage_codes.RECEIPT_STATUSES]
    ends = [twilio_codes.ENDS, vonage_codes.RECEIPT_ERRORS, vonage_codes.MESSAGE_ERRORS]
    named = {kind for table in plain for kind in table.values()} | {kind for table in ends for kind, _ in table.values()}
    assert {kind for kind in named if not kind.startswith("other:")} <= KINDS


CONFIG = {
    "sendgrid": {"options": {"verification_key": "${SENDGRID}"}},
    "ses-eu": {"kind": "ses", "options": {"topics": [TOPIC], "roots": "${ROOTS}"}},
    "partner": {"kind": "standard", "options": {"secret": "${NEW} ${OLD:-}", "channel": "push", "kinds": {"x.y": "delivered"}}},
    "vonage": {"options": {"signature_secret": "${NEW}", "method": "sha512", "accounts": ["a"], "tolerance_s": 600}},
}
VARIABLES = {"SENDGRID": sendgrid_public(), "ROOTS": certificates.pem(certificates.authority()), "NEW": STANDARD_KEY}


def test_the_registry() -> None:
    parsers = registry.load(CONFIG, VARIABLES)
    assert {name: (parser.name, parser.channel, parser.tolerance_s) for name, parser in parsers.items()} == {
        "sendgrid": ("sendgrid", "email", 86_700),
        "ses-eu": ("ses-eu", "email", 3_900),
        "partner": ("partner", "push", 300),
        "vonage": ("vonage", "sms", 600),
    }
    assert STANDARD_KEY not in repr(vars(parsers["partner"]))


@pytest.mark.parametrize(
    ("name", "line", "says"),
    [
        ("nobody", {}, "no 'nobody'"),
        ("x", {"kind": "slack", "option": {}}, "option"),
        ("slack", {}, "signing_secret"),
        ("slack", {"options": {"signing_secret": "${MISSING}"}}, "MISSING"),
        ("slack", {"options": {"signing_secret": "x", "tolerance": 1}}, "tolerance"),
        ("ses", {"options": {"topics": [], "roots": "x"}}, "topics"),
        ("ses", {"options": {"topics": [TOPIC], "roots": "x"}}, "roots"),
        ("standard", {"options": {"secret": "x", "kinds": {"a": "b"}}}, "kinds"),
        ("slack", [], "object"),
    ],
)
def test_the_registry_says_what_is_wrong(name: str, line: Any, says: str) -> None:
    with pytest.raises(RegistryError, match=f"feedback.{name}.*{says}"):
        registry.load({name: line}, {})


def test_a_secret_in_a_file_is_exchanged_while_we_run(tmp_path: Any) -> None:
    path = tmp_path / "secret"
    path.write_text("one")
    parsers = registry.load({"slack": {"options": {"signing_secret": "${S}"}}}, Variables({"S_FILE": str(path)}))
    assert isinstance(parsers["slack"], Slack)
    assert parsers["slack"].parse(slack(b"a=1", key="one"), NOW).heard


def test_headers_may_have_anything_in_them() -> None:
    headers = [("x-slack-signature", "\udcff"), ("X-SLACK-SIGNATURE", ""), ("X-Slack-Request-Timestamp", str(NOW_S))]
    with pytest.raises(Malformed):
        SLACK.parse(Request(headers, b""), NOW)
    with pytest.raises(BadSignature):
        SLACK.parse(Request([headers[0], headers[2]], b""), NOW)
