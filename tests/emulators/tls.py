"""An emulator that speaks TLS, and HTTP/2 where it offers that: hypercorn, in the event loop of the test."""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, NamedTuple, Self

from aiohttp import web
from hypercorn.asyncio import serve
from hypercorn.config import Config
from multidict import CIMultiDict

from tests.certificates import server_files
from tests.emulators.server import Emulator

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class TlsRequest(NamedTuple):
    """A request that was read to its end: what an emulator asks of `web.BaseRequest`, and the `connection` it came by."""

    method: str
    path: str
    version: str
    headers: CIMultiDict[str]
    content: bytes
    connection: tuple[str, int]

    async def read(self) -> bytes:
        return self.content


class TlsEmulator(Emulator):
    """Answers with `web.Response`s, as others do."""

    protocols = ["h2"]
    """What it offers (ALPN); a client that speaks none of it is hung up on."""

    async def start(self, port: int = 0) -> Self:
        """Listen on 127.0.0.1; `base_url` says where."""
        listening = socket.create_server(("127.0.0.1", port))
        self.base_url = f"https://127.0.0.1:{listening.getsockname()[1]}"
        config = Config()
        key, chain = server_files()
        config.keyfile, config.certfile = str(key), str(chain)
        config.alpn_protocols = self.protocols
        config.bind = [f"fd://{listening.detach()}"]
        config.graceful_timeout = 0.1
        config.accesslog = config.errorlog = None
        self._ending = asyncio.Event()
        self._serving = asyncio.create_task(serve(self._asgi, config, shutdown_trigger=self._ending.wait))  # type: ignore[arg-type]
        return self

    async def stop(self) -> None:
        """Close the port and every connection."""
        self._hung.set()
        self._ending.set()
        with suppress(ssl.SSLError, ConnectionError):  # of clients that wrote while they were hung up on
            await self._serving

    async def _asgi(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
            return
        headers = CIMultiDict((name.decode(), value.decode()) for name, value in scope["headers"])
        request = TlsRequest(scope["method"], scope["path"], scope["http_version"], headers, await _body(receive), tuple(scope["client"]))
        answer = await self._answer(request)  # type: ignore[arg-type]
        assert isinstance(answer, web.Response)
        body = answer.body if isinstance(answer.body, bytes) else b""
        told = [(name.lower().encode(), value.encode()) for name, value in answer.headers.items()]
        await send({"type": "http.response.start", "status": answer.status, "headers": told})
        await send({"type": "http.response.body", "body": body})


async def _live(receive: Receive, send: Send) -> None:
    while (await receive())["type"] != "lifespan.shutdown":
        await send({"type": "lifespan.startup.complete"})
    await send({"type": "lifespan.shutdown.complete"})


async def _body(receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        event = await receive()
        body, more = body + event.get("body", b""), event.get("more_body", False)
    return body
