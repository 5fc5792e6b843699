"""Postmark: a webhook an event, which nothing signs.

https://postmarkapp.com/developer/webhooks/webhooks-overview: the only proof is a user and password of HTTP (or an own header) that the
webhook is made with, and the addresses it comes from. **Who has one request can put anything in the next**: a password of nothing else, and
TLS up to us. No time is in it either; a request that comes again says the same, and is told by what it says.

Retried for 10.5 h (10 times), deliveries, opens, clicks and subscription changes 3 times within 15 minutes; a 403 ends it.
The bodies: .../webhooks/bounce-webhook, delivery-webhook, spam-complaint-webhook, subscription-change-webhook, open-tracking-webhook,
click-webhook. Bounce types: https://postmarkapp.com/developer/api/bounce-api#bounce-types.
"""

from base64 import b64encode
from typing import Any

from providers.feedback.base import Heard, Reading, Request
from providers.feedback.errors import BadSecret, BadSignature, NoPassword, WrongPassword
from providers.feedback.reading import at, code, excerpt, json_object, kind_or_other, ms_of_iso, text_at
from providers.feedback.signing import check_mac, digest, encoded, header_or_none, secrets_of
from providers.secret import Secret

KINDS = {
    "Delivery": "delivered",
    "Open": "opened",
    "Click": "clicked",
    "SpamComplaint": "complained",
}
"""By RecordType; `Bounce` and `SubscriptionChange` are looked at further. Those of an inbound stream stay `other:`."""

BOUNCES = {
    "HardBounce": "bounced",
    "BadEmailAddress": "bounced",
    "Transient": "deferred",  # «Message is delayed due to network troubles»
    "DnsError": "deferred",  # «A temporary DNS error»
    "SoftBounce": "soft_bounced",
    "Blocked": "soft_bounced",
    "SpamNotification": "soft_bounced",  # a filter's word («classified as spam, bulk mail, or had rejected content»), and no complaint
    "SpamComplaint": "complained",
    "Unsubscribe": "unsubscribed",
    "Subscribe": "resubscribed",
    "Unknown": "failed",
    "VirusNotification": "failed",
    "ManuallyDeactivated": "failed",
    "Unconfirmed": "failed",
    "SMTPApiError": "failed",
    "DMARCPolicy": "failed",
    "TemplateRenderingFailed": "failed",
}
"""By Type. AutoResponder, AddressChange, OpenRelayTest, ChallengeVerification and InboundError say nothing of the delivery: `other:`."""

SUPPRESSED = {"HardBounce": "bounced", "SpamComplaint": "complained"}
"""By SuppressionReason. A ManualSuppression is the recipient's wish only where its Origin is the recipient."""

TIMES = ("DeliveredAt", "BouncedAt", "ChangedAt", "ReceivedAt")


class PostmarkWebhooks:
    """The webhooks of one account."""

    def __init__(self, credentials: Secret, *, name: str = "postmark", channel: str = "email") -> None:
        """`credentials`: `user:password`, as in the webhook's URL; several, with white space between, while they are exchanged."""
        self.name, self.channel, self.tolerance_s = name, channel, 0
        self._credentials = credentials

    def parse(self, request: Request, now: int) -> Reading:
        """Return the one event of the request. Raises FeedbackRefused."""
        self._check(request)
        content = digest(request.body)
        return Reading(content.hex(), content, (self._heard(json_object(request.body), request.body, now),))

    def _check(self, request: Request) -> None:
        """A refusal of its own, as the usual 403 would end the repetitions, also of who exchanges the password."""
        given, ours = header_or_none(request, "Authorization"), [_basic(each) for each in secrets_of(self._credentials)]
        if given is None:
            raise NoPassword("no header Authorization")
        try:
            check_mac([given], ours)
        except BadSignature as error:
            raise WrongPassword(str(error)) from None

    def _heard(self, event: dict[str, Any], body: bytes, now: int) -> Heard:
        address = text_at(event, "Recipient") or text_at(event, "Email")
        when = next((text for name in TIMES if (text := text_at(event, name))), "")
        same = [text_at(event, name) for name in ("RecordType", "ID", "MessageID")]
        return Heard(
            provider=self.name,
            kind=_kind(event),
            ref=text_at(event, "Metadata", "ref"),
            provider_message_id=text_at(event, "MessageID"),
            address=address,
            reason=code(text_at(event, "Type") or text_at(event, "SuppressionReason")),
            detail=excerpt(text_at(event, "Details"), text_at(event, "Description")),
            occurred_at=ms_of_iso(when, now),
            event_id=digest(encoded("\0".join([*same, address, when]))).hex(),
            raw=body,
        )


def _basic(credentials: str) -> str:
    """RFC 7617. Without a colon there is no user and no password: Postmark could not send it."""
    if ":" not in credentials:
        raise BadSecret("credentials of ours are not user:password")
    return f"Basic {b64encode(credentials.encode()).decode()}"


def _kind(event: dict[str, Any]) -> str:
    record = text_at(event, "RecordType")
    if record == "Bounce":
        return kind_or_other(BOUNCES, text_at(event, "Type"))
    if record != "SubscriptionChange":
        return kind_or_other(KINDS, record)
    if at(event, "SuppressSending") is True and text_at(event, "SuppressionReason") in SUPPRESSED:
        return SUPPRESSED[text_at(event, "SuppressionReason")]
    if text_at(event, "Origin") != "Recipient":  # somebody at our account, or at Postmark
        return "other:SubscriptionChange"
    return "unsubscribed" if at(event, "SuppressSending") is True else "resubscribed"
