"""Amazon SES: events by way of SNS, of a configuration set (`eventType`) or of an identity (`notificationType`).

https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html and
https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html. SNS tries for 3600 s at most with the same message («a hard limit»,
https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html): that and a clock's 5 minutes are the tolerance.

`Message.ref` is the message tag `ref`; identities do not publish tags, so their events have none. One event may be of several addresses;
each is heard by itself. Raw delivery must be off: without the envelope there is no signature.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from providers.feedback.base import Confirm, Heard, Reading, Request
from providers.feedback.errors import Malformed
from providers.feedback.reading import at, code, excerpt, json_object, kind_or_other, ms_of_iso, text_at, texts
from providers.feedback.signing import check_age, digest, encoded
from providers.feedback.sns import (
    Envelope,
    certificate_url_of,
    check_signature,
    envelope_of,
    subscribe_url_of,
    topic_of,
)
from providers.feedback.sns_certificate import check_certificate, roots_of

KINDS = {
    "Send": "accepted",
    "Delivery": "delivered",
    "Open": "opened",
    "Click": "clicked",
    "Complaint": "complained",
    "DeliveryDelay": "deferred",
    "Reject": "failed",
    "Rendering Failure": "failed",
    "RenderingFailure": "failed",
    "Subscription": "unsubscribed",
}
"""By event; a bounce, a complaint that is none and a subscription are looked at further."""

BOUNCES = {
    ("Undetermined", "Undetermined"): "soft_bounced",
    ("Permanent", "General"): "bounced",
    ("Permanent", "NoEmail"): "bounced",
    ("Permanent", "Suppressed"): "bounced",
    ("Permanent", "OnAccountSuppressionList"): "bounced",
    ("Permanent", "UnsubscribedRecipient"): "unsubscribed",
    ("Transient", "General"): "soft_bounced",
    ("Transient", "MailboxFull"): "soft_bounced",
    ("Transient", "MessageTooLarge"): "soft_bounced",
    ("Transient", "ContentRejected"): "soft_bounced",
    ("Transient", "AttachmentRejected"): "soft_bounced",
}
"""By bounceType and bounceSubType: a transient one comes when SES has stopped trying. A sub-type that is not here is as its type."""

BOUNCE_TYPES = {"Permanent": "bounced"}

NOT_SPAM = "not-spam"
"""The complaintFeedbackType that takes a complaint back. Others: abuse, auth-failure, fraud, other, virus."""

RECIPIENTS = {
    "Bounce": ("bounce", "bouncedRecipients"),
    "Complaint": ("complaint", "complainedRecipients"),
    "DeliveryDelay": ("deliveryDelay", "delayedRecipients"),
}
OBJECTS = {"Rendering Failure": "failure", "RenderingFailure": "failure", "DeliveryDelay": "deliveryDelay"}
"""The object that tells more of an event; else it is named as the event is, in lower case."""


class SesEvents:
    """Events of one AWS account's topics."""

    def __init__(self, topics: tuple[str, ...], roots: str, *, name: str = "ses", channel: str = "email", tolerance_s: int = 3_900) -> None:
        """`topics`: their ARNs. `roots`: PEM of the authorities that SNS' certificate may come from, intermediate ones too."""
        if not topics:
            raise ValueError("topics: there must be one")
        roots_of(roots)
        self.name, self.channel, self.tolerance_s = name, channel, tolerance_s
        self._topics, self._roots = topics, roots

    def certificate_url(self, request: Request) -> str:
        """Return where the signing certificate is; fetch it without redirects. Raises FeedbackRefused."""
        envelope = envelope_of(json_object(request.body))
        return certificate_url_of(envelope, topic_of(envelope, self._topics))

    def parse(self, request: Request, now: int, certificate: bytes) -> Reading:
        """Return what SES says, or the subscription to `Confirm`. Raises FeedbackRefused."""
        envelope = envelope_of(json_object(request.body))
        region = topic_of(envelope, self._topics)
        certificate_url_of(envelope, region)
        check_signature(envelope, certificate)
        check_certificate(certificate, self._roots, region, now)
        signed_ms = ms_of_iso(envelope["Timestamp"], 0)
        check_age(signed_ms // 1000, now, self.tolerance_s)
        content = digest(encoded("\n".join((envelope["Type"], envelope["Message"]))))
        if envelope["Type"] == "SubscriptionConfirmation":
            return Reading(envelope["MessageId"], content, answer=Confirm(subscribe_url_of(envelope, region)))
        return Reading(envelope["MessageId"], content, tuple(self._heard(envelope, signed_ms)))

    def _heard(self, envelope: Envelope, signed_ms: int) -> Iterator[Heard]:
        """What a notification says of each address. What is not SES' (a test, an unsubscription) is kept as `other:`."""
        if envelope["Type"] != "Notification":
            yield self._other(envelope, f"other:{envelope['Type']}", signed_ms)
            return
        try:
            said = json_object(envelope["Message"])
        except Malformed:
            said = {}
        event = text_at(said, "eventType") or text_at(said, "notificationType")
        if not event:
            yield self._other(envelope, "other:notification", signed_ms)
            return
        about = at(said, OBJECTS.get(event, event.lower()))
        people = _people(said, event, about)
        for number, (address, detail) in enumerate(people):
            yield Heard(
                provider=self.name,
                kind=_kind(event, about),
                ref=next(iter(texts(at(said, "mail", "tags", "ref"))), ""),
                provider_message_id=text_at(said, "mail", "messageId"),
                address=address,
                reason=_reason(event, about),
                detail=detail,
                occurred_at=ms_of_iso(at(about, "timestamp"), signed_ms),
                event_id=envelope["MessageId"] + (f"/{number}" if len(people) > 1 else ""),
                raw=encoded(envelope["Message"]),
            )

    def _other(self, envelope: Envelope, kind: str, signed_ms: int) -> Heard:
        raw = encoded(envelope["Message"])
        return Heard(provider=self.name, kind=kind, occurred_at=signed_ms, event_id=envelope["MessageId"], raw=raw)


def _kind(event: str, about: Any) -> str:
    if event == "Bounce":
        kinds = text_at(about, "bounceType"), text_at(about, "bounceSubType")
        return BOUNCES.get(kinds) or BOUNCE_TYPES.get(kinds[0], "soft_bounced")
    if event == "Complaint" and text_at(about, "complaintFeedbackType") == NOT_SPAM:
        return "other:not-spam"
    if event == "Subscription":
        return _subscription(about)
    return kind_or_other(KINDS, event)


def _subscription(about: Any) -> str:
    """A topic's subscription is no more than a preference; only who is taken off everything is unsubscribed."""
    return "unsubscribed" if at(about, "newTopicPreferences", "unsubscribeAll") is True else "other:Subscription"


def _reason(event: str, about: Any) -> str:
    if event == "Bounce":
        return "_".join(filter(None, (code(text_at(about, "bounceType")), code(text_at(about, "bounceSubType")))))
    if event == "Complaint":
        return code(text_at(about, "complaintFeedbackType")) or code(text_at(about, "complaintSubType"))
    return code(text_at(about, "delayType")) or code(text_at(about, "reason")) or code(text_at(about, "source"))


def _people(said: Mapping[str, Any], event: str, about: Any) -> list[tuple[str, str]]:
    """Address and the provider's words on it, of everybody the event is about; one without an address when it names nobody."""
    told = at(said, *RECIPIENTS.get(event, ("",)))
    if isinstance(told, list) and told:
        return [(text_at(one, "emailAddress"), excerpt(text_at(one, "diagnosticCode"), text_at(one, "status"))) for one in told]
    words = (text_at(about, "smtpResponse"), text_at(about, "errorMessage"), text_at(about, "link"), text_at(about, "reason"))
    named = texts(at(about, "recipients")) or texts(at(said, "mail", "destination"))
    return [(address, excerpt(*words)) for address in named] or [("", excerpt(*words))]
