"""Calls a provider for one slice, and at once again for what only its neighbours in the request kept back. Later tries are `retries`."""

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager

from providers.base import AnyProvider, Message, Outcome, Unavailable
from providers.sender import Sender
from streams.delivery.slots import Slots
from streams.step.partition import StepPartition

ROUNDS = 5
"""A provider that refuses a whole request for one bad address names some of them each time; what is left then is tried again later."""
SIGN_S = 1.0
AHEAD = 2
"""Requests that may be ready for each that can be under way: while one's results are written the next is sent."""


class Caller:
    """What is not sent keeps the outcome the provider gave last."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._slots: dict[str, Slots] = {}

    def turn(self, part: StepPartition, provider: AnyProvider, recipients: int) -> AbstractAsyncContextManager[None]:
        """To be held from before the profiles of so many recipients are read until their results are known."""
        declaration = provider.declaration
        slots = self._slots.get(declaration.name)
        if slots is None:
            slots = self._slots[declaration.name] = Slots(AHEAD * declaration.concurrency)
        requests = -(-recipients // declaration.batch_size)
        return slots.taken(min(requests, declaration.concurrency), part.alive)

    async def call(self, part: StepPartition, provider: AnyProvider, messages: Sequence[Message]) -> list[Outcome]:
        """One outcome a message, in order."""
        outcomes = await self._send(part, provider, messages)
        for _ in range(1, ROUNDS):
            again = _kept_back(outcomes)
            if not again:
                break
            part.alive()
            for index, outcome in zip(again, await self._send(part, provider, [messages[i] for i in again]), strict=True):
                outcomes[index] = outcome
        return outcomes

    async def _send(self, part: StepPartition, provider: AnyProvider, messages: Sequence[Message]) -> list[Outcome]:
        """Each request has its time-out, but those that wait for their turn add up: signs of life tell a slow provider from a stall."""
        sending = asyncio.ensure_future(self._sender.send_all(provider, messages))
        try:
            while not (await asyncio.wait({sending}, timeout=SIGN_S))[0]:
                part.alive()
        finally:
            sending.cancel()
        return sending.result()


def _kept_back(outcomes: Sequence[Outcome]) -> list[int]:
    if Unavailable not in map(type, outcomes):  # nearly always
        return []
    return [index for index, outcome in enumerate(outcomes) if isinstance(outcome, Unavailable) and outcome.at_once]
