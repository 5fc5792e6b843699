"""The HTTP client underneath: pyreqwest (Rust) as an httpx transport.

pyreqwest brings an httpx transport of its own; it is not used, because its errors cannot be trusted with a message: a
connection reset *after* the request was written, and an answer that never comes, both arrive as ConnectError and
ConnectTimeout (0.15.1). "Not sent" would be wrong, and the resend a duplicate. Here only what hyper itself calls a failed
connect is one; everything later is a read error. Cancelling its coroutine does not end the request either: the total
time-out is given to the Rust side too, so that a stalled connection is closed.
"""

from datetime import timedelta

import httpx
from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import (
    BuilderError,
    DecodeError,
    DetailedPyreqwestError,
    PoolTimeoutError,
    RequestError,
    RequestTimeoutError,
)

FAILED_CONNECT = "client error (Connect)"
IDLE_S = 4.0  # below the keep-alive of every server met so far: a request written to a dying connection is Unknown
CONNECT_S = 5.0
TOTAL_S = 60.0


class FastTransport(httpx.AsyncBaseTransport):
    """pyreqwest under httpx's transport interface. Redirects are not followed, no proxy is used.

    Honours extensions["timeout"]: "connect" (s; one client for each value met), and "read" as the limit of the whole.
    Raises httpx.ConnectError, ConnectTimeout, PoolTimeout, UnsupportedProtocol when nothing was sent, and
    httpx.ReadTimeout, ReadError, DecodingError when it may have been.
    """

    def __init__(self, *, http2: bool = False) -> None:
        self._http2 = http2
        self._clients: dict[float, Client] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Return the answer, body read."""
        timeout = request.extensions.get("timeout") or {}
        client = self._client(timeout.get("connect") or CONNECT_S)
        total = timedelta(seconds=timeout.get("read") or TOTAL_S)
        try:
            building = client.request(request.method, str(request.url)).headers(request.headers.multi_items())
            response = await building.body_bytes(request.read()).timeout(total).build().send()
            body = bytes(await response.bytes())
        except (BuilderError, RequestError) as error:
            raise _mapped(error, request) from error
        return httpx.Response(response.status, headers=list(response.headers.items()), content=body, request=request)

    async def aclose(self) -> None:
        """Close every connection."""
        while self._clients:
            _, client = self._clients.popitem()
            await client.close()

    def _client(self, connect_s: float) -> Client:
        if (client := self._clients.get(connect_s)) is None:
            builder = ClientBuilder().follow_redirects(False).no_proxy().http2(self._http2)
            builder = builder.connect_timeout(timedelta(seconds=connect_s)).pool_idle_timeout(timedelta(seconds=IDLE_S))
            client = self._clients[connect_s] = builder.build()
        return client


def _mapped(error: DetailedPyreqwestError, request: httpx.Request) -> httpx.RequestError:
    """Return the httpx error that says how far the request got. Its text leaves out the URL, which may hold a secret."""
    causes = [cause["message"] for cause in error.details.get("causes") or []]
    return _kind(error, causes)(causes[-1] if len(causes) > 1 else type(error).__name__, request=request)


def _kind(error: DetailedPyreqwestError, causes: list[str]) -> type[httpx.RequestError]:
    timed_out = isinstance(error, RequestTimeoutError)
    if isinstance(error, BuilderError):
        return httpx.UnsupportedProtocol
    if isinstance(error, PoolTimeoutError):
        return httpx.PoolTimeout
    if FAILED_CONNECT in causes:
        return httpx.ConnectTimeout if timed_out else httpx.ConnectError
    if timed_out:
        return httpx.ReadTimeout
    return httpx.DecodingError if isinstance(error, DecodeError) else httpx.ReadError
