"""The routes, and what is bounded before a webhook is looked at: bytes, seconds, and how many at once.

POST /v1/feedback/{provider}  -> 200; 400, 401, 403, 404, 408, 409, 413 and 503 with a problem document (RFC 9457)
Inside, on a port of its own:
GET  /healthz                 -> 200
GET  /metrics                 -> Prometheus' text
It speaks plain HTTP: TLS ends before it.
"""

import asyncio
from http import HTTPStatus

from aiohttp import web
from aiohttp.typedefs import Handler
from prometheus_client import generate_latest

from gateway.config import Limits
from gateway.metrics import Metrics
from gateway.problems import problem
from gateway.receiver import Receiver
from providers.feedback.base import Request


class Door:
    """The server's handlers."""

    def __init__(self, receiver: Receiver, limits: Limits, metrics: Metrics, public_url: str) -> None:
        """`public_url`: scheme and host as providers call us, without a path: they sign it."""
        self._receiver, self._limits, self._metrics, self._public_url = receiver, limits, metrics, public_url
        self._in_flight = 0

    def app(self) -> web.Application:
        """Return what answers providers."""
        app = web.Application(client_max_size=self._limits.body_bytes, middlewares=[_problems])
        app.router.add_post("/v1/feedback/{provider}", self.feedback)
        return app

    def inside(self) -> web.Application:
        """Return what answers our own."""
        app = web.Application()
        app.router.add_get("/healthz", self.health)
        app.router.add_get("/metrics", self.metrics)
        return app

    async def feedback(self, request: web.Request) -> web.Response:
        """Take a webhook."""
        name = request.match_info["provider"]
        if name not in self._receiver.parsers:
            return problem(HTTPStatus.NOT_FOUND, "no_such_provider", "no provider has this name here")
        if self._in_flight >= self._limits.in_flight:
            self._metrics.turned_away.labels("busy").inc()
            return problem(HTTPStatus.SERVICE_UNAVAILABLE, "busy", "too many requests at once; send it again")
        self._in_flight += 1
        try:
            with self._metrics.took.labels(name).time():
                return await self._bounded(name, request)
        finally:
            self._in_flight -= 1

    async def health(self, request: web.Request) -> web.Response:
        """Answer when up."""
        return web.Response(text="ok")

    async def metrics(self, request: web.Request) -> web.Response:
        """Report what was counted."""
        return web.Response(body=generate_latest(self._metrics.registry), content_type="text/plain")

    async def _bounded(self, name: str, request: web.Request) -> web.Response:
        try:
            async with asyncio.timeout(self._limits.read_s):
                body = await request.read()
        except TimeoutError:
            return problem(HTTPStatus.REQUEST_TIMEOUT, "too_slow", f"the body did not come within {self._limits.read_s:g} s")
        received = Request(list(request.headers.items()), body, self._public_url + request.raw_path)
        try:
            async with asyncio.timeout(self._limits.answer_s):
                return await self._receiver.take(name, received)
        except TimeoutError:
            self._metrics.turned_away.labels("slow").inc()
            return problem(HTTPStatus.SERVICE_UNAVAILABLE, "not_now", "this can't be taken now; send it again")


@web.middleware
async def _problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """aiohttp's own refusals as problem documents."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        answer = problem(HTTPStatus(error.status), HTTPStatus(error.status).phrase.lower().replace(" ", "_"), error.reason)
        if "Allow" in error.headers:
            answer.headers["Allow"] = error.headers["Allow"]
        return answer
