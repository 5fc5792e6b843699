"""Providers as they call us: each signs a body as its documentation says, with a key of the test. Written from the documentation alone."""

import hashlib
import hmac
import json
from base64 import b64decode, b64encode, urlsafe_b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import urlencode

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from providers.feedback.base import AnyParser, CertifiedParser, Reading, Request
from providers.feedback.mailgun import Mailgun
from providers.feedback.postmark import PostmarkWebhooks
from providers.feedback.sendgrid import SendGridEvents
from providers.feedback.ses import SesEvents
from providers.feedback.slack import Slack
from providers.feedback.standard import StandardWebhooks
from providers.feedback.twilio import TwilioCallbacks
from providers.feedback.vonage import VonageWebhooks
from providers.secret import Secret
from tests.emulators import certificates

NOW_S = 1_777_777_777
NOW = 1000 * NOW_S
URL = "https://notify.example/v1/feedback/"
REF = "email-normal-3-170225-17-0"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:ses-events"
CERTIFICATE_URL = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef0123456789abcdef.pem"
SID = "SM" + "0123456789abcdef" * 2
ACCOUNT = "AC" + "fedcba9876543210" * 2


def parsed(parser: AnyParser, request: Request, now: int = NOW, certificate: bytes = b"") -> Reading:
    """Parse as the edge does, with the certificate that was fetched."""
    if isinstance(parser, CertifiedParser):
        parser.certificate_url(request)
        return parser.parse(request, now, certificate or certificates.leaf())
    return parser.parse(request, now)


def slack(body: bytes, at_s: int = NOW_S, key: str = "8f742231b10e8888abcd99yyyzzz85a5") -> Request:
    mac = hmac.new(key.encode(), b"v0:%d:%s" % (at_s, body), "sha256").hexdigest()
    return Request([("X-Slack-Request-Timestamp", str(at_s)), ("X-Slack-Signature", f"v0={mac}"), JSON], body, URL + "slack")


def standard(body: bytes, at_s: int = NOW_S, key: str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", sent_id: str = "msg_1") -> Request:
    mac = hmac.new(_decoded(key), f"{sent_id}.{at_s}.".encode() + body, "sha256").digest()
    headers = [("webhook-id", sent_id), ("webhook-timestamp", str(at_s)), ("webhook-signature", f"v1,{b64encode(mac).decode()}"), JSON]
    return Request(headers, body, URL + "standard")


def sendgrid(body: bytes, at_s: int = NOW_S, key: str = "a") -> Request:
    signature = sendgrid_key(key).sign(str(at_s).encode() + body, ec.ECDSA(SHA256()))
    start = "X-Twilio-Email-Event-Webhook-"
    headers = [(start + "Signature", b64encode(signature).decode()), (start + "Timestamp", str(at_s)), JSON]
    return Request(headers, body, URL + "sendgrid")


@lru_cache
def sendgrid_key(name: str) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int.from_bytes(name.encode()) + 1, ec.SECP256R1())


def sendgrid_public(name: str = "a") -> str:
    return b64encode(sendgrid_key(name).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


def mailgun(body: bytes, at_s: int = NOW_S, key: str = "key-3ax6xnjp29jd6fds4gc373sgvjxteol0", token: str = "") -> Request:
    """`body`: the event-data."""
    token = token or hashlib.sha256(b"token").hexdigest()[:50]
    mac = hmac.new(key.encode(), f"{at_s}{token}".encode(), "sha256").hexdigest()
    signature = {"timestamp": str(at_s), "token": token, "signature": mac}
    whole = b'{"signature": %s, "event-data": %s}' % (json.dumps(signature).encode(), body)
    return Request([JSON], whole, URL + "mailgun")


def postmark(body: bytes, at_s: int = NOW_S, key: str = "carillon:Ue9-rt2w") -> Request:
    """Postmark signs nothing: it says the user and password it was told."""
    return Request([("Authorization", f"Basic {b64encode(key.encode()).decode()}"), JSON], body, URL + "postmark")


def twilio(body: bytes, at_s: int = NOW_S, key: str = "12345", url: str = f"{URL}twilio?ref={REF}") -> Request:
    """`body`: JSON of the form's fields. Twilio signs no time."""
    form: dict[str, str] = json.loads(body)
    mac = hmac.new(key.encode(), (url + "".join(name + form[name] for name in sorted(form))).encode(), "sha1").digest()
    return Request([("X-Twilio-Signature", b64encode(mac).decode()), FORM], urlencode(form).encode(), url)


def twilio_json(body: bytes, at_s: int = NOW_S, key: str = "12345") -> Request:
    url = f"{URL}twilio?bodySHA256={hashlib.sha256(body).hexdigest()}"
    return Request([("X-Twilio-Signature", b64encode(hmac.new(key.encode(), url.encode(), "sha1").digest()).decode()), JSON], body, url)


def vonage(body: bytes, at_s: int = NOW_S, key: str = "qwertyuiopasdfghjklzxcvbnm123456", **claims: Any) -> Request:
    """The Messages API's."""
    hashed = hashlib.sha256(body).hexdigest()
    told = {"iat": at_s, "jti": "c5ba8f24-1a14-4c10-bfdf-3fbe8ce511b5", "iss": "Vonage", "payload_hash": hashed, "api_key": "a1b2c3d"}
    return Request([("Authorization", f"Bearer {jwt(told | claims, key)}"), JSON], body, URL + "vonage")


def jwt(claims: dict[str, Any], key: str, head: dict[str, Any] | None = None) -> str:
    parts = [_base64url(json.dumps(part).encode()) for part in (head or {"alg": "HS256", "typ": "JWT"}, claims)]
    return ".".join([*parts, _base64url(hmac.new(key.encode(), ".".join(parts).encode(), "sha256").digest())])


def vonage_sms(body: bytes, at_s: int = NOW_S, key: str = "secret") -> Request:
    """The SMS API's, by HMAC-SHA512. `body`: JSON of the parameters."""
    told = {**json.loads(body), "timestamp": str(at_s), "nonce": "ec11dd3e-1e7f-4db5-9467-82b02cd223b9"}
    plain = "".join(f"&{name}={told[name].replace('&', '_').replace('=', '_')}" for name in sorted(told))
    told["sig"] = hmac.new(key.encode(), plain.encode(), "sha512").hexdigest().upper()
    return Request([FORM], urlencode(told).encode(), URL + "vonage")


def ses(body: bytes, at_s: int = NOW_S, key: str = certificates.SNS, version: str = "2", **fields: Any) -> Request:
    """SNS' notification of `body`, SES' event."""
    told = {"Type": "Notification", "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324", "TopicArn": TOPIC, "Message": body.decode()}
    told |= {"Timestamp": _iso(at_s), "SignatureVersion": version, "SigningCertURL": CERTIFICATE_URL} | fields
    return sns(told, key)


def sns(told: dict[str, Any], key: str = certificates.SNS) -> Request:
    names = ["Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
    plain = "".join(f"{name}\n{told[name]}\n" for name in names if name in told).encode()
    algorithm = SHA1() if told["SignatureVersion"] == "1" else SHA256()
    told["Signature"] = b64encode(certificates.private_key(f"leaf of {key}").sign(plain, PKCS1v15(), algorithm)).decode()
    return Request([("x-amz-sns-message-type", told["Type"])], json.dumps(told, indent=2).encode(), URL + "ses")


def _iso(at_s: int) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _decoded(key: str) -> bytes:
    return b64decode(key.removeprefix("whsec_"))


def _base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


JSON = ("Content-Type", "application/json")
FORM = ("Content-Type", "application/x-www-form-urlencoded")


class Sender(NamedTuple):
    """A provider that calls: `make` is its parser, `sign` makes a request of a body at a time by a key, `told` is a documented event and
    `other` one of another meaning. `wrong`: a key that is not ours. `headers`: those the signature needs.
    """

    make: Callable[..., AnyParser]
    sign: Callable[..., Request]
    told: bytes
    other: bytes
    wrong: str
    headers: tuple[str, ...] = ()
    timed: bool = True
    whole: bool = True  # the signature covers the event
    signs: bool = True  # else a password is all there is, and whoever has it is believed
    wrong_secret: str = ""  # `wrong` as `make` is given it, where that is not the same


def form(**fields: str) -> bytes:
    return json.dumps(fields).encode()


BOUNCE = {
    "eventType": "Bounce",
    "bounce": {
        "bounceType": "Permanent",
        "bounceSubType": "General",
        "bouncedRecipients": [{"emailAddress": "ann@example.com", "status": "5.1.1", "diagnosticCode": "smtp; 550 5.1.1 user unknown"}],
        "timestamp": "2026-05-03T03:09:30.000Z",
        "feedbackId": "01000157c44f053b-61b59c11-9236-11e6-8f96-7be8aexample-000000",
    },
    "mail": {"messageId": "EXAMPLE7c191be45-e9aedb9a", "destination": ["ann@example.com"], "tags": {"ref": [REF]}},
}
DELIVERY = {**BOUNCE, "eventType": "Delivery", "delivery": {"recipients": ["ann@example.com"], "smtpResponse": "250 ok"}}
EVENTS = [
    {"email": "ann@example.com", "timestamp": NOW_S, "event": "bounce", "type": "bounce", "reason": "500 unknown recipient", "ref": REF}
    | {"sg_event_id": "6g4ZI7SA-xmRDv57GoPIPw==", "sg_message_id": "14c5d75ce93.dfd.64b469.filter0001", "status": "5.0.0"},
    {"email": "bo@example.com", "timestamp": NOW_S, "event": "delivered", "sg_event_id": "rWVYmVk90MjZJ9iohOBa3w=="},
]
FAILED = {
    "event": "failed",
    "severity": "permanent",
    "reason": "bounce",
    "id": "pl271FzxTTmGRW8Uj3dUWw",
    "timestamp": NOW_S + 0.5,
    "recipient": "ann@example.com",
    "message": {"headers": {"message-id": "20180622211249.1.2A6098970A380E12@example.org"}},
    "delivery-status": {"code": 550, "message": "5.1.1 no such user"},
    "user-variables": {"ref": REF},
}
BOUNCED = {
    "RecordType": "Bounce",
    "MessageStream": "outbound",
    "ID": 4323372036854775807,
    "Type": "HardBounce",
    "TypeCode": 1,
    "Name": "Hard bounce",
    "Tag": "Test",
    "MessageID": "883953f4-6105-42a2-a16a-77a8eac79483",
    "Metadata": {"ref": REF},
    "ServerID": 23,
    "Description": "The server was unable to deliver your message (ex: unknown user, mailbox not found).",
    "Details": "Test bounce details",
    "Email": "john@example.com",
    "From": "sender@example.com",
    "BouncedAt": "2026-05-03T03:09:30.9070259Z",
    "DumpAvailable": True,
    "Inactive": True,
    "CanActivate": True,
    "Subject": "Test subject",
}
STATUS = {"AccountSid": ACCOUNT, "ApiVersion": "2010-04-01", "ErrorCode": "30005", "From": "+15550001111", "MessageSid": SID}
STATUS |= {"MessageStatus": "undelivered", "SmsSid": SID, "SmsStatus": "undelivered", "To": "+15558675310"}
MESSAGE = {"message_uuid": "aaaaaaaa-bbbb-cccc-dddd-0123456789ab", "to": "447700900000", "from": "447700900001", "channel": "sms"}
MESSAGE |= {"timestamp": "2026-05-03T03:09:30.000Z", "status": "rejected", "client_ref": REF}
REJECTED = {**MESSAGE, "error": {"title": "1190", "detail": "Absent Subscriber Permanent"}}
RECEIPT = {"msisdn": "447700900000", "to": "AcmeInc", "network-code": "12345", "messageId": "0A0000001234567B", "status": "failed"}
RECEIPT |= {"err-code": "3", "scts": "2001011400", "client-ref": REF, "message-timestamp": "2026-05-03 03:09:30", "price": "0.0333"}
SENT = {"type": "email.bounced", "timestamp": "2026-05-03T03:09:30Z", "data": {"ref": REF, "address": "ann@example.com"}}


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()


def ours(kind: Callable[..., AnyParser], key: str, **options: Any) -> Callable[..., AnyParser]:
    """How to make a parser with `key`, and others."""
    return lambda *more: kind(Secret(" ".join([key, *more])), **options)


SENDERS: dict[str, Sender] = {
    "mailgun": Sender(
        ours(Mailgun, "key-3ax6xnjp29jd6fds4gc373sgvjxteol0"),
        mailgun,
        _json(FAILED),
        _json({**FAILED, "event": "delivered"}),
        "key-other",
        whole=False,
    ),
    "postmark": Sender(
        ours(PostmarkWebhooks, "carillon:Ue9-rt2w"),
        postmark,
        _json(BOUNCED),
        _json({**BOUNCED, "Type": "SoftBounce", "ID": 42}),
        "carillon:other",
        ("Authorization",),
        timed=False,
        whole=False,
        signs=False,
    ),
    "sendgrid": Sender(
        ours(SendGridEvents, sendgrid_public()),
        sendgrid,
        _json(EVENTS) + b"\r\n",
        _json(EVENTS[1:]),
        "b",
        ("X-Twilio-Email-Event-Webhook-Signature", "X-Twilio-Email-Event-Webhook-Timestamp"),
        wrong_secret=sendgrid_public("b"),
    ),
    "ses": Sender(
        lambda *more: SesEvents((TOPIC,), certificates.pem(certificates.authority())), ses, _json(BOUNCE), _json(DELIVERY), "somebody else"
    ),
    "slack": Sender(
        ours(Slack, "8f742231b10e8888abcd99yyyzzz85a5"),
        slack,
        b'{"type":"event_callback","event_id":"Ev1","event_time":1777777770,"event":{"type":"app_uninstalled"}}',
        b'{"type":"event_callback","event_id":"Ev1","event_time":1777777770,"event":{"type":"tokens_revoked"}}',
        "other",
        ("X-Slack-Request-Timestamp", "X-Slack-Signature"),
    ),
    "standard": Sender(
        ours(StandardWebhooks, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        standard,
        _json(SENT),
        _json({**SENT, "type": "email.delivered"}),
        "whsec_AAAA",
        ("webhook-id", "webhook-timestamp", "webhook-signature"),
    ),
    "twilio": Sender(
        ours(TwilioCallbacks, "12345"),
        twilio,
        form(**STATUS),
        form(**STATUS | {"MessageStatus": "delivered"}),
        "54321",
        ("X-Twilio-Signature",),
        timed=False,
    ),
    "twilio_json": Sender(
        ours(TwilioCallbacks, "12345"),
        twilio_json,
        _json([{"id": "EZ1", "type": "t", "data": {"messageSid": SID, "messageStatus": "DELIVERED", "to": "+15558675310"}}]),
        _json([{"id": "EZ1", "type": "t", "data": {"messageSid": SID, "messageStatus": "FAILED", "to": "+15558675310"}}]),
        "54321",
        ("X-Twilio-Signature",),
        timed=False,
    ),
    "vonage": Sender(
        ours(VonageWebhooks, "qwertyuiopasdfghjklzxcvbnm123456"), vonage, _json(REJECTED), _json(MESSAGE), "other", ("Authorization",)
    ),
    "vonage_sms": Sender(
        ours(VonageWebhooks, "secret", method="sha512"), vonage_sms, form(**RECEIPT), form(**RECEIPT | {"status": "delivered"}), "other"
    ),
}
"""By kind, and by the other ways some have."""
