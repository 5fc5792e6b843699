"""Notices records that were skipped: Faust's start-up and commit races lose records silently (docs/adr/0001), this makes them loud.

Input must follow on from the committed offset. Where it does not, the log is asked whether a record lies in between: compaction, retention
and transaction markers leave gaps too, and those are nothing to worry about.
"""

import asyncio

from streams.step.partition import Die
from streams.step.reader import LogReader


class GapGuard:
    """Watches the offsets of one partition of one consumer group."""

    def __init__(self, reader: LogReader, topic: str, partition: int, die: Die) -> None:
        self._reader = reader
        self._topic = topic
        self._partition = partition
        self._die = die
        self._next = 0

    async def start(self) -> None:
        """Learn where the group stands in this partition."""
        self._next = await asyncio.to_thread(self._reader.committed, self._topic, self._partition)

    async def check(self, offset: int) -> None:
        """Note that the record at `offset` arrived; end the process when one before it did not."""
        if offset > self._next:
            first = await asyncio.to_thread(self._reader.first_at_or_after, self._topic, self._partition, self._next)
            if first is not None and first < offset:
                self._die(
                    f"{self._topic}/{self._partition}: offset {offset} arrived but {first} was skipped; starting again from the commit"
                )
        self._next = max(self._next, offset + 1)
