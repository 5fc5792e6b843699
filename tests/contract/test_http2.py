"""HTTP/2 over TLS: one connection for all, which certificates are trusted, and what is told of requests when a connection ends.

What the server certainly did not process may be made again behind our back, all else is unknown, and the next request gets a connection
that works.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import StreamEnded
from hyperframe.frame import GoAwayFrame

from providers.base import CONNECTION, Accepted, Declaration, Message, Outcome, Unavailable, Unknown
from providers.errors import CertificateError
from providers.sender import Sender
from providers.transport import FastTransport
from tests.certificates import ca_file, server_context

SHORT_MS = 600


class Connection:
    """One connection of the rogue server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.h2 = H2Connection(H2Configuration(client_side=False))
        self.mute = False

    def flush(self) -> None:
        if not self.mute:
            self.writer.write(self.h2.data_to_send())

    def answer(self, stream: int) -> None:
        self.h2.send_headers(stream, [(":status", "200")], end_stream=True)
        self.flush()

    def goes_away(self, last_stream: int, error: ErrorCodes = ErrorCodes.NO_ERROR) -> None:
        self.writer.write(GoAwayFrame(0, last_stream_id=last_stream, error_code=error).serialize())


Handler = Callable[[Connection, int], Awaitable[None]]


class Rogue:
    """Gives the first request, read to its end, to `handler`, and answers the others with 200."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self.requests = self.connections = 0
        self.base_url = ""
        self._open: set[Connection] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        connection = Connection(reader, writer)
        self._open.add(connection)
        connection.h2.initiate_connection()
        connection.flush()
        with suppress(ConnectionError):
            while received := await reader.read(65536):
                await self._read(connection, received)
        writer.close()

    async def _read(self, connection: Connection, received: bytes) -> None:
        if connection.mute:
            return
        for event in connection.h2.receive_data(received):
            if isinstance(event, StreamEnded):
                self.requests += 1
                await (self._handler if self.requests == 1 else answers)(connection, event.stream_id)
        connection.flush()
        await connection.writer.drain()

    async def stop(self) -> None:
        for connection in self._open:
            connection.writer.transport.abort()


async def answers(connection: Connection, stream: int) -> None:
    connection.answer(stream)


async def stalls(connection: Connection, stream: int) -> None:
    """Answers nothing on this stream; the connection lives."""


async def falls_silent(connection: Connection, stream: int) -> None:
    """Answers nothing on the connection any more, PINGs included, as a machine that lost its power."""
    connection.mute = True


async def resets_the_connection(connection: Connection, stream: int) -> None:
    connection.writer.transport.abort()


async def cancels_the_stream(connection: Connection, stream: int) -> None:
    connection.h2.reset_stream(stream, ErrorCodes.CANCEL)


async def fails_inside(connection: Connection, stream: int) -> None:
    connection.h2.reset_stream(stream, ErrorCodes.INTERNAL_ERROR)


async def goes_away_and_hangs_up(connection: Connection, stream: int) -> None:
    """GOAWAY that leaves open whether this request was processed, and no answer."""
    connection.goes_away(stream)
    connection.writer.close()


async def goes_away_in_anger(connection: Connection, stream: int) -> None:
    connection.goes_away(stream, ErrorCodes.INTERNAL_ERROR)
    connection.writer.close()


async def goes_away_before_it(connection: Connection, stream: int) -> None:
    """GOAWAY that says that this request was not processed."""
    connection.goes_away(0)


async def refuses_the_stream(connection: Connection, stream: int) -> None:
    connection.h2.reset_stream(stream, ErrorCodes.REFUSED_STREAM)


async def goes_away_and_answers(connection: Connection, stream: int) -> None:
    """As a server that is shut down in good order: what is under way is answered, and nothing new is taken."""
    connection.goes_away(stream)
    connection.answer(stream)


class Single:
    """Accepts what was answered with 200."""

    auth: httpx.Auth | None = None

    def __init__(self, base_url: str, timeout_ms: int = 5_000, connection: str | None = None) -> None:
        self.declaration = Declaration(name="single", channel="push", http2=True, timeout_ms=timeout_ms, connect_timeout_ms=500)
        self._url, self._connection = base_url, connection

    def build(self, messages: Sequence[Message]) -> httpx.Request:
        return httpx.Request("POST", self._url, content=b"{}", extensions={CONNECTION: self._connection})

    def parse(self, messages: Sequence[Message], response: httpx.Response) -> list[Outcome]:
        return [Accepted() if response.status_code == 200 else Unavailable(str(response.status_code))]


def message(number: int = 0) -> Message:
    return Message(message_id=f"m-{number}", notification_id="n", user_id="u", address="a")


@pytest.fixture
async def sender() -> AsyncIterator[Sender]:
    sender = Sender(FastTransport(), http2=FastTransport(http2=True, ca_file=ca_file()))
    yield sender
    await sender.aclose()


@pytest.fixture
async def rogue() -> AsyncIterator[Callable[[Handler], Awaitable[Rogue]]]:
    started: list[tuple[Rogue, asyncio.Server]] = []

    async def start(handler: Handler) -> Rogue:
        made = Rogue(handler)
        server = await asyncio.start_server(made.serve, "127.0.0.1", 0, ssl=server_context("h2"))
        made.base_url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        started.append((made, server))
        return made

    yield start
    for made, server in started:
        server.close()
        await made.stop()


Start = Callable[[Handler], Awaitable[Rogue]]


async def send(sender: Sender, provider: Single) -> Outcome:
    (outcome,) = await sender.send(provider, [message()])
    return outcome


@pytest.mark.parametrize(
    "handler",
    [stalls, resets_the_connection, cancels_the_stream, fails_inside, goes_away_and_hangs_up, goes_away_in_anger],
    ids=lambda handler: handler.__name__,
)
async def test_what_may_have_been_processed_is_unknown_and_the_next_is_answered(handler: Handler, rogue: Start, sender: Sender) -> None:
    server = await rogue(handler)
    provider = Single(server.base_url, SHORT_MS)
    outcome = await send(sender, provider)
    assert isinstance(outcome, Unknown), outcome
    assert server.requests == 1
    assert server.base_url not in outcome.detail
    assert await send(sender, provider) == Accepted()
    assert server.requests == 2


@pytest.mark.parametrize("handler", [goes_away_before_it, refuses_the_stream], ids=lambda handler: handler.__name__)
async def test_what_was_not_processed_is_sent_again_at_once(handler: Handler, rogue: Start, sender: Sender) -> None:
    server = await rogue(handler)
    assert await send(sender, Single(server.base_url)) == Accepted()
    assert server.requests == 2


async def test_an_orderly_end_loses_nothing(rogue: Start, sender: Sender) -> None:
    server = await rogue(goes_away_and_answers)
    provider = Single(server.base_url)
    assert [await send(sender, provider) for _ in range(3)] == [Accepted()] * 3
    assert (server.requests, server.connections) == (3, 2)


async def test_a_connection_that_fell_silent_is_left(rogue: Start) -> None:
    server = await rogue(falls_silent)
    sender = Sender(FastTransport(), http2=FastTransport(http2=True, ca_file=ca_file(), ping_s=0.1, pong_s=0.4))
    provider = Single(server.base_url)
    assert await send(sender, provider) == Unknown("ReadError: keep-alive timed out")
    assert await send(sender, provider) == Accepted()
    assert server.connections == 2
    await sender.aclose()


async def test_all_share_one_connection(rogue: Start, sender: Sender) -> None:
    server = await rogue(answers)
    provider = Single(server.base_url)
    assert await send(sender, provider) == Accepted()
    assert await sender.send_all(provider, [message(number) for number in range(50)]) == [Accepted()] * 50
    assert server.connections == 1


async def test_those_that_must_not_share_a_connection_do_not(rogue: Start, sender: Sender) -> None:
    server = await rogue(answers)
    providers = [Single(server.base_url, connection=name) for name in ("one", "other")]
    assert [await send(sender, provider) for provider in providers * 2] == [Accepted()] * 4
    assert server.connections == 2


async def test_a_certificate_of_nobody_we_trust_is_no_connection(rogue: Start) -> None:
    server = await rogue(answers)
    sender = Sender(FastTransport(http2=True))
    outcome = await send(sender, Single(server.base_url))
    assert isinstance(outcome, Unavailable), outcome
    assert server.requests == 0
    await sender.aclose()


@pytest.mark.parametrize("text", [None, "", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_a_file_of_certificates_that_can_not_be_used_is_named(text: str | None, tmp_path: Path) -> None:
    path = tmp_path / "authorities.pem"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(CertificateError, match=r"authorities\.pem"):
        FastTransport(ca_file=path)
