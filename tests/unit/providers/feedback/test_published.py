"""What the providers themselves publish, signature and all, is verified; one character of it changed is not."""

import json
from pathlib import Path

import pytest

from providers.feedback.base import Confirm, Request
from providers.feedback.errors import BadCertificate, BadSignature, FeedbackRefused, Malformed, NotSigned, UnknownSender
from providers.feedback.sendgrid import SendGridEvents
from providers.feedback.ses import SesEvents
from providers.feedback.signing import hmac_base64, hmac_hex
from providers.feedback.slack import Slack
from providers.feedback.standard import StandardWebhooks
from providers.feedback.twilio import TwilioCallbacks
from providers.feedback.vonage import VonageWebhooks
from providers.feedback.vonage_signing import canonical, claims_of
from providers.secret import Secret
from tests.emulators import certificates

FILES = Path(__file__).with_name("published")
TOPIC = "arn:aws:sns:us-west-2:131990247566:dongie-standard-topic"
CERTIFICATE = (FILES / "SimpleNotificationService-7506a1e35b36ef5a444dd1a8e7cc3ed8.pem").read_bytes()
ISSUER = (FILES / "amazon-rsa-2048-m01.pem").read_text()
MARCH_2026 = 1_772_827_300_000  # when the messages below were signed, within the hour


# https://docs.slack.dev/authentication/verifying-requests-from-slack
SLACK_SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
SLACK_BODY = (
    b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar"
    b"&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands"
    b"%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
)
SLACK_SIGNATURE = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"


def slack(signature: str = SLACK_SIGNATURE, body: bytes = SLACK_BODY) -> Request:
    return Request([("X-Slack-Request-Timestamp", "1531420618"), ("X-Slack-Signature", signature)], body)


def test_slacks_command() -> None:
    (heard,) = Slack(Secret(SLACK_SECRET)).parse(slack(), 1_531_420_618_000).heard
    assert (heard.kind, heard.address) == ("other:/webhook-collect", "G8PSS9T3V")
    for changed in (slack(SLACK_SIGNATURE[:-1] + "4"), slack(SLACK_SIGNATURE.upper()), slack(body=SLACK_BODY + b"&")):
        with pytest.raises(BadSignature):
            Slack(Secret(SLACK_SECRET)).parse(changed, 1_531_420_618_000)


# https://github.com/standard-webhooks/standard-webhooks/blob/main/libraries/python/tests/test_webhooks.py (test_sign_function)
STANDARD_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def standard(signature: str) -> Request:
    headers = [("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"), ("webhook-timestamp", "1614265330"), ("webhook-signature", signature)]
    return Request(headers, b'{"test": 2432232314}')


RIGHT, ZERO = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc="


@pytest.mark.parametrize("signature", [RIGHT, f"{ZERO} v2,Ceo5 {RIGHT} {ZERO}", f"v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw {RIGHT}"])
def test_standard_webhooks_own(signature: str) -> None:
    for secret in (STANDARD_SECRET, STANDARD_SECRET.removeprefix("whsec_")):
        assert StandardWebhooks(Secret(secret)).parse(standard(signature), 1_614_265_330_000).signed_id == "msg_p5jXN8AQM9LWM0D4loKWxJek"


@pytest.mark.parametrize("signature", [RIGHT[:-2] + "F=", RIGHT[:-1], RIGHT.replace("v1", "v2"), RIGHT.replace(",", " "), "", ZERO, " "])
def test_standard_webhooks_wrong_ones(signature: str) -> None:
    with pytest.raises(BadSignature):
        StandardWebhooks(Secret(STANDARD_SECRET)).parse(standard(signature), 1_614_265_330_000)


# https://github.com/sendgrid/sendgrid-python/blob/main/test/unit/test_eventwebhook.py
SENDGRID_KEY = (
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw+2fNNRaINXvVpiglSI8eNEc6wEA3F+g=="
)
OTHER_KEY = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEqTxd43gyp8IOEto2LdIfjRQrIbsd4SXZkLW6jDutdhXSJCWHw8REntlo7aNDthvj+y7GjUuFDb/R1NGe1OPzpA=="
SENDGRID_SIGNATURE = "MEUCIGHQVtGj+Y3LkG9fLcxf3qfI10QysgDWmMOVmxG0u6ZUAiEAyBiXDWzM+uOe5W0JuG+luQAbPIqHh89M15TluLtEZtM="
OTHER_SIGNATURE = "MEUCIQCtIHJeH93Y+qpYeWrySphQgpNGNr/U+UyUlBkU6n7RAwIgJTz2C+8a8xonZGi6BpSzoQsbVRamr2nlxFDWYNH3j/0="
SENDGRID_BODY = (
    b'[{"email":"hello@world.com","event":"dropped","reason":"Bounced Address",'
    b'"sg_event_id":"ZHJvcC0xMDk5NDkxOS1MUnpYbF9OSFN0T0doUTRrb2ZTbV9BLTA",'
    b'"sg_message_id":"LRzXl_NHStOGhQ4kofSm_A.filterdrecv-p3mdw1-756b745b58-kmzbl-18-5F5FC76C-9.0",'
    b'"smtp-id":"<LRzXl_NHStOGhQ4kofSm_A@ismtpd0039p1iad1.sendgrid.net>","timestamp":1600112492}]\r\n'
)


def sendgrid(signature: str = SENDGRID_SIGNATURE, timestamp: str = "1600112502", body: bytes = SENDGRID_BODY) -> Request:
    start = "X-Twilio-Email-Event-Webhook-"
    return Request([(start + "Signature", signature), (start + "Timestamp", timestamp)], body)


def test_sendgrids_event() -> None:
    (heard,) = SendGridEvents(Secret(SENDGRID_KEY)).parse(sendgrid(), 1_600_112_502_000).heard
    assert (heard.kind, heard.address, heard.occurred_at) == ("bounced", "hello@world.com", 1_600_112_492_000)
    assert heard.raw == SENDGRID_BODY[1:-3]


@pytest.mark.parametrize("changed", [sendgrid(OTHER_SIGNATURE), sendgrid(timestamp="1600112503"), sendgrid(body=SENDGRID_BODY.rstrip())])
def test_sendgrids_wrong_ones(changed: Request) -> None:
    with pytest.raises(BadSignature):
        SendGridEvents(Secret(SENDGRID_KEY)).parse(changed, 1_600_112_502_000)


def test_sendgrids_other_key() -> None:
    with pytest.raises(BadSignature):
        SendGridEvents(Secret(OTHER_KEY)).parse(sendgrid(), 1_600_112_502_000)
    with pytest.raises(Malformed):
        SendGridEvents(Secret(SENDGRID_KEY)).parse(sendgrid("timestamp"), 1_600_112_502_000)


# https://www.twilio.com/docs/usage/webhooks/webhooks-security (token 12345), and twilio-python's tests/unit/test_request_validator.py
TWILIO_URL = "https://mycompany.com/myapp.php?foo=1&bar=2"
CALL = {"CallSid": "CA1234567890ABCDE", "Digits": "1234", "From": "+14158675309", "To": "+18005551212", "Caller": "+14158675309"}


def test_twilios_call_is_rightly_signed_and_no_message() -> None:
    signed = TWILIO_URL + "".join(name + CALL[name] for name in sorted(CALL))
    assert hmac_base64("12345", signed.encode(), "sha1") == "RSOYDt4T1cUTdK1PDd93/VVr8B8="
    body = "&".join(f"{name}={value.replace('+', '%2B')}" for name, value in CALL.items()).encode()
    with pytest.raises(Malformed, match="missing"):
        TwilioCallbacks(Secret("12345")).parse(Request([("X-Twilio-Signature", "RSOYDt4T1cUTdK1PDd93/VVr8B8=")], body, TWILIO_URL), 0)
    with pytest.raises(BadSignature):
        TwilioCallbacks(Secret("54321")).parse(Request([("X-Twilio-Signature", "RSOYDt4T1cUTdK1PDd93/VVr8B8=")], body, TWILIO_URL), 0)


@pytest.mark.parametrize(
    ("url", "signature"),
    [
        (TWILIO_URL.replace(".com", ".com:1234"), "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
        (TWILIO_URL.replace(".com", ".com:1234").replace("https", "http"), "Zmvh+3yNM1Phv2jhDCwEM3q5ebU="),
        (TWILIO_URL, "kvajT1Ptam85bY51eRf/AJRuM3w="),
        (TWILIO_URL.replace("https", "http"), "0ZXoZLH/DfblKGATFgpif+LLRf4="),
    ],
)
def test_twilio_writes_the_port_or_not(url: str, signature: str) -> None:
    body = "&".join(f"{name}={value.replace('+', '%2B')}" for name, value in CALL.items()).encode()
    with pytest.raises(Malformed, match="missing"):
        TwilioCallbacks(Secret("12345")).parse(Request([("X-Twilio-Signature", signature)], body, url), 0)


TWILIO_JSON = b'{"property": "value", "boolean": true}'
BODY_SHA256 = "0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620"


def test_twilios_json() -> None:
    url = f"{TWILIO_URL}&bodySHA256={BODY_SHA256}"
    parser, headers = TwilioCallbacks(Secret("12345")), [("X-Twilio-Signature", "a9nBmqA0ju/hNViExpshrM61xv4=")]
    (heard,) = parser.parse(Request(headers, TWILIO_JSON, url), 0).heard
    assert heard.kind == "other:"
    for body, other in ((TWILIO_JSON + b" ", url), (TWILIO_JSON, url[:-1] + "1")):
        with pytest.raises(BadSignature):
            parser.parse(Request(headers, body, other), 0)


# https://github.com/Vonage/vonage-python-sdk: tests/test_signature.py, http_client/tests/test_auth.py, jwt/tests/test_verify_jwt.py
def test_vonages_md5hash() -> None:
    parser, body, sig = VonageWebhooks(Secret("secret")), "a=1&b=2&timestamp=1461605396", "6af838ef94998832dbfc29020b564830"
    assert parser.parse(Request([], f"{body}&sig={sig}".encode()), 1_461_605_396_000).heard[0].kind == "other:inbound"
    with pytest.raises(BadSignature):
        parser.parse(Request([], f"{body}&sig={sig[:-1]}1".encode()), 1_461_605_396_000)
    with pytest.raises(BadSignature):
        VonageWebhooks(Secret("secret"), method="md5").parse(Request([], f"{body}&sig={sig}".encode()), 1_461_605_396_000)


@pytest.mark.parametrize(
    ("params", "method", "sig"),
    [
        (
            {"param1": "value1", "param2": "value2", "timestamp": "1234567890"},
            "sha256",
            "280c4320703dbc98bfa22db676655ed2acfbfe8792b062ff7622e67f1183c287",
        ),
        ({"param1": "value1", "param2": "value2", "timestamp": "1234567890"}, "md5", "724c2bf6ca423c36e20631b11d1c5753"),
        ({"param1": "value&1", "param2": "value=2", "timestamp": "1234567890"}, "md5", "2bbf0abafb2c55e5af6231513896a2ac"),
        ({"param": "value", "timestamp": "1234567890"}, "md5", "655a4d0b7f064dff438defc52b012cf5"),
    ],
)
def test_vonages_hmacs(params: dict[str, str], method: str, sig: str) -> None:
    assert hmac_hex("signature_secret", canonical(params), method) == sig


VONAGE_TOKEN = (
    "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJPbmxpbmUgSldUIEJ1aWxkZXIiLCJpYXQiOjE2OTc2MzQ2ODAsImV4cCI6MzMyNTQ1NDA4Mjgs"
    "ImF1ZCI6IiIsInN1YiI6IiJ9.88vJc3I2HhuqEDixHXVhc9R30tA6U_HQHZTC29y6CGM"
)


def test_vonages_token() -> None:
    assert claims_of(f"Bearer {VONAGE_TOKEN}", ["qwertyuiopasdfghjklzxcvbnm123456"])["iat"] == 1_697_634_680
    with pytest.raises(BadSignature):
        claims_of(f"Bearer {VONAGE_TOKEN}", ["asdf"])
    with pytest.raises(NotSigned):
        claims_of("asdf", ["qwertyuiopasdfghjklzxcvbnm123456"])
    parser = VonageWebhooks(Secret("qwertyuiopasdfghjklzxcvbnm123456"))
    with pytest.raises(NotSigned, match="payload_hash"):  # it speaks for no body
        parser.parse(Request([("authorization", f"Bearer {VONAGE_TOKEN}")], b"{}"), 1_697_634_680_000)


# https://github.com/aws/aws-sdk-java-v2/tree/master/services-custom/sns-message-manager/src/test/resources: what SNS sent to AWS' own
# people, and its certificate; what issued that: https://www.amazontrust.com/repository/ (Amazon RSA 2048 M01)
def sns(name: str) -> Request:
    return Request([], (FILES / f"{name}.json").read_bytes())


@pytest.mark.parametrize("name", ["notification-v2", "notification-with-subject", "notification-no-subject"])
def test_sns_messages(name: str) -> None:
    parser = SesEvents((TOPIC,), ISSUER)
    assert parser.certificate_url(sns(name)).endswith("/SimpleNotificationService-7506a1e35b36ef5a444dd1a8e7cc3ed8.pem")
    (heard,) = parser.parse(sns(name), MARCH_2026, CERTIFICATE).heard
    assert heard.kind == "other:notification"
    assert heard.raw == json.loads(sns(name).body)["Message"].encode()


def test_sns_subscription() -> None:
    answer = SesEvents((TOPIC,), ISSUER).parse(sns("subscription-confirmation"), MARCH_2026, CERTIFICATE).answer
    assert isinstance(answer, Confirm)
    assert answer.url.startswith("https://sns.us-west-2.amazonaws.com/?Action=ConfirmSubscription&TopicArn=" + TOPIC)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("Message", "This message uses signature version 3."),
        ("MessageId", "9d2c5580-b61d-550c-8583-37a582870908"),
        ("Timestamp", "2026-03-06T20:00:26.894Z"),
        ("SignatureVersion", "1"),
        ("Subject", "None was signed"),
        ("Signature", "kGNJ" + "A" * 340),
    ],
)
def test_sns_message_changed(field: str, value: str) -> None:
    changed = json.dumps(json.loads(sns("notification-v2").body) | {field: value}).encode()
    with pytest.raises(FeedbackRefused) as caught:
        SesEvents((TOPIC,), ISSUER).parse(Request([], changed), MARCH_2026, CERTIFICATE)
    assert type(caught.value) in (BadSignature, Malformed)


@pytest.mark.parametrize("now", [1_762_646_399_000, 1_792_022_400_000])
def test_sns_certificate_is_of_its_time(now: int) -> None:
    parser = SesEvents((TOPIC,), ISSUER, tolerance_s=1_000_000_000)
    with pytest.raises(BadCertificate):
        parser.parse(sns("notification-v2"), now, CERTIFICATE)


def test_sns_certificate_of_a_chain_we_do_not_trust_is_not_believed() -> None:
    parser = SesEvents((TOPIC,), certificates.pem(certificates.authority()))
    with pytest.raises(BadCertificate, match="chain"):
        parser.parse(sns("notification-v2"), MARCH_2026, CERTIFICATE)


def test_sns_message_of_another_topic_is_not_taken() -> None:
    with pytest.raises(UnknownSender):
        SesEvents((TOPIC + "-2",), ISSUER).parse(sns("notification-v2"), MARCH_2026, CERTIFICATE)
