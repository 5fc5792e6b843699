"""The sandbox's routes.

POST   /v1/{channel}/batch|single     -> 200 {"results": [...]}, 400, 429, 5xx, a reset
GET    /v1/stats[?notification=ID]    -> totals, by channel; without ID also faults, and messages received and asked by second
GET    /v1/received/{id}[?user=ID]    -> counts and first and last arrival, of a notification or of one user in it
GET    /v1/duplicates[?notification=&limit=]
GET    /v1/arrivals[?prefix=]         -> notification id -> first arrival, of requests that carried one message
GET    /v1/settings                   -> channel -> settings
PUT    /v1/settings                   {channel: settings} ("*": every channel not named)
DELETE /v1/state                      -> forgets arrivals and settings
GET    /healthz
Times are ns since the epoch.
"""

import asyncio
import socket
import struct
import time
from typing import Any

import msgspec
from aiohttp import web

from providers.sandbox_server.intake import Malformed, Reply, read_batch, read_single, receive
from providers.sandbox_server.ledger import DUPLICATES_KEPT, Ledger
from providers.sandbox_server.settings import Dice, Settings

BODY_LIMIT = 64 * 1024 * 1024  # bytes
ANY = "*"

_settings = msgspec.json.Decoder(dict[str, Settings])


class Sandbox:
    """The server's state and its handlers."""

    def __init__(self) -> None:
        self._forget()

    def app(self) -> web.Application:
        """Return the application; state lives as long as it does."""
        app = web.Application(client_max_size=BODY_LIMIT)
        app.router.add_post("/v1/{channel}/batch", self.batch)
        app.router.add_post("/v1/{channel}/single", self.single)
        app.router.add_get("/v1/stats", self.stats)
        app.router.add_get("/v1/received/{notification}", self.received)
        app.router.add_get("/v1/duplicates", self.duplicates)
        app.router.add_get("/v1/arrivals", self.arrivals)
        app.router.add_get("/v1/settings", self.settings)
        app.router.add_put("/v1/settings", self.configure)
        app.router.add_delete("/v1/state", self.reset)
        app.router.add_get("/healthz", self.health)
        return app

    async def batch(self, request: web.Request) -> web.Response:
        """Take up to 10,000 messages."""
        return await self._take(request, read_batch)

    async def single(self, request: web.Request) -> web.Response:
        """Take one message."""
        return await self._take(request, read_single)

    async def stats(self, request: web.Request) -> web.Response:
        """Report totals, of everything or of one notification."""
        return _json(self._ledger.stats(request.query.get("notification")))

    async def received(self, request: web.Request) -> web.Response:
        """Report one notification, or one user in it by channel."""
        notification, user = request.match_info["notification"], request.query.get("user")
        if user is None:
            return _json(self._ledger.stats(notification))
        return _json({"channels": self._ledger.user(notification, user)})

    async def duplicates(self, request: web.Request) -> web.Response:
        """List the latest recipients that were reached more than once."""
        limit = request.query.get("limit", "1000")
        if not limit.isascii() or not limit.isdigit() or int(limit) > DUPLICATES_KEPT:
            return _problem(f"limit: must be 0 to {DUPLICATES_KEPT}, is {limit!r}")
        return _json(self._ledger.duplicates(request.query.get("notification"), int(limit)))

    async def arrivals(self, request: web.Request) -> web.Response:
        """Report when messages sent alone first arrived."""
        return _json(self._ledger.arrivals(request.query.get("prefix", "")))

    async def settings(self, request: web.Request) -> web.Response:
        """Report the channels' settings."""
        return _json({channel: dice.settings for channel, dice in self._dice.items()})

    async def configure(self, request: web.Request) -> web.Response:
        """Set how channels behave; channels not named keep their settings."""
        try:
            given = _settings.decode(await request.read())
        except msgspec.MsgspecError as error:
            return _problem(str(error))
        self._dice |= {channel: Dice(settings) for channel, settings in given.items()}
        return await self.settings(request)

    async def reset(self, request: web.Request) -> web.Response:
        """Forget everything."""
        self._forget()
        return web.Response(status=204)

    async def health(self, request: web.Request) -> web.Response:
        """Answer when up."""
        return _json({"status": "ok"})

    async def _take(self, request: web.Request, read: Any) -> web.Response:
        body = await request.read()
        try:
            notification_id, items = read(body)
        except Malformed as error:
            self._ledger.faults.malformed += 1
            return _problem(str(error))
        channel = request.match_info["channel"]
        dice = self._dice.get(channel) or self._dice[ANY]
        reply = receive(self._ledger, dice, channel, notification_id, items, time.time_ns())
        return await _answer(request, reply)

    def _forget(self) -> None:
        self._ledger = Ledger()
        self._dice: dict[str, Dice] = {ANY: Dice()}


async def _answer(request: web.Request, reply: Reply) -> web.Response:
    if reply.wait_s:
        await asyncio.sleep(reply.wait_s)
    if reply.reset:
        _reset(request)
    response = web.Response(body=reply.body, status=reply.status, content_type="application/json")
    if reply.retry_after_s is not None:
        response.headers["Retry-After"] = str(reply.retry_after_s)
    return response


def _reset(request: web.Request) -> None:
    """End the connection with a RST: what is not sent yet is lost."""
    if request.transport is not None:
        request.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        request.transport.abort()


def _json(value: object) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), content_type="application/json")


def _problem(detail: str) -> web.Response:
    return web.Response(body=msgspec.json.encode({"error": detail}), status=400, content_type="application/json")
