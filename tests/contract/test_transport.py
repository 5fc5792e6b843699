"""How far a request got is never taken for less than it was: both transports against servers that break on purpose."""

import asyncio
import gzip
import socket
import struct
from collections.abc import Awaitable, Callable, Iterator
from typing import Protocol

import pytest

from providers.base import Accepted, Message, Outcome, Unavailable, Unknown
from providers.sandbox import SandboxSingle
from providers.sender import Sender

Messages = Callable[..., list[Message]]
Handler = Callable[[asyncio.StreamWriter], Awaitable[None]]
ACCEPTED = b'{"results":[{"message_id":"m-0","status":"accepted","id":"p-0"}]}'
SHORT_MS = 1_000


class Rogue(Protocol):
    """What the fixture `rogue` starts."""

    base_url: str
    requests: int
    hung_up: asyncio.Event


Start = Callable[[Handler], Awaitable[Rogue]]


def answer(body: bytes, head: str = "", status: str = "200 OK", length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    return f"HTTP/1.1 {status}\r\nContent-Length: {size}\r\n{head}\r\n".encode() + body


async def resets(writer: asyncio.StreamWriter) -> None:
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def hangs_up(writer: asyncio.StreamWriter) -> None:
    writer.close()


async def stalls(writer: asyncio.StreamWriter) -> None:
    """Answers nothing; the next read sees the client hang up."""


async def talks_nonsense(writer: asyncio.StreamWriter) -> None:
    writer.write(b"\x00\x01nonsense\r\n\r\n")
    writer.close()


async def truncates(writer: asyncio.StreamWriter) -> None:
    writer.write(answer(ACCEPTED, length=1000))
    writer.close()


async def stalls_in_the_body(writer: asyncio.StreamWriter) -> None:
    writer.write(answer(ACCEPTED, length=1000))


async def garbles_gzip(writer: asyncio.StreamWriter) -> None:
    writer.write(answer(b"not gzip", "Content-Encoding: gzip\r\n"))


async def answers_garbage(writer: asyncio.StreamWriter) -> None:
    writer.write(answer(b"<html>"))


async def redirects(writer: asyncio.StreamWriter) -> None:
    writer.write(answer(b"", "Location: /elsewhere\r\n", "307 Temporary Redirect"))


async def answers_gzip(writer: asyncio.StreamWriter) -> None:
    writer.write(answer(gzip.compress(ACCEPTED), "Content-Encoding: gzip\r\nContent-Type: application/json\r\n"))


async def send(sender: Sender, base_url: str, messages: Messages, timeout_ms: int = 10_000) -> Outcome:
    provider = SandboxSingle("push", base_url, timeout_ms=timeout_ms, connect_timeout_ms=timeout_ms // 2)
    (outcome,) = await sender.send(provider, messages(1))
    return outcome


@pytest.mark.parametrize(
    "handler",
    [resets, hangs_up, stalls, talks_nonsense, truncates, stalls_in_the_body, garbles_gzip, answers_garbage],
    ids=lambda handler: handler.__name__,
)
async def test_after_the_request_was_read_it_is_unknown(handler: Handler, rogue: Start, sender: Sender, messages: Messages) -> None:
    server = await rogue(handler)
    outcome = await send(sender, server.base_url, messages, SHORT_MS)
    assert isinstance(outcome, Unknown), outcome
    assert server.requests == 1  # no retry behind our back
    assert server.base_url not in outcome.detail


async def test_a_redirect_is_not_followed(rogue: Start, sender: Sender, messages: Messages) -> None:
    server = await rogue(redirects)
    assert isinstance(await send(sender, server.base_url, messages), Unavailable)
    assert server.requests == 1


async def test_a_compressed_answer_is_read(rogue: Start, sender: Sender, messages: Messages) -> None:
    server = await rogue(answers_gzip)
    assert await send(sender, server.base_url, messages) == Accepted("p-0")


async def test_a_timed_out_request_is_hung_up_on(rogue: Start, sender: Sender, messages: Messages) -> None:
    server = await rogue(stalls)
    await send(sender, server.base_url, messages, SHORT_MS)
    await asyncio.wait_for(server.hung_up.wait(), 5)


@pytest.fixture
def closed_port() -> Iterator[str]:
    """The URL of a port nobody listens on, and nobody else can take."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{held.getsockname()[1]}"


@pytest.fixture
def deaf_port() -> Iterator[str]:
    """The URL of a listener whose queue is full: the kernel drops further connects."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for client in waiting:
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        for client in waiting:
            client.close()


async def test_refused_is_unavailable(closed_port: str, sender: Sender, messages: Messages) -> None:
    assert isinstance(await send(sender, closed_port, messages), Unavailable)


async def test_a_connect_time_out_is_unavailable(deaf_port: str, sender: Sender, messages: Messages) -> None:
    assert isinstance(await send(sender, deaf_port, messages, SHORT_MS), Unavailable)


@pytest.mark.parametrize("url", ["http://no-such-host.invalid", "https://no-such-host.invalid"])
async def test_no_such_host_is_unavailable(url: str, sender: Sender, messages: Messages) -> None:
    outcome = await send(sender, url, messages)
    assert isinstance(outcome, Unavailable)
    assert "no-such-host" not in outcome.detail


async def test_a_failed_tls_handshake_is_unavailable(rogue: Start, sender: Sender, messages: Messages) -> None:
    server = await rogue(stalls)  # speaks no TLS
    assert isinstance(await send(sender, server.base_url.replace("http:", "https:"), messages, SHORT_MS), Unavailable)
    assert server.requests == 0
