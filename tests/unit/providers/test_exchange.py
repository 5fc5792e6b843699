"""What each failure says of the messages: nothing was sent, or it may have been."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator, Sequence

import httpx
import pytest

from providers.base import SIGN_IN, Accepted, Declaration, Message, Outcome, Rejected, Throttled, Unavailable, Unknown
from providers.errors import SignInError
from providers.exchange import DirectExchange, HttpExchange

Handle = Callable[[httpx.Request], httpx.Response]
URL = "https://provider.test/send"
TOKEN_URL = "https://provider.test/token"


def message(number: int = 0) -> Message:
    return Message(message_id=f"m-{number}", notification_id="n", user_id="u", address="a", body="Hi")


class Plain:
    """Accepts what was answered with 200."""

    declaration = Declaration(name="plain", channel="push", batch_size=10, timeout_ms=100, connect_timeout_ms=50)
    auth: httpx.Auth | None = None

    def build(self, messages: Sequence[Message]) -> httpx.Request:
        return httpx.Request("POST", URL)

    def parse(self, messages: Sequence[Message], response: httpx.Response) -> list[Outcome]:
        outcome: Outcome = Accepted(response.text) if response.status_code == 200 else Unavailable(str(response.status_code))
        return [outcome] * len(messages)


async def exchange(handle: Handle, provider: Plain | None = None, count: int = 1) -> list[Outcome]:
    async with httpx.MockTransport(handle) as transport:
        return await HttpExchange(provider or Plain(), transport)([message(i) for i in range(count)])


def raising(error: Exception) -> Handle:
    def handle(request: httpx.Request) -> httpx.Response:
        raise error

    return handle


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (httpx.ConnectError("refused"), Unavailable),
        (httpx.ConnectTimeout("slow"), Unavailable),
        (httpx.PoolTimeout("busy"), Unavailable),
        (httpx.ProxyError("no proxy"), Unavailable),
        (httpx.UnsupportedProtocol("ftp"), Unavailable),
        (httpx.ReadTimeout("slow"), Unknown),
        (httpx.WriteTimeout("slow"), Unknown),
        (httpx.ReadError("reset"), Unknown),
        (httpx.WriteError("reset"), Unknown),
        (httpx.CloseError("reset"), Unknown),
        (httpx.LocalProtocolError("h11"), Unknown),
        (httpx.RemoteProtocolError("garbage"), Unknown),
        (httpx.DecodingError("gzip"), Unknown),
        (httpx.NetworkError("?"), Unknown),
        (httpx.TimeoutException("?"), Unknown),
        (ConnectionResetError("bare"), Unknown),
        (TimeoutError("bare"), Unknown),
        (RuntimeError("bug"), Unknown),
    ],
)
async def test_a_transport_error_is_an_outcome_for_every_message(error: Exception, kind: type[Outcome]) -> None:
    outcomes = await exchange(raising(error), count=3)
    assert [type(outcome) for outcome in outcomes] == [kind] * 3


async def test_the_whole_is_bounded_in_time() -> None:
    class Stalling(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            assert request.extensions["timeout"] == {"connect": 0.05, "read": 0.1, "write": 0.1, "pool": 0.1}
            await asyncio.Event().wait()
            raise AssertionError

    assert await HttpExchange(Plain(), Stalling())([message()]) == [Unknown("no answer within 100 ms")]


async def test_an_answer_that_stops_in_its_body_is_unknown_and_closed() -> None:
    class Body(httpx.AsyncByteStream):
        closed = False

        async def __aiter__(self) -> AsyncGenerator[bytes, None]:
            yield b"{"
            raise httpx.ReadError("reset")

        async def aclose(self) -> None:
            self.closed = True

    body = Body()
    assert await exchange(lambda _: httpx.Response(200, stream=body)) == [Unknown("ReadError: reset")]
    assert body.closed


class Unbuildable(Plain):
    def build(self, messages: Sequence[Message]) -> httpx.Request:
        raise ValueError("no such address")


class Unparsable(Plain):
    def parse(self, messages: Sequence[Message], response: httpx.Response) -> list[Outcome]:
        raise KeyError("id")


class Short(Plain):
    def parse(self, messages: Sequence[Message], response: httpx.Response) -> list[Outcome]:
        return [Accepted()]


@pytest.mark.parametrize(
    ("provider", "expected"),
    [
        (Unbuildable(), Rejected("unbuildable", "ValueError: no such address")),
        (Unparsable(), Unknown("unreadable answer: KeyError: 'id'")),
        (Short(), Unknown("1 outcomes for 2 messages")),
    ],
)
async def test_a_provider_with_a_bug_harms_only_its_messages(provider: Plain, expected: Outcome) -> None:
    assert await exchange(lambda _: httpx.Response(200), provider, count=2) == [expected] * 2


class Token(httpx.Auth):
    """Fetches a token first, and again when the message is refused with 401."""

    requires_response_body = True

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        for _ in range(2):
            answer = yield httpx.Request("POST", TOKEN_URL, extensions={SIGN_IN: True})
            if answer.status_code != 200:
                return
            request.headers["Authorization"] = f"Bearer {answer.text}"
            if (yield request).status_code != 401:
                return


class Signed(Plain):
    auth: httpx.Auth | None = Token()


def tokens(*answers: httpx.Response | Exception) -> tuple[Handle, list[str]]:
    """Return a handler that gives these answers in turn, and the list of what it was asked."""
    asked: list[str] = []
    left = list(answers)

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(f"{request.url.path} {request.headers.get('Authorization', '')}".strip())
        answer = left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return handle, asked


def ok(text: str = "") -> httpx.Response:
    return httpx.Response(200, content=text.encode())


@pytest.mark.parametrize(
    ("answers", "kind", "expected"),
    [
        ([ok("t1"), ok("p")], Accepted, ["/token", "/send Bearer t1"]),
        (
            [ok("t1"), httpx.Response(401), ok("t2"), ok("p")],
            Accepted,
            ["/token", "/send Bearer t1", "/token", "/send Bearer t2"],
        ),
        ([httpx.Response(500)], Unavailable, ["/token"]),
        ([httpx.ReadTimeout("slow")], Unavailable, ["/token"]),
        ([ok("t1"), httpx.ReadTimeout("slow")], Unknown, ["/token", "/send Bearer t1"]),
        ([ok("t1"), httpx.Response(401), httpx.ReadError("reset")], Unavailable, ["/token", "/send Bearer t1", "/token"]),
    ],
)
async def test_a_failed_sign_in_sent_nothing(answers: list[httpx.Response | Exception], kind: type[Outcome], expected: list[str]) -> None:
    handle, asked = tokens(*answers)
    (outcome,) = await exchange(handle, Signed())
    assert type(outcome) is kind
    assert asked == expected


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (httpx.Response(400, text="invalid_grant"), Unavailable("sign-in failed: HTTP 400: invalid_grant", config=True)),
        (httpx.Response(401), Unavailable("sign-in failed: HTTP 401: ", config=True)),
        (httpx.Response(429, headers={"retry-after": "2"}), Throttled(2_000, "sign-in failed: HTTP 429: ")),
        (httpx.Response(500), Unavailable("sign-in failed: HTTP 500: ")),
        (httpx.Response(504), Unavailable("sign-in failed: HTTP 504: ")),
        (httpx.Response(204, text="t0ken"), Unavailable("sign-in failed: <Response [204 No Content]>")),
    ],
)
async def test_a_refused_sign_in_says_whose_fault_it_is_and_shows_no_token(answer: httpx.Response, expected: Outcome) -> None:
    handle, _ = tokens(answer)
    assert await exchange(handle, Signed()) == [expected]


async def test_a_key_that_can_not_be_used_is_our_fault() -> None:
    class Broken(httpx.Auth):
        def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
            raise SignInError("the key is no PEM")
            yield request

    class Keyless(Plain):
        auth: httpx.Auth | None = Broken()

    handle, asked = tokens()
    assert await exchange(handle, Keyless()) == [Unavailable("sign-in failed: the key is no PEM", config=True)]
    assert asked == []


class Direct:
    declaration = Declaration(name="direct", channel="in_app", timeout_ms=50, connect_timeout_ms=10)

    def __init__(self, result: list[Outcome] | Exception | None) -> None:
        self._result = result

    async def deliver(self, messages: Sequence[Message]) -> list[Outcome]:
        if self._result is None:
            await asyncio.Event().wait()
        if isinstance(self._result, Exception):
            raise self._result
        return self._result or []


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        ([Accepted("x")], Accepted("x")),
        ([], Unknown("0 outcomes for 1 messages")),
        (OSError("broken"), Unknown("OSError: broken")),
        (None, Unknown("no answer within 50 ms")),
    ],
)
async def test_a_direct_provider_is_bounded_and_never_raises(result: list[Outcome] | Exception | None, expected: Outcome) -> None:
    assert await DirectExchange(Direct(result))([message()]) == [expected]
