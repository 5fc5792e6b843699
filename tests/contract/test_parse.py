"""No status and no body makes a provider raise, or answer for more or fewer messages than it was asked about."""

from collections.abc import Callable

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.base import Accepted, Message, Outcome, Provider, Unknown
from providers.registry import KINDS
from providers.sandbox import SandboxBatch, SandboxSingle

URL = "http://127.0.0.1:1"
# One line a provider that is reached by HTTP: its kind -> how to make one, and how many messages its requests have here.
PURE: dict[str, tuple[Callable[[], Provider], int]] = {
    "sandbox_batch": (lambda: SandboxBatch("email", URL), 3),
    "sandbox_single": (lambda: SandboxSingle("email", URL), 1),
}
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
    assert {type(outcome) for outcome in parse(kind, 200, body)} == {Unknown}


@pytest.mark.parametrize("kind", PURE)
@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
@pytest.mark.parametrize("status", [100, 202, 204, 302, 304, 400, 401, 404, 413, 429, 499, 500, 503, 504, 599, 600, 999])
def test_no_other_status_is_taken_for_success(kind: str, status: int, body: bytes) -> None:
    assert Accepted not in {type(outcome) for outcome in parse(kind, status, body)}


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
    first, second = make().build(messages(count)), make().build(messages(count))
    assert (first.method, first.url, first.content, first.headers) == (
        second.method,
        second.url,
        second.content,
        second.headers,
    )
