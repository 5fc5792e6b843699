"""A partition that also remembers when it last gave a sign of life."""

import time
from collections.abc import Mapping

from streams.health.rules import Held
from streams.step.lease import Lease
from streams.step.log import LogWriter
from streams.step.partition import Die, StepPartition
from streams.step.store import Store


class WatchedPartition(StepPartition):
    """Counts the batches that began, and notes each bounded wait that a batch came through."""

    def __init__(self, partition: int, tables: Mapping[str, str], store: Store, log: LogWriter, die: Die, lease: Lease) -> None:
        super().__init__(partition, tables, store, log, die, lease)
        self._batches = 0
        self._signed_at = 0.0

    async def begin(self) -> None:
        """A batch begins."""
        await super().begin()
        self._batches += 1

    def alive(self) -> None:
        """A batch has come through a wait that was bounded by itself."""
        super().alive()
        self._signed_at = time.monotonic()

    def held(self, recovered: bool) -> Held:
        """As the watchdog sees it."""
        return Held(recovered, self._batches, self._signed_at)
