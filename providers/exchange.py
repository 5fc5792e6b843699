"""One request and its answer: what a transport error says of the messages. Never raises but when cancelled.

never to be sent   the host of a user's URL is not public                                          -> Rejected
nothing was sent   refused, no such host, connect or pool time-out, no proxy, sign-in failed      -> Unavailable
it may have been   read or write time-out, reset, protocol error, unreadable answer, total time-out -> Unknown
"""

import asyncio
import logging
from collections.abc import Sequence

import httpx

from providers.base import SIGN_IN, DirectProvider, Message, Outcome, Provider, Rejected, Throttled, Unavailable, Unknown
from providers.errors import AddressRefusedError, SignInError
from providers.statuses import by_status, excerpt

NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError, httpx.UnsupportedProtocol)

log = logging.getLogger(__name__)


class HttpExchange:
    """Sends messages of one provider through a transport."""

    def __init__(self, provider: Provider, transport: httpx.AsyncBaseTransport) -> None:
        self._provider, self._transport = provider, transport
        self._timeout_ms = provider.declaration.timeout_ms
        total_s = self._timeout_ms / 1000
        connect_s = provider.declaration.connect_timeout_ms / 1000
        self._timeouts = {"connect": connect_s, "read": total_s, "write": total_s, "pool": total_s}

    async def __call__(self, messages: Sequence[Message]) -> list[Outcome]:
        """Return one outcome a message, in order."""
        try:
            request = self._provider.build(messages)
        except Exception as error:
            log.exception("%s cannot build a request", self._provider.declaration.name)
            return [Rejected("unbuildable", _said(error))] * len(messages)
        answer = await self._answer(request)
        return self._read(messages, answer) if isinstance(answer, httpx.Response) else [answer] * len(messages)

    async def _answer(self, request: httpx.Request) -> httpx.Response | Outcome:
        flight = _Flight(request)
        try:
            async with asyncio.timeout(self._timeout_ms / 1000):
                await (self._fetch(flight) if self._provider.auth is None else self._sign(flight, self._provider.auth))
        except SignInError as error:
            return Unavailable(f"sign-in failed: {error}", config=error.ours)
        except AddressRefusedError as error:
            return Rejected("address_refused", str(error))
        except NOT_SENT as error:
            return Unavailable(_said(error))
        except (TimeoutError, httpx.ReadTimeout):
            return flight.lost(f"no answer within {self._timeout_ms} ms")
        except Exception as error:
            return flight.lost(_said(error))
        if flight.signing_in or flight.response is None:
            return _sign_in_failed(flight.response)
        return flight.response

    async def _sign(self, flight: "_Flight", auth: httpx.Auth) -> None:
        """Drive the auth's flow: it may fetch tokens first, and try again after a refusal."""
        flow = auth.async_auth_flow(flight.request)
        try:
            flight.signing_in = True  # until the flow yields the message's own request
            flight.request = await anext(flow)
            while True:
                flight.signing_in = SIGN_IN in flight.request.extensions
                flight.request = await flow.asend(await self._fetch(flight))
        except StopAsyncIteration:
            return
        finally:
            await flow.aclose()

    async def _fetch(self, flight: "_Flight") -> httpx.Response:
        flight.request.extensions["timeout"] = self._timeouts
        flight.response = response = await self._transport.handle_async_request(flight.request)
        if not response.is_closed:
            try:
                await response.aread()
            finally:
                await response.aclose()
        return response

    def _read(self, messages: Sequence[Message], response: httpx.Response) -> list[Outcome]:
        try:
            outcomes = self._provider.parse(messages, response)
        except Exception as error:
            log.exception("%s cannot read an answer", self._provider.declaration.name)
            return [Unknown(f"unreadable answer: {_said(error)}")] * len(messages)
        if len(outcomes) != len(messages):
            return [Unknown(f"{len(outcomes)} outcomes for {len(messages)} messages")] * len(messages)
        return outcomes


class DirectExchange:
    """Hands messages to a provider that delivers them itself."""

    def __init__(self, provider: DirectProvider) -> None:
        self._provider = provider

    async def __call__(self, messages: Sequence[Message]) -> list[Outcome]:
        """Return one outcome a message, in order."""
        timeout_ms = self._provider.declaration.timeout_ms
        try:
            async with asyncio.timeout(timeout_ms / 1000):
                outcomes = await self._provider.deliver(messages)
        except TimeoutError:
            return [Unknown(f"no answer within {timeout_ms} ms")] * len(messages)
        except Exception as error:
            log.exception("%s cannot deliver", self._provider.declaration.name)
            return [Unknown(_said(error))] * len(messages)
        if len(outcomes) != len(messages):
            return [Unknown(f"{len(outcomes)} outcomes for {len(messages)} messages")] * len(messages)
        return outcomes


class _Flight:
    """The request under way, and whether it carries the messages or only fetches a token."""

    __slots__ = ("request", "response", "signing_in")

    def __init__(self, request: httpx.Request) -> None:
        self.request = request
        self.response: httpx.Response | None = None
        self.signing_in = False

    def lost(self, detail: str) -> Outcome:
        return Unavailable(f"sign-in failed: {detail}") if self.signing_in else Unknown(detail)


def _sign_in_failed(response: httpx.Response | None) -> Outcome:
    """What the answer to a sign-in says of messages that were not sent. Bodies of refusals alone are quoted: others may hold a token."""
    if response is None or response.status_code < 400:
        return Unavailable(f"sign-in failed: {response}")
    outcome = by_status(response)
    detail = f"sign-in failed: HTTP {response.status_code}: {excerpt(response)}"
    if isinstance(outcome, Throttled):
        return Throttled(outcome.retry_after_ms, detail)
    return Unavailable(detail, config=isinstance(outcome, Rejected) or (isinstance(outcome, Unavailable) and outcome.config))


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
