"""Which campaigns were cancelled, as delivery has to know of those it has people of already: a copy of `notify.cancels` in memory.

The audience step obeys a cancel, and writes it there, in the same partition. A cancel is never taken back, so the copy only grows, to a
limit; it is read from the beginning by each process, which is what retention leaves: as long as a batch may wait.
"""

import asyncio
import time
from collections.abc import Callable, Sequence, Set

from confluent_kafka import Message

from schemas.topics import CANCELS
from streams.profiles.replica import FRESH_S, LOOK_S
from streams.profiles.tail import Tail
from streams.step.partition import Die

LIMIT = 10_000
"""Of a partition, the youngest: some 2 MB."""


class Cancels:
    """Reads are local. `current` says when a partition is fit to be read."""

    def __init__(self, bootstrap: str, die: Die, *, step: str) -> None:
        """`step` names the reader."""
        self._cancelled: dict[int, dict[str, None]] = {}
        self._fresh_at: dict[int, float] = {}
        self._tail = Tail(bootstrap, f"carillon.{step}.cancels", CANCELS, self._apply, self._current, lambda partition, end: 0, die)

    def follow(self, partitions: Set[int]) -> None:
        """Keep these partitions current from now on, and no others."""
        self._tail.follow(partitions)

    async def current(self, partition: int, *, alive: Callable[[], None]) -> None:
        """Return when the copy has all that `notify.cancels` had FRESH_S ago; mostly at once. `alive` is called while it waits."""
        while time.monotonic() - self._fresh_at.get(partition, -FRESH_S) >= FRESH_S:
            await asyncio.sleep(LOOK_S)
            alive()

    def has(self, partition: int, notification_id: str) -> bool:
        """Whether a notification was cancelled."""
        return notification_id in self._cancelled.get(partition, ())

    def stop(self) -> None:
        """Stop following."""
        self._tail.stop()

    def _current(self, partition: int, when: float) -> None:
        self._fresh_at[partition] = when

    def _apply(self, partition: int, messages: Sequence[Message], position: int) -> None:
        known = self._cancelled.setdefault(partition, {})
        for message in messages:
            known[(message.key() or b"").decode(errors="replace")] = None
        while len(known) > LIMIT:
            del known[next(iter(known))]
