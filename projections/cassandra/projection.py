"""The Cassandra projection.

Killed between the writes and the commit: the same records come again and write the same cells under the same write times.
Killed among the writes: some rows are there early; the rest comes with the repetition.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence

from cassandra.cluster import Session

from projections.base import Item
from projections.cassandra.connect import Contact, connect
from projections.cassandra.migrate import migrate
from projections.cassandra.policy import Policy, Write
from projections.cassandra.rows import writes
from projections.cassandra.statements import PARTITION
from projections.cassandra.writer import WriteLimits, Writer
from projections.retry import Sleep
from schemas.topics import DAY_MS

REMEMBERED = 20_000


class CassandraProjection:
    """Header, timeline, history and inbox."""

    name = "cassandra"

    def __init__(self, session: Session, writer: Writer, policy: Policy, now: Callable[[], int] | None = None) -> None:
        self._session, self._writer, self._policy = session, writer, policy
        self._now = now or (lambda: time.time_ns() // 1_000_000)
        self._seen: OrderedDict[tuple[str, int, int], None] = OrderedDict()

    @classmethod
    def open(cls, contact: Contact, policy: Policy, limits: WriteLimits, sleep: Sleep) -> "CassandraProjection":
        """Connected and migrated. Raises StoreUnavailable, MigrationChanged, MigrationLocked."""
        session = connect(contact)
        try:
            migrate(session, contact)
        except BaseException:
            session.cluster.shutdown()
            raise
        return cls(session, Writer(session, limits, sleep), policy)

    def apply(self, items: Sequence[Item]) -> None:
        """Write all that `items` say. Raises StoreUnavailable."""
        fresh: list[tuple[str, int, int]] = []
        self._writer.write(self._unseen(writes(items, self._policy, self._now()), fresh))
        self._remember(fresh)

    def close(self) -> None:
        self._session.cluster.shutdown()

    def _unseen(self, all_of: Iterable[Write], fresh: list[tuple[str, int, int]]) -> Iterator[Write]:
        """Without the partitions of notifications that this process has written already: they are named by every status batch."""
        now: set[tuple[str, int, int]] = set()
        for write in all_of:
            if write.statement == PARTITION:
                key = self._seen_key(write)
                if key in self._seen or key in now:
                    continue
                now.add(key)
                fresh.append(key)
            yield write

    def _seen_key(self, write: Write) -> tuple[str, int, int]:
        # with the day on which it will be forgotten: a notification that goes on for weeks renews it
        _, ttl, (partition,), notification_id = write.values
        return notification_id, partition, (self._now() + ttl * 1000) // DAY_MS

    def _remember(self, keys: list[tuple[str, int, int]]) -> None:
        for key in keys:
            self._seen[key] = None
        while len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
