"""The HTTP client underneath: pyreqwest (Rust) as an httpx transport.

pyreqwest brings an httpx transport of its own; it is not used, because its errors cannot be trusted with a message: a
connection reset *after* the request was written, and an answer that never comes, both arrive as ConnectError and
ConnectTimeout (0.15.1). "Not sent" would be wrong, and the resend a duplicate. Here only what hyper itself calls a failed
connect is one; everything later is a read error. Cancelling its coroutine does not end the request either: the total
time-out is given to the Rust side too, so that a stalled connection is closed.

HTTP/2: all requests to a host share one connection. A request that the server certainly did not process (RFC 9113, 8.7: GOAWAY with a lower
stream id, REFUSED_STREAM) is made again on a new one before we hear of it; any other end of the connection leaves its requests unknown.
Time-outs end streams and not the connection, so PINGs find out that it is dead.
"""

from collections.abc import Hashable
from datetime import timedelta
from pathlib import Path

import httpx
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import (
    BuilderError,
    DecodeError,
    DetailedPyreqwestError,
    PoolTimeoutError,
    RequestError,
    RequestTimeoutError,
)

from providers.base import CONNECTION
from providers.errors import CertificateError

FAILED_CONNECT = "client error (Connect)"
UNANSWERED_PING = "keep-alive timed out"
IDLE_S = 4.0  # below the keep-alive of every server met so far: a request written to a dying connection is Unknown
IDLE_HTTP2_S = 300.0  # an end is announced there (GOAWAY); below what routers on the way forget a connection after
PING_S, PONG_S = 10.0, 5.0  # while requests are open: how often a PING is sent, and how long its answer may take
CONNECT_S = 5.0
TOTAL_S = 60.0


class FastTransport(httpx.AsyncBaseTransport):
    """pyreqwest under httpx's transport interface. Redirects are not followed, no proxy is used.

    Honours extensions["timeout"]: "connect" (s; one client for each value met), and "read" as the limit of the whole; and
    extensions[CONNECTION]: requests of different values never share a connection.
    Raises httpx.ConnectError, ConnectTimeout, PoolTimeout, UnsupportedProtocol when nothing was sent, and
    httpx.ReadTimeout, ReadError, DecodingError when it may have been.
    """

    def __init__(self, *, http2: bool = False, ca_file: Path | None = None, ping_s: float = PING_S, pong_s: float = PONG_S) -> None:
        """`http2`: where the server offers it. `ca_file`: certificates (PEM) to trust besides the machine's.

        Raises CertificateError when the file can't be used.
        """
        self._http2, self._ping, self._pong = http2, timedelta(seconds=ping_s), timedelta(seconds=pong_s)
        self._authorities = _certificates(ca_file) if ca_file else []
        self._clients: dict[tuple[float, Hashable], Client] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Return the answer, body read."""
        timeout = request.extensions.get("timeout") or {}
        client = self._client(timeout.get("connect") or CONNECT_S, request.extensions.get(CONNECTION))
        total = timedelta(seconds=timeout.get("read") or TOTAL_S)
        try:
            building = client.request(request.method, str(request.url)).headers(request.headers.multi_items())
            response = await building.body_bytes(request.read()).timeout(total).build().send()
            body = bytes(await response.bytes())
        except (BuilderError, RequestError) as error:
            raise _mapped(error, request) from error
        headers = list(response.headers.items())
        if "content-encoding" in response.headers:  # one that pyreqwest does not know
            return httpx.Response(response.status, headers=headers, content=body, request=request)
        return _Read(response.status, headers, body, request)

    async def aclose(self) -> None:
        """Close every connection."""
        while self._clients:
            _, client = self._clients.popitem()
            await client.close()

    def _client(self, connect_s: float, connection: Hashable) -> Client:
        if (client := self._clients.get((connect_s, connection))) is None:
            client = self._clients[connect_s, connection] = self._made(connect_s)
        return client

    def _made(self, connect_s: float) -> Client:
        idle_s = IDLE_HTTP2_S if self._http2 else IDLE_S
        builder = ClientBuilder().follow_redirects(False).no_proxy().http2(self._http2)
        builder = builder.connect_timeout(timedelta(seconds=connect_s)).pool_idle_timeout(timedelta(seconds=idle_s))
        builder = builder.http2_keep_alive_interval(self._ping).http2_keep_alive_timeout(self._pong)
        for authority in self._authorities:
            builder = builder.add_root_certificate_der(authority)
        return builder.build()


class _Read(httpx.Response):
    """An answer that was read. httpx would look for an encoding, and read the body through a decoder of none, at four times the cost."""

    def __init__(self, status: int, headers: list[tuple[str, str]], body: bytes, request: httpx.Request) -> None:
        super().__init__(status, headers=headers, stream=httpx.ByteStream(body), request=request)
        self._content = body
        self.is_closed = self.is_stream_consumed = True


def _certificates(file: Path) -> list[bytes]:
    """Return the certificates of a PEM file, as DER."""
    try:
        return [found.public_bytes(Encoding.DER) for found in x509.load_pem_x509_certificates(file.read_bytes())]
    except (OSError, ValueError) as error:
        raise CertificateError(f"{file}: {error}") from error


def _mapped(error: DetailedPyreqwestError, request: httpx.Request) -> httpx.RequestError:
    """Return the httpx error that says how far the request got. Its text leaves out the URL, which may hold a secret."""
    causes = [cause["message"] for cause in error.details.get("causes") or []]
    said = UNANSWERED_PING if UNANSWERED_PING in causes else causes[-1] if len(causes) > 1 else type(error).__name__
    return _kind(error, causes)(said, request=request)


def _kind(error: DetailedPyreqwestError, causes: list[str]) -> type[httpx.RequestError]:
    timed_out = isinstance(error, RequestTimeoutError)
    if isinstance(error, BuilderError):
        return httpx.UnsupportedProtocol
    if isinstance(error, PoolTimeoutError):
        return httpx.PoolTimeout
    if FAILED_CONNECT in causes:
        return httpx.ConnectTimeout if timed_out else httpx.ConnectError
    if timed_out and UNANSWERED_PING not in causes:
        return httpx.ReadTimeout
    return httpx.DecodingError if isinstance(error, DecodeError) else httpx.ReadError
