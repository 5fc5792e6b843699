"""Twilio: text messages, MMS and WhatsApp, one a request.

https://www.twilio.com/docs/messaging/api/message-resource#create-a-message-resource: form-encoded, signed in with the account's SID and its
auth token, or with an API key's SID and secret (https://www.twilio.com/docs/iam/api-keys). Accepted is 201 with the message's SID. There is
no idempotency key: a request whose answer is lost stays Unknown. Requests that were throttled (429) were not processed, as
https://www.twilio.com/docs/api/errors/20429 says.

WhatsApp takes free text only within 24 hours of what the user wrote last (63016); outside of them it wants an approved template, by
`ContentSid` (https://www.twilio.com/docs/whatsapp/key-concepts). So what goes out unasked needs one: `templates`, by category. It brings
words and pictures of its own; of the message it has the data.
"""

from base64 import b64encode
from collections.abc import Sequence
from urllib.parse import urlencode

import httpx
import msgspec

from providers.base import Declaration, Message, Outcome, Rejected, Unsupported
from providers.errors import DeclarationError
from providers.posting import post
from providers.secret import Secret
from providers.segments import count
from providers.twilio_answers import created, refused

MEDIA = 10
"""MediaUrl: "You can include up to ten"."""
VALIDITY_S = 36_000
"""ValidityPeriod: "integers from 1 to 36000"."""


class WhatsAppTemplate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An approved template. `sid`: its ContentSid (HX...); `variables`: the names of the data that are {{1}}, {{2}} and so on."""

    sid: str
    variables: list[str] = []


class Twilio:
    """Text messages by Twilio's Messages resource."""

    auth: httpx.Auth | None = None

    def __init__(
        self,
        channel: str,
        account_sid: str,
        secret: Secret,
        *,
        api_key_sid: str = "",
        sender: str = "",
        messaging_service_sid: str = "",
        callback_url: str = "",
        whatsapp: bool = False,
        templates: dict[str, WhatsAppTemplate] | None = None,
        max_segments: int | None = None,
        name: str = "twilio",
        base_url: str = "https://api.twilio.com",
        concurrency: int = 32,
        timeout_ms: int = 10_000,
        connect_timeout_ms: int = 2_000,
        rate_per_s: int | None = None,
        rate_per_day: int | None = None,
    ) -> None:
        """`secret`: the auth token, or the secret of the API key `api_key_sid` (SK...). `sender` (E.164, short code or name) or the service
        that has senders, or both. `callback_url`: where status callbacks go, with ?ref=. `templates`: WhatsApp's, by category.
        `max_segments`: a longer text is refused; None: Twilio refuses what has more than 1600 characters.
        """
        self.declaration = Declaration(
            name=name,
            channel=channel,
            carries=frozenset({"sms.media"}),
            concurrency=concurrency,
            timeout_ms=timeout_ms,
            connect_timeout_ms=connect_timeout_ms,
            rate_per_s=rate_per_s,
            rate_per_day=rate_per_day,
            feedback="webhook" if callback_url else "sync",
        )
        if not (sender or messaging_service_sid):
            raise DeclarationError(f"{name}: sender or messaging_service_sid must be given")
        self._prefix = "whatsapp:" if whatsapp else ""
        self._from = {"MessagingServiceSid": messaging_service_sid, "From": sender and f"{self._prefix}{sender}"}
        self._templates = (templates or {}) if whatsapp else {}
        self._max_segments = None if whatsapp else max_segments
        self._callback_url = httpx.URL(callback_url) if callback_url else None
        self._user, self._secret = api_key_sid or account_sid, secret
        self._url = httpx.URL(f"{base_url}/2010-04-01/Accounts/{account_sid}/Messages.json")

    def refused(self, message: Message) -> Outcome | None:
        """Refuse a text of too many segments; media is sent as MMS, which has none."""
        media, template = message.sms.media, self._templates.get(message.category)
        if len(media) > MEDIA:
            return Rejected("too_many_media", f"{len(media)} media files, {MEDIA} are allowed")
        if template and media:
            return Unsupported(f"{self.declaration.name} can't carry sms.media with a WhatsApp template")
        if template and (missing := [name for name in template.variables if not message.data.get(name)]):
            return Rejected("variables_missing", f"template {template.sid} needs {', '.join(missing)}")
        if self._max_segments and not media and (segments := count(message.body)) > self._max_segments:
            return Rejected("too_long", f"{segments} segments, {self._max_segments} are allowed")
        return None

    def build(self, messages: Sequence[Message]) -> httpx.Request:
        """Return the request of one message."""
        (message,) = messages
        fields: list[tuple[str, str]] = [("To", f"{self._prefix}{message.address}"), *self._from.items(), *self._words(message)]
        fields += [("MediaUrl", url) for url in message.sms.media]
        if self._callback_url is not None:
            fields.append(("StatusCallback", str(self._callback_url.copy_merge_params({"ref": message.ref}))))
        if message.expires_at is not None:
            left_s = (message.expires_at - message.sent_at) // 1000
            fields.append(("ValidityPeriod", str(min(VALIDITY_S, max(1, left_s)))))
        basic = b64encode(f"{self._user}:{self._secret.reveal()}".encode()).decode()
        headers = {"authorization": f"Basic {basic}", "content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
        return post(self._url, headers, urlencode([field for field in fields if field[1]]).encode())

    def parse(self, messages: Sequence[Message], response: httpx.Response) -> list[Outcome]:
        """Return the outcome of the message."""
        return [created(response) if response.status_code in (200, 201) else refused(response)]

    def _words(self, message: Message) -> list[tuple[str, str]]:
        template = self._templates.get(message.category)
        if template is None:
            return [("Body", message.body)]
        variables = {str(number): message.data.get(name, "") for number, name in enumerate(template.variables, 1)}
        return [("ContentSid", template.sid), ("ContentVariables", msgspec.json.encode(variables).decode() if variables else "")]
