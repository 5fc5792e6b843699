"""The guarded transport on real sockets, with names that resolve to what the test says."""

import asyncio
import gzip
import socket
import ssl
from collections.abc import AsyncIterator, Sequence

import httpx
import pytest
import trustme

from providers.base import Accepted, Declaration, Message, Outcome, Rejected, Unavailable, Unknown
from providers.errors import AddressRefusedError
from providers.guarded import ANSWER_BYTES, GUARD, GuardedTransport
from providers.sender import Sender
from providers.ssrf import Guard

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
HERE = ("127.0.0.1/32",)


class Server:
    """Answers each request with `answer`, on a port of 127.0.0.1; empty: with nothing at all."""

    def __init__(self) -> None:
        self.answer = OK
        self.connects = 0
        self.heads: list[bytes] = []
        self.hung_up = asyncio.Event()
        self.port = 0
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def start(self, tls: ssl.SSLContext | None = None) -> "Server":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for writer in self._writers:
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connects += 1
        self._writers.add(writer)
        try:
            while True:
                self.heads.append(await reader.readuntil(b"\r\n\r\n"))
                writer.write(self.answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            self.hung_up.set()
        finally:
            writer.close()


class Names:
    """Resolves to each of `answers` in turn, and then to the last."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, int]] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append((host, port))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = await Server().start()
    yield server
    await server.stop()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
async def secure(authority: trustme.CA) -> AsyncIterator[Server]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("hooks.example.com").configure_cert(context)
    server = await Server().start(context)
    yield server
    await server.stop()


def request(url: str, guard: Guard | None = None, connect_s: float = 5.0) -> httpx.Request:
    extensions = {"timeout": {"connect": connect_s, "read": 5.0, "write": 5.0, "pool": 5.0}}
    return httpx.Request("POST", url, content=b"{}", extensions=extensions | ({GUARD: guard} if guard else {}))


def to(port: int, **allowed: object) -> Guard:
    return Guard(**{"http": True, "ports": (port,), "networks": HERE} | allowed)  # type: ignore[arg-type]


async def test_it_connects_to_what_it_checked_and_says_the_name(server: Server) -> None:
    names = Names(["127.0.0.1"])
    async with GuardedTransport(names) as transport:
        answer = await transport.handle_async_request(request(f"http://hooks.example.com:{server.port}/a?b=c", to(server.port)))
    assert (answer.status_code, answer.content) == (200, b"ok")
    assert names.asked == [("hooks.example.com", server.port)]
    assert server.heads[0].startswith(b"POST /a?b=c HTTP/1.1\r\n")
    assert f"Host: hooks.example.com:{server.port}".encode() in server.heads[0]


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["::ffff:127.0.0.1"], ["::1"], ["8.8.8.8", "127.0.0.1"], ["127.0.0.1", "8.8.8.8"]])
async def test_a_name_that_is_private_is_not_connected_to(addresses: list[str], server: Server) -> None:
    async with GuardedTransport(Names(addresses)) as transport:
        with pytest.raises(AddressRefusedError, match="not public"):
            await transport.handle_async_request(request(f"http://hooks.example.com:{server.port}/", to(server.port, networks=())))
    assert server.connects == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f000001", "0x7f.1", "127.1", "[::1]", "[::ffff:127.0.0.1]"])
async def test_no_form_of_ourselves_is_connected_to(host: str, server: Server) -> None:
    """By the machine's own resolver, and even when nobody looked at the URL before."""
    async with GuardedTransport() as transport:
        with pytest.raises((AddressRefusedError, httpx.ConnectError)):
            await transport.handle_async_request(request(f"http://{host}:{server.port}/", to(server.port, networks=())))
    assert server.connects == 0


async def test_a_name_that_changes_its_mind_gets_nowhere(server: Server) -> None:
    """DNS rebinding: public when it is looked at, private a moment later. There is one look a connect, and it is that which counts."""
    names = Names(["192.0.2.77"], ["127.0.0.1"])
    guard = to(server.port, networks=("192.0.2.0/24",))  # stands for a public address, where nobody answers
    async with GuardedTransport(names) as transport:
        with pytest.raises((httpx.ConnectError, httpx.ConnectTimeout)):
            await transport.handle_async_request(request(f"http://rebind.example:{server.port}/", guard, connect_s=0.2))
        assert len(names.asked) == 1
        with pytest.raises(AddressRefusedError):
            await transport.handle_async_request(request(f"http://rebind.example:{server.port}/", guard))
    assert server.connects == 0


async def test_a_connection_is_not_lent_to_who_may_not_have_it(server: Server) -> None:
    async with GuardedTransport(Names(["127.0.0.1"])) as transport:
        for _ in range(2):
            await transport.handle_async_request(request(f"http://hooks.example.com:{server.port}/", to(server.port)))
        assert server.connects == 1
        with pytest.raises(AddressRefusedError):
            await transport.handle_async_request(request(f"http://hooks.example.com:{server.port}/", to(server.port, networks=())))
    assert server.connects == 1


async def test_the_next_address_is_tried(server: Server) -> None:
    guard = to(server.port, networks=("127.0.0.0/8",))
    async with GuardedTransport(Names(["127.0.0.2", "127.0.0.1"])) as transport:  # nobody listens on the first
        answer = await transport.handle_async_request(request(f"http://hooks.example.com:{server.port}/", guard))
    assert answer.status_code == 200


async def test_tls_is_checked_against_the_name(secure: Server, authority: trustme.CA) -> None:
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    async with GuardedTransport(Names(["127.0.0.1"]), ssl_context=trusting) as transport:
        answer = await transport.handle_async_request(request(f"https://hooks.example.com:{secure.port}/", to(secure.port)))
        assert answer.status_code == 200
        with pytest.raises(httpx.ConnectError, match="^TLS: CERTIFICATE_VERIFY_FAILED$"):
            await transport.handle_async_request(request(f"https://other.example.com:{secure.port}/", to(secure.port)))


async def test_a_certificate_nobody_knows_is_refused(secure: Server) -> None:
    async with GuardedTransport(Names(["127.0.0.1"])) as transport:
        with pytest.raises(httpx.ConnectError, match="^TLS: CERTIFICATE_VERIFY_FAILED$"):
            await transport.handle_async_request(request(f"https://hooks.example.com:{secure.port}/", to(secure.port)))


async def test_an_answer_without_an_end_is_not_read_to_it(server: Server) -> None:
    server.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n" + b"x" * (ANSWER_BYTES + 1)
    async with GuardedTransport(Names(["127.0.0.1"])) as transport:
        answer = await transport.handle_async_request(request(f"http://hooks.example.com:{server.port}/", to(server.port)))
        assert (answer.status_code, len(answer.content)) == (200, ANSWER_BYTES)
        await asyncio.wait_for(server.hung_up.wait(), 5)


async def test_an_answer_is_not_unpacked(server: Server) -> None:
    bomb = gzip.compress(b"0" * 10_000_000)
    server.answer = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb) + bomb
    async with GuardedTransport(Names(["127.0.0.1"])) as transport:
        answer = await transport.handle_async_request(request(f"http://hooks.example.com:{server.port}/", to(server.port)))
    assert len(answer.content) == len(bomb)


class Calls:
    """A provider whose address is the URL."""

    auth: httpx.Auth | None = None

    def __init__(self, guard: Guard | None, timeout_ms: int = 2_000) -> None:
        self.declaration = Declaration(name="calls", channel="chat", guarded=True, timeout_ms=timeout_ms, connect_timeout_ms=500)
        self._guard = guard

    def build(self, messages: Sequence[Message]) -> httpx.Request:
        return httpx.Request("POST", messages[0].address, content=b"{}", extensions={GUARD: self._guard} if self._guard else {})

    def parse(self, messages: Sequence[Message], response: httpx.Response) -> list[Outcome]:
        return [Accepted(str(response.status_code))]


async def outcome_of(url: str, guard: Guard | None, names: Names, timeout_ms: int = 2_000) -> Outcome:
    message = Message(message_id="m", notification_id="n", user_id="u", address=url)
    sender = Sender(httpx.MockTransport(lambda _: pytest.fail("by the other transport")), guarded=GuardedTransport(names))
    try:
        (outcome,) = await sender.send(Calls(guard, timeout_ms), [message])
    finally:
        await sender.aclose()
    return outcome


async def test_the_sender_takes_it_for_who_declares_it(server: Server) -> None:
    url = f"http://hooks.example.com:{server.port}/"
    assert await outcome_of(url, to(server.port), Names(["127.0.0.1"])) == Accepted("200")
    refused = Rejected("address_refused", "the address leads to a host that is not public")
    assert await outcome_of(url, None, Names(["127.0.0.1"])) == refused
    assert server.connects == 1


async def test_what_was_not_sent_is_known(server: Server) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
        outcome = await outcome_of(f"http://hooks.example.com:{port}/secret", to(port), Names(["127.0.0.1"]))
    assert isinstance(outcome, Unavailable)
    assert await outcome_of(f"http://hooks.example.com:{server.port}/", to(server.port), Names([])) == Unavailable(
        "ConnectError: no such host"
    )
    server.answer = b""
    outcome = await outcome_of(f"http://hooks.example.com:{server.port}/", to(server.port), Names(["127.0.0.1"]), 700)
    assert outcome == Unknown("no answer within 700 ms")
    server.answer = b"nonsense\r\n\r\n"
    outcome = await outcome_of(f"http://hooks.example.com:{server.port}/", to(server.port), Names(["127.0.0.1"]))
    assert isinstance(outcome, Unknown)


async def test_a_name_nobody_has_is_unavailable() -> None:
    async with GuardedTransport() as transport:
        with pytest.raises(httpx.ConnectError) as caught:
            await transport.handle_async_request(request("https://no-such-host.invalid/"))
    assert "no-such-host" not in str(caught.value)


async def test_a_name_server_that_hangs_is_a_connect_time_out() -> None:
    async def hangs(host: str, port: int) -> Sequence[str]:
        await asyncio.Event().wait()
        return []

    async with GuardedTransport(hangs) as transport:
        with pytest.raises(httpx.ConnectTimeout):
            await transport.handle_async_request(request("https://slow.example/", connect_s=0.05))
