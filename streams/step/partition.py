"""One partition of one step: its tables, as the log and the local store have them, and the one way to change them."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NoReturn, cast

from confluent_kafka import Message

from schemas.records import Output, Write
from streams.step.lease import Lease
from streams.step.log import LogWriter, Positions, WriteFailedError
from streams.step.model import Effects, last_writes
from streams.step.reader import LogReader
from streams.step.store import OrderedPartition, Store, TablePartition

Die = Callable[[str], NoReturn]
STALE_S = 12 * 3600.0
"""A table that was not written for longer is read again from its beginning: another worker may have had it since, and Kafka keeps a
tombstone for a day. What was removed meanwhile would be there again.
"""


class _Group:
    """Effects that are committed together."""

    def __init__(self) -> None:
        self.effects = Effects()
        self.taken = False
        self.written = False


class StepPartition:
    """Reads see the local store. `commit` writes changelog and outputs, awaits them, and only then the local store.

    The stall guard: a worker that was suspended for longer than its session may wake as a second owner of the partition, and would write
    older state over newer (docs/adr/0001). So it begins nothing while another may own the partition, and dies rather than write late.
    """

    def __init__(self, partition: int, tables: Mapping[str, str], store: Store, log: LogWriter, die: Die, lease: Lease) -> None:
        """`tables`: each table's changelog topic."""
        self.number = partition
        self._changelogs = tables
        self._tables: dict[str, TablePartition] = {name: store.partition(name, partition) for name in tables}
        self._log = log
        self._die = die
        self._lease = lease
        self._alive_at = time.monotonic()
        self._lock = asyncio.Lock()
        self._group = _Group()

    def get(self, table: str, key: bytes) -> bytes | None:
        """The value of a key of one of the step's tables."""
        return self._tables[table].get(key)

    def get_many(self, table: str, keys: Sequence[bytes]) -> list[bytes | None]:
        """The values of keys of one of the step's tables, in their order."""
        return self._tables[table].get_many(keys)

    def places(self, table: str, start: bytes, until: bytes, limit: int) -> list[bytes]:
        """As `OrderedPartition.places`, of an ordered table."""
        return cast(OrderedPartition, self._tables[table]).places(start, until, limit)

    def count(self, table: str, until: bytes) -> int:
        """As `OrderedPartition.count`, of an ordered table."""
        return cast(OrderedPartition, self._tables[table]).count(until)

    async def begin(self) -> None:
        """A batch begins, as soon as the partition is known to be ours."""
        await self._lease.current()
        self._alive_at = time.monotonic()

    def alive(self) -> None:
        """A batch has come through a wait that was bounded by itself; the stall guard starts anew."""
        self.guard()
        self._alive_at = time.monotonic()

    async def commit(self, effects: Effects) -> None:
        """Make effects durable: changelog and outputs, then the local store. Raises WriteFailedError.

        Commits of concurrent tasks are grouped: while one group is under way the next gathers, so the local store never runs ahead of
        a changelog record that came before.
        """
        if not effects:
            return
        group = self._group
        group.effects.add(effects)
        async with self._lock:
            if not group.taken:
                group.taken, self._group = True, _Group()
                await self._flush(group.effects)
                group.written = True
            elif not group.written:  # whoever wrote the group failed or was cancelled
                raise WriteFailedError("the group of commits that this one was part of was not written")

    async def _flush(self, effects: Effects) -> None:
        self.guard()
        writes = last_writes(effects.writes)
        # outputs first: somebody waits for them, and the broker takes one request of a connection after the other
        positions = await self._log.send([*effects.outputs, *self._changelog_records(writes)])
        self.guard()
        self._store(writes, positions)

    def guard(self) -> None:
        """End the process when another worker may own the partition by now: the batch took too long, or no heartbeat was answered."""
        taken, limit = time.monotonic() - self._alive_at, self._lease.stall_s
        if taken > limit:
            self._die(f"partition {self.number}: a batch took {taken:.1f} s (limit {limit:.1f} s): another worker may own it now")
        if self._lease.lapsed():
            self._die(f"partition {self.number}: no heartbeat was answered for most of a session: another worker may own it now")

    async def recover(self, reader: LogReader) -> None:
        """Bring every table up to the end of its changelog. Raises ReadError."""
        for name, table in self._tables.items():
            await asyncio.to_thread(_catch_up, reader, self._changelogs[name], self.number, table)
        await self.begin()

    def _changelog_records(self, writes: Sequence[Write]) -> list[Output]:
        return [Output(topic=self._changelogs[w.table], partition=self.number, key=w.key, value=w.value) for w in writes]

    def _store(self, writes: Sequence[Write], positions: Positions) -> None:
        for name, table in self._tables.items():
            changes = [(w.key, w.value) for w in writes if w.table == name]
            if changes:
                table.write(changes, positions[(self._changelogs[name], self.number)])


def _catch_up(reader: LogReader, topic: str, partition: int, table: TablePartition) -> None:
    def apply(messages: Sequence[Message], position: int) -> None:
        table.write([(m.key() or b"", m.value()) for m in messages], position)

    if table.age_s() > STALE_S:
        table.clear()
    end = reader.read_to_end(topic, partition, table.position(), apply)
    if table.position() > end:  # the topic was made anew: what is here belongs to another log
        table.clear()
        reader.read_to_end(topic, partition, 0, apply)
