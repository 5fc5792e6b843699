"""The write-ahead journal of a step whose decisions depend on more than its input: what was decided is written down before it is done."""

import asyncio

from schemas.codec import Codec
from schemas.records import Output, StepCommitted
from streams.step.log import LogWriter
from streams.step.model import Effects, last_writes
from streams.step.reader import LogReader


class Journal:
    """The journal of one partition of one step. Only its last record counts."""

    def __init__(self, topic: str, step: str, partition: int, codec: Codec, log: LogWriter) -> None:
        self._topic = topic
        self._key = step.encode()
        self._partition = partition
        self._codec = codec
        self._log = log
        self.applied = -1
        """Input up to this offset is decided; -1: none."""

    async def append(self, applied: int, effects: Effects) -> None:
        """Write down what was decided about input up to `applied`; durable on return. Raises WriteFailedError."""
        entry = StepCommitted(applied, effects.outputs, last_writes(effects.writes))
        await self._log.send([Output(topic=self._topic, partition=self._partition, key=self._key, value=self._codec.encode(entry))])
        self.applied = applied

    async def recover(self, reader: LogReader) -> Effects:
        """What was decided last, to be done again: it may not have been done before the process ended. Raises ReadError."""
        message = await asyncio.to_thread(reader.last_record, self._topic, self._partition)
        if message is None:
            return Effects()
        entry = self._codec.decode(message.value(), StepCommitted)
        self.applied = entry.applied
        return Effects(list(entry.outputs), list(entry.writes))
