"""Calls a provider for one slice, and calls again for what was certainly not sent: a few times, with jitter, and then no more."""

import asyncio
import random
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager

from providers.base import AnyProvider, Message, Outcome, Throttled
from providers.sender import Sender
from streams.delivery.rules import is_retryable
from streams.delivery.slots import Slots
from streams.step.partition import StepPartition

ATTEMPTS = 4
BACKOFF_S = 0.2
BACKOFF_LIMIT_S = 3.0
SIGN_S = 1.0
AHEAD = 2
"""Requests that may be ready for each that can be under way: while one's results are written the next is sent."""


class Caller:
    """What is not sent after the last attempt keeps the outcome the provider gave. Longer retries need timers (a later issue)."""

    def __init__(self, sender: Sender, attempts: int = ATTEMPTS) -> None:
        self._sender = sender
        self._attempts = attempts
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
        for attempt in range(1, self._attempts):
            part.alive()
            again = [index for index, outcome in enumerate(outcomes) if is_retryable(outcome)]
            if not again:
                break
            await asyncio.sleep(_wait_s(attempt, [outcomes[index] for index in again]))
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


def _wait_s(attempt: int, outcomes: Sequence[Outcome]) -> float:
    """Exponential with full jitter, no sooner than the provider asked; 3 s at most."""
    told = max((outcome.retry_after_ms / 1000 for outcome in outcomes if isinstance(outcome, Throttled)), default=0.0)
    backoff = random.uniform(0, BACKOFF_S * 2**attempt)
    return min(BACKOFF_LIMIT_S, max(told, backoff))
