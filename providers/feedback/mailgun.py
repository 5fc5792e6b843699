"""Mailgun: webhooks with a signature in their body.

https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/securing-webhooks: HMAC-SHA256 of timestamp and token, without anything
between, hexadecimal, by the account's webhook signing key. **The event itself is not signed**: who has one request of ours can put another
event under its signature, as long as the token was not seen, so the token is what is known as signed once (`Reading.signed_id`), and only
TLS keeps requests from other eyes. A subaccount's events have the primary account's signature beside their own (`parent-signature`).

Retried for 8 h after the first attempt (10, 10, 15 and 30 minutes, 1, 2 and 4 hours), and not after a 406; «there can be delays ... you
don't want to be too aggressive» with the age, so the tolerance is longer than that.
https://documentation.mailgun.com/docs/mailgun/user-manual/events/events: the events.
"""

import re
from typing import Any

from providers.feedback.base import Heard, Reading, Request
from providers.feedback.errors import Malformed, NotSigned
from providers.feedback.reading import at, code, excerpt, json_object, kind_or_other, ms_of_seconds, text_at
from providers.feedback.signing import check_age, check_mac, digest, encoded, hmac_hex, seconds, secrets_of
from providers.feedback.smtp import is_dead
from providers.secret import Secret

KINDS = {
    "accepted": "accepted",
    "delivered": "delivered",
    "opened": "opened",
    "clicked": "clicked",
    "unsubscribed": "unsubscribed",
    "complained": "complained",
    "rejected": "failed",
}
"""By event; `failed` is looked at further. `stored` and what is new stay `other:`."""

DROPPED = {
    "suppress-bounce": "bounced",
    "suppress-unsubscribe": "unsubscribed",
    "suppress-complaint": "complained",
    "bounce": "bounced",
}
"""By reason of a permanent failure: `suppress-...`, it is on Mailgun's list of such addresses; `bounce`, a hard bounce."""

_TOKEN = re.compile(r"[0-9A-Za-z]{50}", re.ASCII)  # «randomly generated string with length 50»


class Mailgun:
    """Webhooks of one account, and of its subaccounts."""

    def __init__(self, signing_key: Secret, *, name: str = "mailgun", channel: str = "email", tolerance_s: int = 30_600) -> None:
        """`signing_key`: the account's webhook signing key; several, with white space between, while it is exchanged."""
        self.name, self.channel, self.tolerance_s = name, channel, tolerance_s
        self._key = signing_key

    def parse(self, request: Request, now: int) -> Reading:
        """Return the one event of the request. Raises FeedbackRefused."""
        said = json_object(request.body)
        signature = at(said, "signature")
        written, token = text_at(signature, "timestamp"), text_at(signature, "token")
        given = [text for text in (text_at(signature, "signature"), text_at(signature, "parent-signature")) if text]
        if not (given and written and token):
            raise NotSigned("no signature with timestamp and token in the body")
        if not _TOKEN.fullmatch(token):  # or its digits and those of the timestamp could change places
            raise Malformed("the token has not the documented form")
        signed = encoded(written + token)
        check_mac(given, [hmac_hex(key, signed) for key in secrets_of(self._key)])
        check_age(seconds(written, "timestamp"), now, self.tolerance_s)
        event = at(said, "event-data")
        if not isinstance(event, dict):
            raise Malformed("no event-data")
        heard = heard_of(event, name=self.name, event_id=token, raw=request.body, now=now)
        return Reading(token, digest(request.body), (heard,))


def heard_of(event: dict[str, Any], *, name: str, event_id: str, raw: bytes, now: int) -> Heard:
    """Return what an event says, whether it was sent or fetched."""
    status = at(event, "delivery-status")
    return Heard(
        provider=name,
        kind=_kind(event),
        ref=text_at(event, "user-variables", "ref"),
        provider_message_id=text_at(event, "message", "headers", "message-id"),
        address=text_at(event, "recipient"),
        reason=code(text_at(event, "reason") or text_at(event, "reject", "reason")),
        detail=excerpt(text_at(status, "message"), text_at(status, "description"), text_at(event, "reject", "description")),
        occurred_at=ms_of_seconds(at(event, "timestamp"), now),
        event_id=event_id,
        raw=raw,
    )


def _kind(event: dict[str, Any]) -> str:
    name = text_at(event, "event")
    if name != "failed":
        return kind_or_other(KINDS, name)
    if text_at(event, "severity") == "temporary":
        return "deferred"
    reason, status = text_at(event, "reason"), at(event, "delivery-status")
    enhanced = text_at(status, "enhanced-code") or text_at(status, "bounce-code") or text_at(status, "message")
    return DROPPED.get(reason) or ("bounced" if is_dead(enhanced) else "failed")
