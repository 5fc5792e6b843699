"""Standard Webhooks: whoever signs as https://www.standardwebhooks.com says (spec 1.0.0), such as a provider without a parser of its own.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md: `webhook-signature` is a list of `v1,<base64>`
with spaces between, each HMAC-SHA256 of `<webhook-id>.<webhook-timestamp>.<body>`; one of ours among them is enough, so that senders can
exchange a secret. Asymmetric ones (v1a) are passed over. Five minutes are what its libraries allow. `webhook-id` is the same in a retry.

The spec leaves the payload open. We read {"type", "timestamp", "data": {"ref", "message_id", "address", "reason", "detail"}}; the last part
of the type (`email.bounced`) is the kind where it is one of ours, else `kinds` says what it is.
"""

from typing import Any

from providers.feedback.base import KINDS, Heard, Reading, Request
from providers.feedback.errors import BadSecret, BadSignature, Malformed
from providers.feedback.reading import at, code, excerpt, json_object, kind_or_other, ms_of_iso, text_at
from providers.feedback.signing import check_age, check_mac, digest, encoded, from_base64, header, hmac_base64, seconds, secrets_of
from providers.secret import Secret

PREFIX = "whsec_"
VERSION = "v1,"
MOST_SIGNATURES = 20


class StandardWebhooks:
    """Webhooks of one sender."""

    def __init__(
        self,
        secret: Secret,
        *,
        name: str = "standard",
        channel: str = "email",
        tolerance_s: int = 300,
        kinds: dict[str, str] | None = None,
    ) -> None:
        """`secret`: `whsec_<base64>`; several, with white space between, while it is exchanged. `kinds`: the sender's type -> our kind."""
        self.name, self.channel, self.tolerance_s = name, channel, tolerance_s
        self._secret, self._kinds = secret, dict(kinds or {})
        if strange := set(self._kinds.values()) - KINDS:
            raise ValueError(f"kinds: there is no {min(strange)!r}")

    def parse(self, request: Request, now: int) -> Reading:
        """Return the one event of the request. Raises FeedbackRefused."""
        sent_id, written = header(request, "webhook-id"), header(request, "webhook-timestamp")
        if not sent_id or "." in sent_id:  # the spec forbids it: id and time would run into one another
            raise Malformed("webhook-id is empty, or has a dot")
        signatures = _signatures(header(request, "webhook-signature"))
        signed = b"%s.%s.%s" % (encoded(sent_id), encoded(written), request.body)
        check_mac(signatures, [hmac_base64(_key(secret), signed) for secret in secrets_of(self._secret)])
        check_age(seconds(written, "webhook-timestamp"), now, self.tolerance_s)
        return Reading(sent_id, digest(request.body), (self._heard(json_object(request.body), sent_id, request.body, now),))

    def _heard(self, said: dict[str, Any], sent_id: str, body: bytes, now: int) -> Heard:
        data, named = at(said, "data"), text_at(said, "type")
        last = named.rpartition(".")[2]
        return Heard(
            provider=self.name,
            kind=last if named not in self._kinds and last in KINDS else kind_or_other(self._kinds, named),
            ref=text_at(data, "ref"),
            provider_message_id=text_at(data, "message_id"),
            address=text_at(data, "address"),
            reason=code(text_at(data, "reason")),
            detail=excerpt(text_at(data, "detail")),
            occurred_at=ms_of_iso(at(said, "timestamp"), now),
            event_id=sent_id,
            raw=body,
        )


def _signatures(listed: str) -> list[str]:
    """The signatures of the version we know. Raises BadSignature when there is none."""
    found = [each.removeprefix(VERSION) for each in listed.split(" ")[:MOST_SIGNATURES] if each.startswith(VERSION)]
    if not found:
        raise BadSignature("no signature of version v1")
    return found


def _key(secret: str) -> bytes:
    """The key that a secret is written as, in base64, with or without the prefix."""
    try:
        key = from_base64(secret.removeprefix(PREFIX), "a secret")
    except Malformed:
        raise BadSecret("a secret of ours is not base64") from None
    if not key:
        raise BadSecret("a secret of ours is empty")
    return key
