"""The only part that talks to providers: messages in, one outcome a message back.

It never raises for what a provider, the network or an answer does (exchange.py says which failure means what). Killed
between the request and the return, the caller's ledger holds an intent without a result, which is Unknown; so does
a cancelled `send`, whose request may still arrive.
"""

import asyncio
from collections.abc import Sequence

import httpx

from providers.base import AnyProvider, Closing, Composite, DirectProvider, Message, OneProvider, Outcome
from providers.errors import BatchSizeError
from providers.exchange import DirectExchange, HttpExchange
from providers.guarded import GuardedTransport
from providers.lanes import Doors, Exchange, Fork, Lane, NoDoors
from providers.slicing import slices_of


class Sender:
    """Sends through httpx transports, for one event loop; give it FastTransports (any AsyncBaseTransport works)."""

    def __init__(
        self,
        transport: httpx.AsyncBaseTransport,
        doors: Doors | None = None,
        *,
        http2: httpx.AsyncBaseTransport | None = None,
        guarded: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """`http2`: for providers that speak nothing else; `guarded`: for those whose URLs users give, a GuardedTransport if none is given.

        `doors`: what each request passes right before it is made; they are not told of what got no turn: that says nothing of the provider.
        """
        self._transport, self._http2 = transport, http2 or transport
        self._guarded = guarded or GuardedTransport()
        self._doors = doors or NoDoors()
        self._lanes: dict[AnyProvider, Lane | Fork] = {}

    async def send(self, provider: AnyProvider, messages: Sequence[Message]) -> list[Outcome]:
        """Return one outcome a message, in order. Raises BatchSizeError unless 1 <= len(messages) <= batch_size.

        At most `concurrency` requests of a provider are in flight; the wait for a turn ends after timeout_ms.
        """
        lane = self._lanes.get(provider) or self._open(provider)
        if not 1 <= len(messages) <= lane.batch_size:
            raise BatchSizeError(provider.declaration.name, len(messages), lane.batch_size)
        return await lane.send(messages)

    async def send_all(self, provider: AnyProvider, messages: Sequence[Message]) -> list[Outcome]:
        """Return one outcome a message, in order, for any number: sliced (`providers.slicing`), `concurrency` slices at a time.

        Those of a provider that is made of others go to these, side by side.
        """
        lane = self._lanes.get(provider) or self._open(provider)
        if isinstance(lane, Fork):
            return await lane.send(messages)
        size = self._doors.request_size(provider.declaration.name, provider.declaration.batch_size)
        slices = slices_of(provider, messages, size)
        outcomes: dict[int, Outcome] = {}
        left = iter(slices)

        async def work() -> None:
            for some in left:
                outcomes.update(zip(some, await self.send(provider, [messages[index] for index in some]), strict=True))

        async with asyncio.TaskGroup() as workers:
            for _ in range(min(provider.declaration.concurrency, len(slices))):
                workers.create_task(work())
        return [outcomes[index] for index in range(len(messages))]

    async def aclose(self) -> None:
        """Close the transports, and what the providers keep open."""
        for provider in self._lanes:
            if isinstance(provider, Closing):
                await provider.aclose()
        await self._transport.aclose()
        if self._http2 is not self._transport:
            await self._http2.aclose()
        await self._guarded.aclose()

    def _open(self, provider: AnyProvider) -> Lane | Fork:
        if isinstance(provider, Composite):
            for part in provider.parts.values():  # what is heard of them is heard of it too
                self._lanes[part] = Lane(part, self._exchange(part), self._doors, provider.declaration.name)
            opened: Lane | Fork = Fork(provider, self.send_all)
        else:
            opened = Lane(provider, self._exchange(provider), self._doors)
        self._lanes[provider] = opened
        return opened

    def _exchange(self, provider: OneProvider) -> Exchange:
        if isinstance(provider, DirectProvider):
            return DirectExchange(provider)
        if provider.declaration.guarded:
            return HttpExchange(provider, self._guarded)
        return HttpExchange(provider, self._http2 if provider.declaration.http2 else self._transport)
