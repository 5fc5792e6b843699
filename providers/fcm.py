"""Firebase Cloud Messaging, HTTP v1: one push a request, to Android, iOS and web apps by their registration tokens.

https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages/send. FCM takes no idempotency key: the answer that names the
message is all there is. A project may send 600 000 a minute unless it has asked for more
(https://firebase.google.com/docs/cloud-messaging/scale-fcm).
"""

from collections.abc import Callable, Sequence

import httpx
import msgspec

from providers.answers import read, unreadable
from providers.base import Accepted, Declaration, Message, Outcome, Throttled
from providers.codes import Code, outcome_of
from providers.fcm_body import body_of
from providers.fcm_codes import BAD_TOKEN, ERRORS, STATUSES
from providers.features import PUSH
from providers.posting import post
from providers.secret import Secret
from providers.service_account import ServiceAccount
from providers.statuses import by_status, retry_after_ms
from schemas.clock import now_ms

SCOPE = "https://www.googleapis.com/auth/firebase.messaging"


class Violation(msgspec.Struct):
    """What is wrong with a field."""

    field: str = ""
    description: str = ""


class Detail(msgspec.Struct, rename="camel"):
    """One of the details: an FcmError has `error_code`, a BadRequest `field_violations`."""

    error_code: str = ""
    field_violations: list[Violation] = []


class Error(msgspec.Struct):
    """What an answer says that refuses."""

    message: str = ""
    status: str = ""
    details: list[Detail] = []


class Answer(msgspec.Struct):
    """The body of any answer."""

    name: str = ""
    error: Error = msgspec.field(default_factory=Error)


class Fcm:
    """Push by FCM's HTTP v1 API."""

    def __init__(
        self,
        channel: str,
        service_account: Secret,
        project_id: str,
        *,
        name: str = "fcm",
        base_url: str = "https://fcm.googleapis.com",
        token_url: str = "",
        concurrency: int = 100,
        timeout_ms: int = 10_000,
        connect_timeout_ms: int = 2_000,
        rate_per_s: int | None = 10_000,
        rate_per_day: int | None = None,
        clock: Callable[[], int] = now_ms,
    ) -> None:
        """`service_account`: the JSON of its key file. `token_url`: where tokens are asked for; empty: where that file says."""
        self.declaration = Declaration(
            name=name,
            channel=channel,
            carries=PUSH | {"title"},
            platforms=frozenset({"android", "ios", "web"}),
            concurrency=concurrency,
            timeout_ms=timeout_ms,
            connect_timeout_ms=connect_timeout_ms,
            rate_per_s=rate_per_s,
            rate_per_day=rate_per_day,
        )
        self.auth: httpx.Auth | None = ServiceAccount(service_account, SCOPE, clock, token_url)
        self._url = httpx.URL(f"{base_url}/v1/projects/{project_id}/messages:send")

    def build(self, messages: Sequence[Message]) -> httpx.Request:
        """Return the request of one message."""
        (message,) = messages
        return post(self._url, {"content-type": "application/json"}, body_of(message))

    def parse(self, messages: Sequence[Message], response: httpx.Response) -> list[Outcome]:
        """Return the outcome of the one message."""
        return [_outcome(response)] * len(messages)


def _outcome(response: httpx.Response) -> Outcome:
    answer = _answer(response)
    if response.status_code == 200:
        found = answer.name.rpartition("/messages/")[2]
        return Accepted(found) if found else unreadable(response)
    code = _code(answer.error) if response.status_code >= 400 else None
    if code is None:
        return by_status(response)
    wait_ms = retry_after_ms(response)
    if code.meaning == "unavailable" and wait_ms:
        return Throttled(wait_ms, f"{code.reason}: {answer.error.message}")
    return outcome_of(code, answer.error.message[:300], wait_ms)


def _code(error: Error) -> Code | None:
    said = next((detail.error_code for detail in error.details if detail.error_code), "")
    if said == "INVALID_ARGUMENT" and _is_about_the_token(error):
        return BAD_TOKEN
    return ERRORS.get(said) or STATUSES.get(error.status)


def _is_about_the_token(error: Error) -> bool:
    fields = [violation.field for detail in error.details for violation in detail.field_violations]
    return fields == ["message.token"] or (not fields and "registration token" in error.message)


def _answer(response: httpx.Response) -> Answer:
    return read(response, Answer) or Answer()
