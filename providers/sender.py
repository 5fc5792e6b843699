"""The only part that talks to providers: messages in, one outcome a message back.

It never raises for what a provider, the network or an answer does (exchange.py says which failure means what). Killed
between the request and the return, the caller's ledger holds an intent without a result, which is Unknown; so does
a cancelled `send`, whose request may still arrive.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

import httpx

from providers.base import AnyProvider, DirectProvider, Message, Outcome, Unavailable
from providers.errors import BatchSizeError
from providers.exchange import DirectExchange, HttpExchange

Exchange: TypeAlias = Callable[[Sequence[Message]], Awaitable[list[Outcome]]]
Heard: TypeAlias = Callable[[str, Sequence[Outcome], float], None]
"""Is told of each request: the provider's name, one outcome a message, and how long it took (ms)."""


class Sender:
    """Sends through one httpx transport, for one event loop; give it a FastTransport (any AsyncBaseTransport works)."""

    def __init__(self, transport: httpx.AsyncBaseTransport, heard: Heard = lambda name, outcomes, took_ms: None) -> None:
        """`heard` is told nothing of what got no turn: that says nothing of the provider."""
        self._transport = transport
        self._heard = heard
        self._lanes: dict[AnyProvider, _Lane] = {}

    async def send(self, provider: AnyProvider, messages: Sequence[Message]) -> list[Outcome]:
        """Return one outcome a message, in order. Raises BatchSizeError unless 1 <= len(messages) <= batch_size.

        At most `concurrency` requests of a provider are in flight; the wait for a turn ends after timeout_ms.
        """
        lane = self._lanes.get(provider) or self._open(provider)
        if not 1 <= len(messages) <= lane.batch_size:
            raise BatchSizeError(provider.declaration.name, len(messages), lane.batch_size)
        return await lane.send(messages)

    async def send_all(self, provider: AnyProvider, messages: Sequence[Message]) -> list[Outcome]:
        """Return one outcome a message, in order, for any number: sliced by batch_size, `concurrency` slices at a time."""
        size = provider.declaration.batch_size
        outcomes: list[list[Outcome]] = [[]] * -(-len(messages) // size)
        slices = iter(range(len(outcomes)))

        async def work() -> None:
            for index in slices:
                outcomes[index] = await self.send(provider, messages[index * size : (index + 1) * size])

        async with asyncio.TaskGroup() as workers:
            for _ in range(min(provider.declaration.concurrency, len(outcomes))):
                workers.create_task(work())
        return [outcome for some in outcomes for outcome in some]

    async def aclose(self) -> None:
        """Close the transport."""
        await self._transport.aclose()

    def _open(self, provider: AnyProvider) -> "_Lane":
        lane = self._lanes[provider] = _Lane(provider, self._exchange(provider), self._heard)
        return lane

    def _exchange(self, provider: AnyProvider) -> Exchange:
        if isinstance(provider, DirectProvider):
            return DirectExchange(provider)
        return HttpExchange(provider, self._transport)


class _Lane:
    """A provider's exchange, with its slots."""

    def __init__(self, provider: AnyProvider, exchange: Exchange, heard: Heard) -> None:
        declaration = provider.declaration
        self._name, self._heard = declaration.name, heard
        self.batch_size = declaration.batch_size
        self._wait_s = declaration.timeout_ms / 1000
        self._slots = asyncio.Semaphore(declaration.concurrency)
        self._exchange = exchange

    async def send(self, messages: Sequence[Message]) -> list[Outcome]:
        if not await self._take_slot():
            return [Unavailable(f"no free slot within {self._wait_s} s")] * len(messages)
        began = time.monotonic()
        try:
            outcomes = await self._exchange(messages)
        finally:
            self._slots.release()
        self._heard(self._name, outcomes, (time.monotonic() - began) * 1000)
        return outcomes

    async def _take_slot(self) -> bool:
        if not self._slots.locked():
            return await self._slots.acquire()
        try:
            async with asyncio.timeout(self._wait_s):
                return await self._slots.acquire()
        except TimeoutError:
            return False
