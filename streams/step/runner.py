"""Runs one step over one partition: a bounded queue, one task, batches of what has arrived, acks in order."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from itertools import islice

from faust.types import EventT

from schemas.codec import Codec
from streams.step.gaps import GapGuard
from streams.step.journal import Journal
from streams.step.log import LogWriter
from streams.step.model import Effects, Input
from streams.step.partition import Die, StepPartition
from streams.step.reader import LogReader
from streams.step.step import Step, TickingStep

logger = logging.getLogger(__name__)

QUEUE_HIGH = 64
QUEUE_LOW = 16
LONGEST_REST_S = 15.0
"""What a step waits for is told by the wall clock, which may be set."""
BATCH_BYTES = 1_500_000
"""Of values, but for one record that is larger: with what it is decided to write, it fits one record of the journal."""


Pause = Callable[[asyncio.Event, float | None], Awaitable[None]]


async def pause(event: asyncio.Event, longest_s: float | None) -> None:
    """Wait for the event, for so long at most."""
    with suppress(TimeoutError):
        async with asyncio.timeout(longest_s):
            await event.wait()


class PartitionRunner:
    """Takes events of one partition, in order. While one batch is being worked on the next gathers: nothing waits for a batch to fill."""

    def __init__(
        self,
        step: Step,
        part: StepPartition,
        journal: Journal | None,
        gaps: GapGuard,
        die: Die,
        pressure: Callable[[bool], None],
        pause: Pause = pause,
    ) -> None:
        """`pressure(True)` asks for no more events of this partition, `pressure(False)` for more."""
        self._step = step
        self._ticking = step if isinstance(step, TickingStep) else None
        self._part = part
        self._journal = journal
        self._gaps = gaps
        self._die = die
        self._pressure = pressure
        self._pause = pause
        self._queue: deque[tuple[EventT, Input]] = deque()
        self._arrived = asyncio.Event()
        self._full = False
        self.recovered = asyncio.Event()
        self.idle = asyncio.Event()
        self.idle.set()
        self.task: asyncio.Task[None] | None = None

    def start(self, reader: LogReader) -> None:
        """Recover, then work until stopped."""
        self.task = asyncio.create_task(self._run(reader), name=f"{self._step.name}/{self._part.number}")

    async def stop(self) -> None:
        """Stop between two batches or at an await inside one: everything a batch does may be done again."""
        if self.task:
            self.task.cancel()
            await asyncio.wait([self.task])

    def forget(self) -> None:
        """Begin nothing more of what waits: it is somebody else's. `idle` is set when what was begun has ended."""
        self._queue.clear()
        self._arrived.clear()
        self._ticking = None

    def put(self, event: EventT) -> None:
        """Queue an event. What is fetched already is still taken when the queue is full; nothing more is fetched."""
        self._queue.append((event, _input(event)))
        self._arrived.set()
        if len(self._queue) >= QUEUE_HIGH and not self._full:
            self._full = True
            self._pressure(True)

    async def _run(self, reader: LogReader) -> None:
        try:
            await self._recover(reader)
            self.recovered.set()
            while True:
                await self._rest()
                self.idle.clear()
                if self._queue:
                    await self._process(self._take())
                await self._tick()
                self.idle.set()
        except Exception as error:
            logger.exception("%s/%d failed", self._step.name, self._part.number)
            self._die(f"{self._step.name}/{self._part.number}: {type(error).__name__}: {error}")

    async def _recover(self, reader: LogReader) -> None:
        await self._step.start(self._part.number)
        await self._part.recover(reader)
        if self._journal:
            undone = await self._journal.recover(reader)
            await self._part.begin()
            await self._part.commit(undone)
        await self._gaps.start()

    def _rest_s(self) -> float | None:
        """For how long the step has nothing to do by itself; None: not before something arrives."""
        rest_ms = self._ticking.rest_ms(self._part) if self._ticking else None
        return None if rest_ms is None else max(0.0, min(rest_ms / 1000, LONGEST_REST_S))

    async def _rest(self) -> None:
        """Until something has arrived, or the step may want to act by itself."""
        rest_s = self._rest_s()
        if rest_s != 0:
            await self._pause(self._arrived, rest_s)

    async def _tick(self) -> None:
        """Let the step act by itself, once, when it wants to."""
        if self._ticking and self._rest_s() == 0:
            await self._part.begin()
            effects = await self._ticking.tick(self._part)
            await self._part.commit(Effects(outputs=effects.outputs))
            await self._part.commit(Effects(writes=effects.writes))

    def _take(self) -> list[tuple[EventT, Input]]:
        waiting: list[Input] = []
        size = 0
        for _, record in islice(self._queue, self._step.max_batch):
            size += len(record.value or b"")
            if waiting and size > BATCH_BYTES:
                break
            waiting.append(record)
        batch = [self._queue.popleft() for _ in range(self._step.together(waiting))]
        if not self._queue:
            self._arrived.clear()
        if self._full and len(self._queue) <= QUEUE_LOW:
            self._full = False
            self._pressure(False)
        return batch

    async def _process(self, batch: list[tuple[EventT, Input]]) -> None:
        await self._part.begin()
        for _, record in batch:
            await self._gaps.check(record.offset)
        fresh = [record for _, record in batch if self._journal is None or record.offset > self._journal.applied]
        if fresh:
            await self._apply(fresh[-1].offset, await self._step.handle(self._part, fresh))
        for event, _ in batch:
            event.ack()

    async def _apply(self, applied: int, effects: Effects) -> None:
        if self._journal and effects:
            self._part.guard()
            await self._journal.append(applied, effects)
        await self._part.commit(effects)


def make_journal(step: Step, partition: int, codec: Codec, log: LogWriter) -> Journal | None:
    """The journal of a step that has one."""
    return Journal(step.journal, step.name, partition, codec, log) if step.journal else None


def _input(event: EventT) -> Input:
    message = event.message
    headers = message.headers or ()
    pairs = headers.items() if isinstance(headers, dict) else headers
    return Input(
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
        timestamp=round((message.timestamp or 0) * 1000),
        key=message.key,
        value=message.value,
        headers={str(name): bytes(content or b"") for name, content in pairs},
    )
