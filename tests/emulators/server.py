"""What the emulators share: a provider's public API on a local port, in the event loop of the test.

An emulator is written from the provider's documentation alone, not from our adapter: it checks method, path, sign-in, shape and limits as
the documentation states them, and answers with documented bodies. What it finds wrong it answers as the provider would, and keeps in
`complaints` where the provider would be silent.
"""

import asyncio
from collections.abc import Callable
from typing import NamedTuple, Self

from aiohttp import web

from providers.base import Message, Outcome, Rejected, Throttled, Unavailable, Unknown, Unsupported

DEAF = "deaf"
"""Taken, and never answered."""


def rejects(outcome: Outcome) -> bool:
    """This message will never be taken; another to the address may."""
    return isinstance(outcome, Rejected) and not outcome.address_dead


def ends_the_address(outcome: Outcome) -> bool:
    """Nothing can be sent to the address any more."""
    return isinstance(outcome, Rejected) and outcome.address_dead


def leaves_it_to_others(outcome: Outcome) -> bool:
    """Nothing was sent, and another provider may do it."""
    return isinstance(outcome, Unsupported)


def throttles(outcome: Outcome) -> bool:
    return isinstance(outcome, Throttled)


def is_down(outcome: Outcome) -> bool:
    """Nothing was sent, and the provider is at fault."""
    return isinstance(outcome, Unavailable) and not outcome.config


def blames_us(outcome: Outcome) -> bool:
    """Nothing was sent, and our settings are at fault."""
    return isinstance(outcome, Unavailable) and outcome.config


def leaves_open(outcome: Outcome) -> bool:
    """It may have been sent."""
    return isinstance(outcome, Unknown)


class Refusal(NamedTuple):
    """An answer the documentation shows for a request that is refused as a whole, and what it must mean for each of its messages."""

    status: int
    body: str
    means: Callable[[Outcome], bool]
    headers: dict[str, str] = {}


class Emulator:
    """Subclasses answer in `handle`; what they take they enter in `taken`, by address."""

    refusals: dict[str, Refusal] = {}
    """By name: documented answers that the contract plays."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.requests = 0
        self.complaints: list[str] = []
        self.next: str = ""
        """What the next requests are answered with: the name of a refusal, or DEAF; empty: as they deserve."""
        self.port = 0
        self.base_url = ""
        self._hung = asyncio.Event()
        self._runner: web.ServerRunner | None = None

    async def start(self, port: int = 0) -> Self:
        """Listen on 127.0.0.1; `base_url` says where."""
        self._runner = web.ServerRunner(web.Server(self._answer), shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port)
        await site.start()
        self.port = self._runner.addresses[0][1]
        self.base_url = f"http://127.0.0.1:{self.port}"
        return self

    async def stop(self) -> None:
        """Close the port and every connection."""
        self._hung.set()
        if self._runner is not None:
            await self._runner.cleanup()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request as the provider does."""
        raise NotImplementedError

    def missing(self, message: Message) -> list[str]:
        """What of a message is not in the last request as the documentation wants it there; empty: all is."""
        raise NotImplementedError

    def located(self, address: str) -> str:
        """The address of `Played` as a message has it: another, where it says where this emulator listens, or holds keys of its own."""
        return address

    async def is_sign_in(self, request: web.BaseRequest) -> bool:
        """Whether it is one that carries no message (a token is fetched): it is answered as it deserves, whatever is played."""
        return False

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if self.next and not await self.is_sign_in(request):
            self.requests += 1
            if self.next in self.refusals:
                await request.read()
                return _played(self.refusals[self.next])
            await self.handle(request)
            await self._hung.wait()
        self.requests += 1
        return await self.handle(request)


def _played(refusal: Refusal) -> web.Response:
    return web.Response(status=refusal.status, text=refusal.body, headers={"content-type": "application/json"} | refusal.headers)
