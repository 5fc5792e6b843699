"""Twilio: status callbacks of messages we sent, and messages that people send us.

https://www.twilio.com/docs/usage/webhooks/webhooks-security: HMAC-SHA1, in base64, of the whole URL as Twilio called it and then each
form parameter's name and value, sorted by name; of a JSON body its SHA-256 is in the URL instead (`bodySHA256`). No time is signed: a
request can be replayed for ever, and says the same each time (`event_id`).

Nothing stands between names and values that are signed: `providers.feedback.twilio_form` says what is believed of that.

https://www.twilio.com/docs/messaging/guides/outbound-message-status-in-status-callbacks, .../guides/webhook-request,
https://www.twilio.com/docs/messaging/tutorials/advanced-opt-out (OptOutType), https://www.twilio.com/docs/events/event-types/messaging
(Event Streams: CloudEvents as a JSON array). `Message.ref` is the parameter `ref` of the StatusCallback's URL.
"""

import hashlib
from collections.abc import Mapping
from urllib.parse import urlsplit

from providers.feedback import keywords
from providers.feedback.base import Heard, Reading, Request
from providers.feedback.errors import Malformed, NotSigned, UnknownSender
from providers.feedback.reading import at, excerpt, form_of, json_array, json_object, kind_or_other, ms_of_iso, query_of, text_at
from providers.feedback.signing import check_mac, digest, encoded, header, hmac_base64, secrets_of
from providers.feedback.twilio_codes import ENDS, OPT_OUT, STATUSES
from providers.feedback.twilio_form import signed_text, values_of
from providers.secret import Secret


class TwilioCallbacks:
    """Callbacks of one Twilio account, or of several with one auth token each."""

    tolerance_s = 0

    def __init__(self, auth_token: Secret, *, accounts: tuple[str, ...] = (), name: str = "twilio", channel: str = "sms") -> None:
        """`auth_token`: the primary one; several, with white space between, while it is exchanged. `accounts`: the SIDs; none: any."""
        self.name, self.channel = name, channel
        self._auth_token, self._accounts = auth_token, frozenset(accounts)

    def parse(self, request: Request, now: int) -> Reading:
        """Return what the callback says. Raises FeedbackRefused."""
        signature = header(request, "X-Twilio-Signature")
        if not signature:
            raise NotSigned("X-Twilio-Signature is empty")
        query = query_of(request.url)
        if "bodySHA256" in query:
            self._check(request.url, "", signature)
            _check_body(request.body, query["bodySHA256"])
            events = [self._of_event(raw, now) for raw in _events(request.body)]
            content = digest(request.body)
            return Reading(content.hex(), content, tuple(events))
        form = form_of(request.body)
        signed = signed_text(form)
        self._check(request.url, signed, signature)
        content = digest(encoded(request.url + signed))
        heard = self._of_form(values_of(request.url, form), query.get("ref", ""), request.body, now)
        return Reading(content.hex(), content, (heard,))

    def _check(self, url: str, signed: str, signature: str) -> None:
        """Raises BadSignature. Twilio is not consistent in writing the port (its SDKs try both)."""
        texts = [encoded(each + signed) for each in _spellings(url)]
        check_mac([signature], [hmac_base64(secret, text, "sha1") for secret in secrets_of(self._auth_token) for text in texts])

    def _of_form(self, said: dict[str, str], ref: str, body: bytes, now: int) -> Heard:
        if self._accounts and said["AccountSid"] not in self._accounts:
            raise UnknownSender("the account is not configured")
        if "MessageStatus" in said:
            return self._status(said, ref, body, now)
        text = said.get("Body", "")
        return Heard(
            provider=self.name,
            kind=OPT_OUT.get(said.get("OptOutType", "")) or keywords.said(text) or "other:inbound",
            provider_message_id=said["MessageSid"],
            address=_person(said["From"]),
            detail=excerpt(text),
            occurred_at=now,
            event_id=said["MessageSid"],
            raw=body,
        )

    def _status(self, said: Mapping[str, str], ref: str, raw: bytes, now: int) -> Heard:
        status, error = said["MessageStatus"].lower(), said.get("ErrorCode", "")
        kind, reason = kind_or_other(STATUSES, status), status
        if kind == "failed":
            kind, reason = ENDS.get(error, ("failed", f"twilio_{error}" if error else status))
        return Heard(
            provider=self.name,
            kind=kind,
            ref=ref,
            provider_message_id=said["MessageSid"],
            address=_person(said["To"]),
            reason=reason,
            detail=error,
            occurred_at=now,
            event_id=f"{said['MessageSid']}/{status}",
            raw=raw,
        )

    def _of_event(self, raw: bytes, now: int) -> Heard:
        """What an event of Event Streams says, where it is of a message."""
        event = json_object(raw)
        data = at(event, "data")
        names = {"MessageSid": "messageSid", "MessageStatus": "messageStatus", "To": "to", "ErrorCode": "errorCode"}
        said = {name: text_at(data, field) for name, field in names.items()}
        if self._accounts and text_at(data, "accountSid") not in self._accounts:
            raise UnknownSender("the account is not configured")
        if not said["MessageStatus"]:
            named = f"other:{text_at(event, 'type')[:100]}"
            event_id = text_at(event, "id") or digest(raw).hex()
            return Heard(provider=self.name, kind=named, event_id=event_id, occurred_at=now, raw=raw)
        ref = query_of(text_at(data, "statusCallBackUrl")).get("ref", "")
        return self._status(said, ref, raw, ms_of_iso(at(data, "timestamp"), now))


def _person(address: str) -> str:
    """An address as we have it: Twilio writes the channel before it."""
    return address.removeprefix("whatsapp:")


def _spellings(url: str) -> list[str]:
    """The URL as it is, and without its port, or with the default one."""
    try:
        parts = urlsplit(url)
        port, start = parts.port, f"{parts.scheme}://{parts.netloc}"
    except ValueError:
        raise Malformed("the URL can't be read") from None
    if not url.startswith(start):
        return [url]
    other = start.rpartition(":")[0] if port else f"{start}:{443 if parts.scheme == 'https' else 80}"
    return [url, other + url.removeprefix(start)]


def _check_body(body: bytes, written: str) -> None:
    """Raises BadSignature when the URL, which is signed, names another body."""
    check_mac([written], [hashlib.sha256(body).hexdigest()])


def _events(body: bytes) -> list[bytes]:
    return json_array(body) if body.lstrip()[:1] == b"[" else [body]
