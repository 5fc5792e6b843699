"""The protocol of a step, and the common kind: one that decides record by record."""

import asyncio
import random
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Protocol, TypeVar, runtime_checkable

from schemas.codec import Codec
from schemas.deadletter import dead_letter, dead_letter_key
from schemas.errors import RecordRefused, RegistryUnavailable
from schemas.records import Output
from schemas.topics import DLQ
from streams.step.model import Effects, Input, require_journalable, require_writable
from streams.step.partition import StepPartition

T = TypeVar("T")

REGISTRY_ATTEMPTS = 8
REGISTRY_BACKOFF_S = 0.25
REGISTRY_BACKOFF_LIMIT_S = 5.0


class Step(Protocol):
    """What the runner needs to know of a step."""

    name: str
    max_batch: int
    tables: Mapping[str, str]
    """Its tables, each with its changelog topic."""
    journal: str | None
    """The journal topic of a step that decides on more than its input and its own tables."""

    async def start(self, partition: int) -> None:
        """Wait for what the step needs besides its own tables."""

    def together(self, waiting: Sequence[Input]) -> int:
        """How many of the first records that wait (1 to `max_batch` are given) make the next batch: at least 1."""

    async def handle(self, part: StepPartition, batch: Sequence[Input]) -> Effects:
        """What to do about `batch`. Bad records become dead letters; anything it raises ends the process."""


@runtime_checkable
class TickingStep(Step, Protocol):
    """A step that also acts by itself: between two batches of a partition, never beside one. It has no journal."""

    def rest_ms(self, part: StepPartition) -> int | None:
        """For how long (ms) it has nothing to do by itself; 0 or less: act now; None: not before something arrives."""

    async def tick(self, part: StepPartition) -> Effects:
        """What to do now by itself, a bounded part of it. Outputs are durable before anything is written to tables: no input brings them
        again. Killed in between the same is asked again.
        """


@runtime_checkable
class TellingStep(Step, Protocol):
    """A step that tells of itself at /healthz."""

    def figures(self, partitions: Collection[int]) -> Mapping[str, int]:
        """How it is, and how these partitions of it are; callable from any thread."""


class View:
    """A step's tables as the batch so far has left them."""

    def __init__(self, part: StepPartition) -> None:
        self._part = part
        self._written: dict[tuple[str, bytes], bytes | None] = {}

    def get(self, table: str, key: bytes) -> bytes | None:
        """The value of a key, with the writes of earlier records of the batch."""
        place = (table, key)
        return self._written[place] if place in self._written else self._part.get(table, key)

    def get_many(self, table: str, keys: Sequence[bytes]) -> list[bytes | None]:
        """The values of keys, likewise."""
        values = self._part.get_many(table, keys)
        written = self._written
        return [written.get((table, key), value) for key, value in zip(keys, values, strict=True)] if written else values

    def apply(self, effects: Effects) -> None:
        """Let later records of the batch see these writes."""
        self._written.update({(write.table, write.key): write.value for write in effects.writes})


class RecordStep:
    """A step that decides record by record. Subclasses give `decide`; a record it refuses becomes a dead letter, the next one goes on."""

    name: str
    max_batch = 64
    tables: Mapping[str, str] = {}
    journal: str | None = None

    def __init__(self, codec: Codec, clock: Callable[[], int]) -> None:
        """`clock`: epoch ms."""
        self.codec = codec
        self.clock = clock

    async def start(self, partition: int) -> None:
        """Nothing to wait for."""

    def together(self, waiting: Sequence[Input]) -> int:
        """All of them."""
        return len(waiting)

    def decide(self, view: View, record: Input) -> Effects:
        """What to do about one record. Raises RecordRefused when the record is bad."""
        raise NotImplementedError

    async def handle(self, part: StepPartition, batch: Sequence[Input]) -> Effects:
        """What to do about a batch: `decide` for each record, in order."""
        view, effects = View(part), Effects()
        for record in batch:
            outcome = await self.decide_in_turn(part, view, record)
            view.apply(outcome)
            effects.add(outcome)
        return effects

    async def decide_in_turn(self, part: StepPartition, view: View, record: Input) -> Effects:
        """`decide`, tried again while the registry does not answer; a dead letter for a record it refuses."""
        try:
            effects = require_writable(await patiently(part, lambda: self.decide(view, record)))
            return require_journalable(effects) if self.journal else effects
        except RecordRefused as error:
            return Effects([dead_letter_output(self.codec, self.name, record, error, self.clock())])


async def patiently(part: StepPartition, work: Callable[[], T]) -> T:
    """`work()`, tried again with backoff and jitter while the registry does not answer. Raises RegistryUnavailable in the end."""
    for attempt in range(REGISTRY_ATTEMPTS):
        try:
            return work()
        except RegistryUnavailable:
            if attempt == REGISTRY_ATTEMPTS - 1:
                raise
            wait = min(REGISTRY_BACKOFF_LIMIT_S, REGISTRY_BACKOFF_S * 2**attempt)
            await asyncio.sleep(random.uniform(wait / 2, wait))
            part.alive()
    raise AssertionError("unreachable")


def dead_letter_output(codec: Codec, step: str, record: Input, error: Exception, now: int) -> Output:
    """The record for the DLQ that keeps a refused record whole."""
    letter = dead_letter(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        timestamp=record.timestamp,
        key=record.key,
        value=record.value,
        headers=record.headers,
        step=step,
        error=error,
        now=now,
    )
    return Output(topic=DLQ, key=dead_letter_key(record.topic, record.partition, record.offset), value=codec.encode(letter))
