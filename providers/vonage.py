"""Vonage: text messages, MMS and WhatsApp by its Messages API, one a request.

https://developer.vonage.com/en/api/messages (v1). Of Vonage's two APIs it is the one that "will continue to be enhanced"
(https://developer.vonage.com/en/messaging/sms/technical-details): it has MMS and WhatsApp, errors by HTTP status instead of in a 200, and
gives the `client_ref` back with every status. The SMS API would only be faster for more than 500 messages a second.

Signed in by the account's key and secret (Basic), or as an application by a JWT that its private key signs. Accepted is 202 with the
message's UUID. There is no idempotency key.
"""

from base64 import b64encode
from collections.abc import Callable, Generator, Sequence
from uuid import uuid4

import httpx
import jwt
import msgspec

from providers.answers import read, unreadable
from providers.base import Accepted, Declaration, Message, Outcome, Rejected
from providers.codes import outcome_of
from providers.errors import DeclarationError
from providers.posting import post
from providers.secret import Secret
from providers.segments import count
from providers.statuses import by_status, retry_after_ms
from providers.vonage_body import WhatsAppTemplate, body_of, refusal
from providers.vonage_codes import CODES
from schemas.clock import now_ms

TOKEN_S, LEFT_S = 900, 60
"""How long a token is good, and how much of that it must have left to be used."""


class Created(msgspec.Struct):
    message_uuid: str


class Refusal(msgspec.Struct):
    """RFC 7807; the code is the fragment of `type`."""

    type: str
    title: str = ""
    detail: str = ""


class ApplicationToken(httpx.Auth):
    """A JWT of an application (https://developer.vonage.com/en/getting-started/concepts/authentication).

    It is made anew before it ends, and when the key is replaced.
    """

    def __init__(self, application_id: str, private_key: Secret, clock: Callable[[], int]) -> None:
        """`private_key`: PEM. `clock`: epoch ms."""
        self._application_id, self._private_key, self._clock = application_id, private_key, clock
        self._made: tuple[str, int, str] = ("", 0, "")

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Yield the request with a token."""
        key, now = self._private_key.reveal(), self._clock() // 1000
        if self._made[0] != key or self._made[1] - now < LEFT_S:
            claims = {"application_id": self._application_id, "iat": now, "exp": now + TOKEN_S, "jti": str(uuid4())}
            self._made = (key, now + TOKEN_S, jwt.encode(claims, key, algorithm="RS256"))
        request.headers["authorization"] = f"Bearer {self._made[2]}"
        yield request


class Vonage:
    """Text messages by Vonage's Messages API."""

    def __init__(
        self,
        channel: str,
        secret: Secret,
        sender: str,
        *,
        api_key: str = "",
        application_id: str = "",
        callback_url: str = "",
        whatsapp: bool = False,
        templates: dict[str, WhatsAppTemplate] | None = None,
        max_segments: int | None = None,
        name: str = "vonage",
        base_url: str = "https://api.nexmo.com",
        concurrency: int = 32,
        timeout_ms: int = 10_000,
        connect_timeout_ms: int = 2_000,
        rate_per_s: int | None = None,
        rate_per_day: int | None = None,
        clock: Callable[[], int] = now_ms,
    ) -> None:
        """`secret`: of `api_key`, or the private key (PEM) of `application_id`. `sender`: number or name. `callback_url`: where statuses go
        instead of the application's own URL. `templates`: WhatsApp's, by category. `max_segments`: a longer text is refused; None: one of
        more than 1000 characters. `clock`: epoch ms.
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
            feedback="webhook",
        )
        if bool(api_key) == bool(application_id):
            raise DeclarationError(f"{name}: either api_key or application_id must be given")
        self.auth: httpx.Auth | None = ApplicationToken(application_id, secret, clock) if application_id else None
        self._api_key, self._secret, self._sender = api_key, secret, sender
        self._whatsapp, self._templates = whatsapp, (templates or {}) if whatsapp else {}
        self._max_segments = None if whatsapp else max_segments
        self._to = {"webhook_url": callback_url, "webhook_version": "v1"} if callback_url else {}
        self._url = httpx.URL(f"{base_url}/v1/messages")

    def refused(self, message: Message) -> Outcome | None:
        """Refuse what is too long, or has more files than one."""
        if self._max_segments and not message.sms.media and (segments := count(message.body)) > self._max_segments:
            return Rejected("too_long", f"{segments} segments, {self._max_segments} are allowed")
        return refusal(message, self._whatsapp, self._templates.get(message.category), self.declaration.name)

    def build(self, messages: Sequence[Message]) -> httpx.Request:
        """Return the request of one message."""
        (message,) = messages
        body = body_of(message, self._sender, self._whatsapp, self._templates.get(message.category)) | self._to
        headers = {"content-type": "application/json", "accept": "application/json"}
        if self._api_key:
            headers["authorization"] = "Basic " + b64encode(f"{self._api_key}:{self._secret.reveal()}".encode()).decode()
        return post(self._url, headers, msgspec.json.encode(body))

    def parse(self, messages: Sequence[Message], response: httpx.Response) -> list[Outcome]:
        """Return the outcome of the message."""
        return [_created(response) if response.status_code == 202 else _refused(response)]


def _created(response: httpx.Response) -> Outcome:
    answer = read(response, Created)
    return Accepted(answer.message_uuid) if answer else unreadable(response)


def _refused(response: httpx.Response) -> Outcome:
    refusal = read(response, Refusal)
    if refusal is None:
        return by_status(response)
    name = refusal.type.rpartition("#")[2]
    code = CODES.get(name)
    if code is None:
        return by_status(response)
    return outcome_of(code, f"{name} {refusal.title}: {refusal.detail}"[:300], retry_after_ms(response))
