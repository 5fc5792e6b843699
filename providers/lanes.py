"""The way of messages to a provider: what it can't carry is told, and so many requests are in flight at a time."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Protocol, TypeAlias

from providers.base import AnyProvider, Composite, Message, OneProvider, Outcome, Refusing, Rejected, Unavailable, Unsupported
from providers.carried import Carried, refusal

Exchange: TypeAlias = Callable[[Sequence[Message]], Awaitable[list[Outcome]]]
SendAll: TypeAlias = Callable[[AnyProvider, Sequence[Message]], Awaitable[list[Outcome]]]

log = logging.getLogger(__name__)


class Doors(Protocol):
    """What a request has to pass right before it is made, by the name of its provider, and who is told what came of it."""

    def request_size(self, name: str, batch_size: int) -> int:
        """Return how many messages may be in a request, of as many as it takes."""

    def turn(self, name: str, count: int, expires_at: int | None) -> AbstractAsyncContextManager[Outcome | None]:
        """The turn of so many messages, under way for the time of the block; an outcome: there is none, and they are not sent.

        `expires_at` (epoch ms): there is none from then on.
        """

    def heard(self, name: str, outcomes: Sequence[Outcome], took_ms: float) -> None:
        """A request was answered, or not: one outcome a message, and how long it took. Also told of a composite that it is a part of."""


class NoDoors:
    """Nothing is held back."""

    def request_size(self, name: str, batch_size: int) -> int:
        """Return all."""
        return batch_size

    def turn(self, name: str, count: int, expires_at: int | None) -> AbstractAsyncContextManager[Outcome | None]:
        """At once."""
        return nullcontext()

    def heard(self, name: str, outcomes: Sequence[Outcome], took_ms: float) -> None:
        """Forget it."""


class Fork:
    """A provider that is made of others: what it is asked to send they send, each by its lane."""

    def __init__(self, provider: Composite, send_all: SendAll) -> None:
        self._provider, self._send_all = provider, send_all
        self.batch_size = provider.declaration.batch_size

    async def send(self, messages: Sequence[Message]) -> list[Outcome]:
        """Return one outcome a message, in order, for any number."""
        groups: dict[OneProvider | None, list[int]] = {}
        for index, message in enumerate(messages):
            groups.setdefault(self._provider.part_of(message), []).append(index)
        outcomes: dict[int, Outcome] = {index: self._unserved(messages[index]) for index in groups.pop(None, [])}

        async def work(part: OneProvider, some: list[int]) -> None:
            outcomes.update(zip(some, await self._send_all(part, [messages[index] for index in some]), strict=True))

        async with asyncio.TaskGroup() as parts:
            for part, some in groups.items():
                assert part is not None
                parts.create_task(work(part, some))
        return [outcomes[index] for index in range(len(messages))]

    def _unserved(self, message: Message) -> Outcome:
        return refusal(self._provider.declaration, message) or Unsupported(f"{self._provider.declaration.name} has nobody to send it")


class Lane:
    """A provider's exchange, with its slots. What comes of it is heard under its name, and under that of who it is a part of (`whole`)."""

    def __init__(self, provider: OneProvider, exchange: Exchange, doors: Doors, whole: str = "") -> None:
        declaration = provider.declaration
        self._declaration = declaration
        self._name, self._whole, self._doors = declaration.name, whole, doors
        self.batch_size = declaration.batch_size
        self._wait_s = declaration.timeout_ms / 1000
        self._slots = asyncio.Semaphore(declaration.concurrency)
        self._exchange = exchange
        self._carried = Carried(declaration)
        self._refused = provider.refused if isinstance(provider, Refusing) else None

    async def send(self, messages: Sequence[Message]) -> list[Outcome]:
        """Send those the provider can carry; the others are told so, and it is not asked."""
        refusals: list[Outcome | None] = [self._carried.refusal(message) for message in messages]
        if self._refused is not None:
            refusals = [refused or self._refusal(message, self._refused) for message, refused in zip(messages, refusals, strict=True)]
        if not any(refusals):  # nearly always
            return await self._exchanged(messages)
        fit = [message for message, refused in zip(messages, refusals, strict=True) if refused is None]
        answers = iter(await self._exchanged(fit) if fit else [])
        return [refused or next(answers) for refused in refusals]

    def _refusal(self, message: Message, refused: Callable[[Message], Outcome | None]) -> Outcome | None:
        try:
            return refused(message)
        except Exception as error:
            log.exception("%s cannot judge a message", self._name)
            return Rejected("unbuildable", f"{type(error).__name__}: {error}")

    async def _exchanged(self, messages: Sequence[Message]) -> list[Outcome]:
        if not await self._take_slot():
            return [Unavailable(f"no free slot within {self._wait_s} s")] * len(messages)
        try:
            # all messages of a request are of one notification
            async with self._doors.turn(self._name, len(messages), messages[0].expires_at) as refusal:
                return [refusal] * len(messages) if refusal is not None else await self._asked(messages)
        finally:
            self._slots.release()

    async def _asked(self, messages: Sequence[Message]) -> list[Outcome]:
        began = time.monotonic()
        outcomes = await self._exchange(messages)
        took_ms = (time.monotonic() - began) * 1000
        self._doors.heard(self._name, outcomes, took_ms)
        if self._whole:
            self._doors.heard(self._whole, outcomes, took_ms)
        return outcomes

    async def _take_slot(self) -> bool:
        if not self._slots.locked():
            return await self._slots.acquire()
        try:
            async with asyncio.timeout(self._wait_s):
                return await self._slots.acquire()
        except TimeoutError:
            return False
