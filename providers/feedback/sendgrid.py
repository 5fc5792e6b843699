"""SendGrid: the signed Event Webhook, many events a request.

https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook-security-features: ECDSA over SHA-256 of
timestamp and body; the verification key is P-256, in base64 (DER, X.509 SubjectPublicKeyInfo). No age is documented; it is retried for 24 h
(https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook), and whether a retry is signed anew is
not said, so the tolerance is a day. `sg_event_id` is there «for deduplication purposes».
https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event: the events. Custom arguments come as fields of the event.
"""

from functools import lru_cache
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from providers.feedback.base import Heard, Reading, Request
from providers.feedback.errors import BadSecret, BadSignature, Malformed
from providers.feedback.reading import at, code, excerpt, json_array, json_object, kind_or_other, ms_of_seconds, text_at
from providers.feedback.signing import check_age, digest, encoded, from_base64, header, seconds, secrets_of
from providers.secret import Secret

SIGNATURE = "X-Twilio-Email-Event-Webhook-Signature"
TIMESTAMP = "X-Twilio-Email-Event-Webhook-Timestamp"

KINDS = {
    "processed": "accepted",
    "delivered": "delivered",
    "deferred": "deferred",
    "open": "opened",
    "click": "clicked",
    "spamreport": "complained",
    "unsubscribe": "unsubscribed",
    "group_unsubscribe": "unsubscribed",
    "group_resubscribe": "resubscribed",
    "bounce": "bounced",
    "dropped": "failed",
}
"""By event. A bounce of type `blocked` was refused for now; a drop may be for what the recipient did before, below."""

DROPPED = {
    "Bounced Address": "bounced",
    "Invalid": "bounced",
    "Spam Reporting Address": "complained",
    "Unsubscribed Address": "unsubscribed",
}
"""By reason of a drop. The others (Invalid SMTPAPI header, Spam Content, Recipient List over Package Quota) are not of the recipient."""


class SendGridEvents:
    """The Event Webhook of one account."""

    def __init__(self, verification_key: Secret, *, name: str = "sendgrid", channel: str = "email", tolerance_s: int = 86_700) -> None:
        """`verification_key`: as SendGrid shows it; several, with white space between, while it is exchanged."""
        self.name, self.channel, self.tolerance_s = name, channel, tolerance_s
        self._key = verification_key

    def parse(self, request: Request, now: int) -> Reading:
        """Return all events of the request, in order. Raises FeedbackRefused."""
        written = header(request, TIMESTAMP)
        signature = from_base64(header(request, SIGNATURE), "the signature")
        signed = encoded(written) + request.body
        if not any(_is_signed(key, signature, signed) for key in secrets_of(self._key)):
            raise BadSignature("the signature is not of this request by a key of ours")
        check_age(seconds(written, TIMESTAMP), now, self.tolerance_s)
        heard = [self._heard(raw, now) for raw in json_array(request.body)]
        return Reading(digest(signed).hex(), digest(request.body), tuple(heard))

    def _heard(self, raw: bytes, now: int) -> Heard:
        event = json_object(raw)
        return Heard(
            provider=self.name,
            kind=_kind(event),
            ref=text_at(event, "ref"),
            provider_message_id=text_at(event, "sg_message_id"),
            address=text_at(event, "email"),
            reason=_reason(event),
            detail=excerpt(text_at(event, "reason"), text_at(event, "response")),
            occurred_at=ms_of_seconds(at(event, "timestamp"), now),
            event_id=text_at(event, "sg_event_id") or digest(raw).hex(),
            raw=raw,
        )


def _kind(event: dict[str, Any]) -> str:
    name = text_at(event, "event")
    if name == "bounce" and text_at(event, "type") == "blocked":
        return "soft_bounced"
    if name == "dropped":
        return DROPPED.get(text_at(event, "reason"), "failed")
    return kind_or_other(KINDS, name)


def _reason(event: dict[str, Any]) -> str:
    if text_at(event, "event") == "dropped":
        return code(text_at(event, "reason"))
    return code(text_at(event, "bounce_classification")) or code(text_at(event, "type")) or code(text_at(event, "asm_group_id"))


def _is_signed(key: str, signature: bytes, signed: bytes) -> bool:
    try:
        _key(key).verify(signature, signed, ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True


@lru_cache(maxsize=16)
def _key(text: str) -> EllipticCurvePublicKey:
    try:
        key = load_der_public_key(from_base64(text, "a verification key"))
    except (ValueError, UnsupportedAlgorithm, Malformed):
        raise BadSecret("a verification key of ours can't be read") from None
    if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP256R1):
        raise BadSecret("a verification key of ours is not of P-256")
    return key
