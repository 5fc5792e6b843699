"""What the contract suites share: a sandbox server, a sender over each transport, and a server that breaks on purpose."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress

import httpx
import pytest

from providers.base import Message
from providers.sandbox_server.process import SandboxProcess, running
from providers.sender import Sender
from providers.transport import FastTransport

Handler = Callable[[asyncio.StreamWriter], Awaitable[None]]
TRANSPORTS: dict[str, Callable[[], httpx.AsyncBaseTransport]] = {
    "pyreqwest": FastTransport,
    "httpx": httpx.AsyncHTTPTransport,
}


@pytest.fixture(scope="session")
def sandbox() -> Iterator[SandboxProcess]:
    with running() as server:
        yield server


@pytest.fixture
def control(sandbox: SandboxProcess) -> Iterator[httpx.Client]:
    """A client of the sandbox's own API; arrivals and settings are forgotten before and after."""
    with httpx.Client(base_url=sandbox.base_url, timeout=5) as client:
        client.delete("/v1/state").raise_for_status()
        yield client
        client.delete("/v1/state").raise_for_status()


@pytest.fixture(params=list(TRANSPORTS))
async def sender(request: pytest.FixtureRequest) -> AsyncIterator[Sender]:
    sender = Sender(TRANSPORTS[request.param]())
    yield sender
    await sender.aclose()


class Rogue:
    """A TCP server that gives each request, read to its end, to `handler`, and counts them."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self.requests = 0
        self.hung_up = asyncio.Event()
        self.base_url = ""
        self._writers: set[asyncio.StreamWriter] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while not writer.is_closing():
                await read_request(reader)
                self.requests += 1
                await self._handler(writer)
                await writer.drain()
        self.hung_up.set()
        writer.close()

    async def stop(self) -> None:
        for writer in self._writers:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()


async def read_request(reader: asyncio.StreamReader) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    lengths = [int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.startswith(b"content-length:")]
    await reader.readexactly(lengths[0] if lengths else 0)


@pytest.fixture
async def rogue() -> AsyncIterator[Callable[[Handler], Awaitable[Rogue]]]:
    started: list[tuple[Rogue, asyncio.Server]] = []

    async def start(handler: Handler) -> Rogue:
        rogue = Rogue(handler)
        server = await asyncio.start_server(rogue.serve, "127.0.0.1", 0)
        rogue.base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        started.append((rogue, server))
        return rogue

    yield start
    for rogue, server in started:
        server.close()
        await rogue.stop()


@pytest.fixture
def messages() -> Callable[..., list[Message]]:
    def make(count: int, start: int = 0, notification_id: str = "n-1") -> list[Message]:
        return [
            Message(
                message_id=f"m-{i}",
                notification_id=notification_id,
                user_id=f"u-{i}",
                address=f"a-{i}@example.com",
                subject="Sale",
                title="Sale",
                body="Everything must go – now",
                html="<p>Everything</p>",
                data={"name": "Ann"} if i % 2 else {},
            )
            for i in range(start, start + count)
        ]

    return make
