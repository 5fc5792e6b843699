"""The HTTP client for URLs that users gave: it connects only to addresses that `providers.ssrf` allows.

pyreqwest (`providers.transport`) resolves names by itself and can't be told what not to connect to; so this is another client, httpcore,
whose way to the network is ours: we resolve, look at every address, and connect to the one we looked at. TLS is still checked against the
name. No proxy is used, no redirect followed, and of an answer no more is read than `ANSWER_BYTES`: whoever answers may be hostile too.
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeAlias

import httpcore
import httpx

from providers.errors import AddressRefusedError
from providers.ssrf import Guard, is_allowed

GUARD = "carillon.guard"
"""The request's extension that says what is allowed; without it, public addresses by https."""

ANSWER_BYTES = 65_536
CONNECTIONS = 512
IDLE_S = 4.0
CONNECT_S = 5.0
LOOKUPS = 32
"""Names that are resolved at a time; in threads of their own, so that slow name servers hold up nothing else."""

_OF_THE_BODY = (b"content-encoding", b"transfer-encoding", b"content-length")

Resolve: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]
"""Host and port to IP addresses. Raises OSError when there are none."""


class GuardedTransport(httpx.AsyncBaseTransport):
    """httpcore under httpx's transport interface.

    Honours extensions["timeout"] (s), and GUARD. Raises AddressRefusedError when nothing was sent because the host is not public, and else
    as `providers.transport.FastTransport` does: ConnectError, ConnectTimeout, PoolTimeout when nothing was sent.
    """

    def __init__(self, resolve: Resolve | None = None, *, ssl_context: ssl.SSLContext | None = None) -> None:
        self._threads = ThreadPoolExecutor(LOOKUPS, "lookup")
        self._resolve = resolve or self._look_up
        self._ssl_context = ssl_context
        self._pools: dict[Guard, httpcore.AsyncConnectionPool] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Return the answer, with the beginning of its body, as it came (a compressed one is not unpacked)."""
        url = httpcore.URL(scheme=request.url.raw_scheme, host=request.url.raw_host, port=request.url.port, target=request.url.raw_path)
        timeouts = {"timeout": request.extensions.get("timeout") or {"connect": CONNECT_S}}
        asked = httpcore.Request(request.method, url, headers=request.headers.raw, content=request.read(), extensions=timeouts)
        try:
            answer = await self._pool(request.extensions.get(GUARD) or Guard()).handle_async_request(asked)
            body = await _beginning(answer)
        except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError, httpcore.UnsupportedProtocol) as error:
            kind: type[httpx.RequestError] = getattr(httpx, type(error).__name__)
            raise kind(_said(error), request=request) from error
        headers = [(name, value) for name, value in answer.headers if name.lower() not in _OF_THE_BODY]
        return httpx.Response(answer.status, headers=headers, content=body, request=request)

    async def aclose(self) -> None:
        """Close every connection, and look up no more."""
        while self._pools:
            _, pool = self._pools.popitem()
            await pool.aclose()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _pool(self, guard: Guard) -> httpcore.AsyncConnectionPool:
        """One for each guard: a connection that one provider may have is not lent to another."""
        if (pool := self._pools.get(guard)) is None:
            self._ssl_context = self._ssl_context or httpx.create_ssl_context()
            pool = self._pools[guard] = httpcore.AsyncConnectionPool(
                ssl_context=self._ssl_context,
                max_connections=CONNECTIONS,
                keepalive_expiry=IDLE_S,
                network_backend=_Guarding(guard, self._resolve),
            )
        return pool

    async def _look_up(self, host: str, port: int) -> Sequence[str]:
        found = await asyncio.get_running_loop().run_in_executor(self._threads, _addresses, host, port)
        return list(dict.fromkeys(found))


class _Guarding(httpcore.AnyIOBackend):
    """Connects to what the guard allows, and to nothing else."""

    def __init__(self, guard: Guard, resolve: Resolve) -> None:
        self._guard, self._resolve = guard, resolve

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        try:
            async with asyncio.timeout(timeout):
                return await self._connected(await self._checked(host, port), port, socket_options)
        except TimeoutError:
            raise httpcore.ConnectTimeout("no connection in time") from None

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None
    ) -> httpcore.AsyncNetworkStream:
        raise AddressRefusedError

    async def _checked(self, host: str, port: int) -> Sequence[str]:
        """All that the host has; one that is not allowed spoils it: a public name has no business with private addresses."""
        try:
            addresses = await self._resolve(host, port)
        except (OSError, UnicodeError):
            raise httpcore.ConnectError("no such host") from None
        if not all(is_allowed(address, self._guard) for address in addresses):
            raise AddressRefusedError
        return addresses

    async def _connected(
        self, addresses: Sequence[str], port: int, socket_options: Iterable[httpcore.SOCKET_OPTION] | None
    ) -> httpcore.AsyncNetworkStream:
        failed: httpcore.ConnectError = httpcore.ConnectError("no such host")
        for address in addresses:
            try:
                return await super().connect_tcp(address, port, None, None, socket_options)
            except httpcore.ConnectError as error:
                failed = error
        raise failed


async def _beginning(answer: httpcore.Response) -> bytes:
    """Up to ANSWER_BYTES of the body; with more to come, the connection is closed."""
    body = bytearray()
    try:
        async for piece in answer.aiter_stream():
            body += piece
            if len(body) >= ANSWER_BYTES:
                break
    finally:
        await answer.aclose()
    return bytes(body[:ANSWER_BYTES])


def _addresses(host: str, port: int) -> list[str]:
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def _said(error: Exception) -> str:
    """What went wrong, without host and path: they may hold a secret."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return f"TLS: {cause.reason}"
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        cause = cause.__cause__ or cause.__context__
    return str(error) or type(error).__name__
