"""No status and no body makes a provider raise, or answer for more or fewer messages than it was asked about."""

from collections.abc import Callable

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from providers.apns import Apns
from providers.base import Accepted, Message, Outcome, Provider, Unknown
from providers.fcm import Fcm
from providers.mailgun import Mailgun
from providers.postmark import Postmark
from providers.registry import KINDS
from providers.sandbox import SandboxBatch, SandboxSingle
from providers.secret import Secret
from providers.sendgrid import SendGrid
from providers.ses import Ses
from providers.slack import Slack
from providers.sns import Sns
from providers.teams import Teams
from providers.twilio import Twilio
from providers.vonage import Vonage
from providers.web_push import WebPush
from providers.webhook import Webhook
from tests.emulators.web_push import browser

URL = "http://127.0.0.1:1"
# One line a provider that is reached by HTTP: its kind -> how to make one, and how many messages its requests have here.
PURE: dict[str, tuple[Callable[[], Provider], int]] = {
    "apns": (lambda: Apns("push", Secret("key"), Secret("id"), "team", "com.example.Shop"), 1),
    "fcm": (lambda: Fcm("push", Secret("key"), "project"), 1),
    "sandbox_batch": (lambda: SandboxBatch("email", URL), 3),
    "sandbox_single": (lambda: SandboxSingle("email", URL), 1),
    "mailgun": (lambda: Mailgun("email", Secret("key"), "mg.example.com", "shop@mg.example.com"), 3),
    "postmark": (lambda: Postmark("email", Secret("token"), "shop@example.com"), 3),
    "ses": (lambda: Ses("email", Secret("AKID"), Secret("key"), "eu-west-1", "shop@example.com"), 3),
    "sendgrid": (lambda: SendGrid("email", Secret("key"), "shop@example.com"), 3),
    "slack": (lambda: Slack("chat", Secret("key")), 1),
    "teams": (lambda: Teams("chat"), 1),
    "twilio": (lambda: Twilio("sms", "AC1", Secret("key"), sender="+15017122661"), 1),
    "web_push": (lambda: WebPush("push", Secret("key"), "mailto:ops@example.com", entropy=lambda size: b"\x17" * size), 1),
    "vonage": (lambda: Vonage("sms", Secret("key"), "447700900001", api_key="abcd1234"), 1),
    "webhook": (lambda: Webhook("chat", Secret("whsec_" + "a" * 32)), 1),
    "sns": (lambda: Sns("sms", Secret("AKID"), Secret("key"), "eu-west-1"), 1),
}
ADDRESSES = {"web_push": browser("one").subscription("https://web.push.apple.com")}
"""Of providers who make no request of any text: one that they do."""
SUCCESS_WITHOUT_WORDS = {"sendgrid": (202, b"")}
"""Providers whose documented success has no body."""
DONE_BY_STATUS = {"teams": range(200, 300), "webhook": range(200, 300)}
"""Providers whose documented success is the status alone, whatever the body."""
BODIES = [
    b"",
    b"null",
    b"[]",
    b"{}",
    b'"ok"',
    b"<html>Bad gateway</html>",
    b"\xff\xfe\x00",
    b"[" * 100_000,
    b'{"results": []}',
    b'{"results": null}',
    b'{"results": [{"message_id": "m-0", "status": 1}]}',
    b'{"results": [{"message_id": "someone else", "status": "accepted"}]}',
    b'{"results": [{"message_id": "m-0", "status": "never heard of"}]}',
    b'{"error": "out of credit"}',
]
EITHER = msgspec.json.Encoder()


def messages(count: int) -> list[Message]:
    return [Message(message_id=f"m-{i}", notification_id="n", user_id=f"u-{i}", address=f"a-{i}", body="Hi") for i in range(count)]


def parse(kind: str, status: int, body: bytes, headers: list[tuple[bytes, bytes]] | None = None) -> list[Outcome]:
    make, count = PURE[kind]
    outcomes = make().parse(messages(count), httpx.Response(status, content=body, headers=headers))
    assert len(outcomes) == count
    EITHER.encode(outcomes)
    return outcomes


def test_every_registered_kind_that_parses_is_here() -> None:
    assert {name for name, kind in KINDS.items() if hasattr(kind, "parse")} == PURE.keys()


@pytest.mark.parametrize("kind", PURE)
@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
def test_garbage_with_200_is_unknown(kind: str, body: bytes) -> None:
    expected = Accepted if 200 in DONE_BY_STATUS.get(kind, ()) else Unknown
    assert {type(outcome) for outcome in parse(kind, 200, body)} == {expected}


@pytest.mark.parametrize("kind", PURE)
@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
@pytest.mark.parametrize("status", [100, 202, 204, 302, 304, 400, 401, 404, 413, 429, 499, 500, 503, 504, 599, 600, 999])
def test_no_other_status_is_taken_for_success(kind: str, status: int, body: bytes) -> None:
    done = status in DONE_BY_STATUS.get(kind, ()) or (status, body) == SUCCESS_WITHOUT_WORDS.get(kind)
    assert (Accepted in {type(outcome) for outcome in parse(kind, status, body)}) == done


@pytest.mark.parametrize("kind", PURE)
@given(
    status=st.integers(100, 999),
    body=st.binary(max_size=200) | st.text(max_size=100).map(str.encode),
    retry_after=st.binary(max_size=30) | st.sampled_from([b"9" * 30, b"-1", b"1e9", b"Fri, 99 Foo 2026 00:00:00 GMT"]),
)
def test_nothing_raises(kind: str, status: int, body: bytes, retry_after: bytes) -> None:
    parse(kind, status, body, [(b"Retry-After", retry_after), (b"Date", retry_after)])


@pytest.mark.parametrize("kind", PURE)
def test_building_is_pure(kind: str) -> None:
    make, count = PURE[kind]
    sent = [replace(message, address=ADDRESSES.get(kind, message.address)) for message in messages(count)]
    first, second = make().build(sent), make().build(sent)
    assert (first.method, first.url, first.content, first.headers) == (
        second.method,
        second.url,
        second.content,
        second.headers,
    )
