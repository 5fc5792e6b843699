"""Vonage: webhooks of the Messages API, signed by a JWT, and of the SMS API, signed in a parameter.

https://developer.vonage.com/en/getting-started/concepts/webhooks#decoding-signed-webhooks: a JWT (HS256, by the signature secret) in the
header Authorization, with the SHA-256 of the body as `payload_hash`. «In the rare case of an internal error, it is possible that the
callback service will send an unsigned callback. By returning an HTTP 5xx response, a retry will be triggered» (`NotSignedYet`).
https://developer.vonage.com/en/getting-started/concepts/signing-messages: the parameter `sig`, MD5 of all others and the secret, or an
HMAC of them, as the account is set. Before signing, `&` and `=` in values become `_`: in values that mean something they are refused.
No age is documented; what is not answered with 200 is sent again for 24 h, so that is the tolerance.

`Message.ref` is `client_ref`, in the SMS API `client-ref`. Let webhooks be sent as POST: GET has no body to be signed.
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from providers.feedback import keywords
from providers.feedback.base import Heard, Reading, Request
from providers.feedback.errors import Malformed, NotSigned, NotSignedYet, TooOld, UnknownSender
from providers.feedback.reading import at, excerpt, form_of, json_object, kind_or_other, ms_of_iso, text_at
from providers.feedback.signing import check_age, check_mac, digest, header_or_none, seconds, secrets_of
from providers.feedback.vonage_codes import MESSAGE_ERRORS, MESSAGE_STATUSES, RECEIPT_ERRORS, RECEIPT_STATUSES, Ends
from providers.feedback.vonage_signing import Method, canonical, claims_of, sign
from providers.secret import Secret

_KEY = re.compile(r"[A-Za-z0-9._-]{1,60}", re.ASCII)
_PLAIN = re.compile(r"[^&=]*")
_DIGITS = re.compile(r"[0-9]{5,15}", re.ASCII)
TELLING = ("messageId", "status", "err-code", "msisdn", "client-ref", "timestamp", "nonce", "message-timestamp", "api-key")
"""Parameters of the SMS API that mean something."""


class VonageWebhooks:
    """Webhooks of one account, or of several with one signature secret each."""

    def __init__(
        self,
        signature_secret: Secret,
        *,
        method: Method = "md5hash",
        accounts: tuple[str, ...] = (),
        name: str = "vonage",
        channel: str = "sms",
        tolerance_s: int = 86_700,
    ) -> None:
        """`signature_secret`: several, with white space between, while it is exchanged. `method`: the account's, for the SMS API; Vonage's
        own default is md5hash, better is sha512. `accounts`: API keys; none: any."""
        self.name, self.channel, self.tolerance_s = name, channel, tolerance_s
        self._secret, self._method, self._accounts = signature_secret, method, frozenset(accounts)

    def parse(self, request: Request, now: int) -> Reading:
        """Return what the webhook says. Raises FeedbackRefused."""
        authorization = header_or_none(request, "Authorization")
        if authorization is not None:
            signed_id = self._check_token(authorization, request.body, now)
            heard = self._of_messages(json_object(request.body), request.body, now)
            return Reading(signed_id, digest(request.body), (heard,))
        form = _fields(request.body)
        signed = self._check_sig(form, now)
        signed_id = f"{form.get('nonce', '')}/{digest(signed).hex() if 'nonce' not in form else form['timestamp']}"
        return Reading(signed_id, digest(signed), (self._of_sms(form, request.body, now),))

    def _check_token(self, authorization: str, body: bytes, now: int) -> str:
        """The token's id, when it is signed, of this body, lately, by an account of ours."""
        claims = claims_of(authorization, secrets_of(self._secret))
        hashed, issued = text_at(claims, "payload_hash"), at(claims, "iat")
        if not hashed or not isinstance(issued, int) or isinstance(issued, bool):
            raise NotSigned("the token has no payload_hash, or no time")
        check_mac([hashed], [hashlib.sha256(body).hexdigest()])
        check_age(issued, now, self.tolerance_s)
        expires = at(claims, "exp")
        if isinstance(expires, int | float) and 1000 * expires < now:
            raise TooOld("the token has expired")
        self._check_account(text_at(claims, "api_key"))
        return text_at(claims, "jti") or digest(authorization.encode(errors="replace")).hex()

    def _check_sig(self, form: Mapping[str, str], now: int) -> bytes:
        """What was signed, when it was, lately, by an account of ours."""
        if not form.get("sig") or not form.get("timestamp"):
            raise NotSignedYet("neither a token nor sig and timestamp")
        if not all(_KEY.fullmatch(key) for key in form) or not all(_PLAIN.fullmatch(form.get(key, "")) for key in TELLING):
            raise Malformed("a parameter could be read in two ways")
        signed = canonical(form)
        check_mac([form["sig"].lower()], [sign(self._method, secret, signed) for secret in secrets_of(self._secret)])
        check_age(seconds(form["timestamp"], "timestamp"), now, self.tolerance_s)
        self._check_account(form.get("api-key", ""))
        return signed

    def _check_account(self, api_key: str) -> None:
        if self._accounts and api_key not in self._accounts:
            raise UnknownSender("the API key is not configured")

    def _of_messages(self, said: dict[str, Any], raw: bytes, now: int) -> Heard:
        status, sent_id = text_at(said, "status"), text_at(said, "message_uuid")
        error = _error(at(said, "error"))
        kind, reason = _end(MESSAGE_STATUSES, MESSAGE_ERRORS, status, error)
        if not status:
            kind, reason = keywords.said(text_at(said, "text")) or "other:inbound", ""
        return Heard(
            provider=self.name,
            kind=kind,
            ref=text_at(said, "client_ref") if status else "",
            provider_message_id=sent_id,
            address=_number(text_at(said, "to" if status else "from")),
            reason=reason,
            detail=excerpt(text_at(said, "error", "detail"), text_at(said, "text")),
            occurred_at=ms_of_iso(at(said, "timestamp"), now),
            event_id=f"{sent_id}/{status}" if status else sent_id,
            raw=raw,
        )

    def _of_sms(self, form: Mapping[str, str], raw: bytes, now: int) -> Heard:
        status, sent_id, error = form.get("status", ""), form.get("messageId", ""), form.get("err-code", "")
        kind, reason = _end(RECEIPT_STATUSES, RECEIPT_ERRORS, status, "" if error == "0" else error)
        text = form.get("text", "").replace("&", "_").replace("=", "_")  # as it was signed
        if not status:
            kind, reason = keywords.said(text) or "other:inbound", ""
        return Heard(
            provider=self.name,
            kind=kind,
            ref=form.get("client-ref", "") if status else "",
            provider_message_id=sent_id,
            address=_number(form.get("msisdn", "")),
            reason=reason,
            detail=excerpt(error, text),
            occurred_at=ms_of_iso(form.get("message-timestamp"), now),
            event_id=f"{sent_id}/{status}/{error}" if status else sent_id,
            raw=raw,
        )


def _fields(body: bytes) -> dict[str, str]:
    """A form, or a JSON object of texts and numbers. Raises NotSignedYet, Malformed."""
    if not body:
        raise NotSignedYet("neither a token nor a body")
    if body.lstrip()[:1] != b"{":
        return form_of(body)
    said = json_object(body)
    if any(isinstance(value, dict | list) for value in said.values()):
        raise NotSignedYet("no token, and no parameters that could be signed")
    return {key: text_at(said, key) for key in said}


def _end(statuses: Mapping[str, str], errors: Ends, status: str, error: str) -> tuple[str, str]:
    """Kind and reason of a status, and of the error it came with."""
    kind = kind_or_other(statuses, status)
    if kind == "delivered" or not error:
        return kind, "" if kind == "delivered" else status
    if kind in ("failed", "soft_bounced"):
        return errors.get(error, (kind, f"vonage_{error[:20]}"))
    return kind, errors.get(error, ("", f"vonage_{error[:20]}"))[1]


def _error(error: Any) -> str:
    """The code of an error object: its title, or what its type ends with (`...#1240`)."""
    title = text_at(error, "title")
    return title if title.isdigit() else text_at(error, "type").rpartition("#")[2][:20]


def _number(text: str) -> str:
    """A phone number as we write it: Vonage leaves the + away."""
    return f"+{text}" if _DIGITS.fullmatch(text) else text
