"""What the API, the CLI and the bench read from Cassandra. Every read is by key; campaigns are merged in when someone reads."""

import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

import msgspec
from cassandra.cluster import Session

from projections.cassandra import selects
from projections.cassandra.connect import Contact, connect
from projections.cassandra.entries import Entry
from projections.cassandra.header import Header, header_of
from projections.cassandra.inbox_reader import InboxPage, InboxReader
from projections.cassandra.lines import Line, cursor_of, line_of_blob, line_of_row, merged, order_of, read_cursor
from projections.cassandra.months import months
from projections.cassandra.policy import Policy
from projections.cassandra.queries import Queries
from projections.cassandra.timeline import Counts, Event, Progress, Why, add_counts, event_of, progress, why
from projections.cassandra.writer import WriteLimits, Writer
from schemas.partition import bucket_of, partition_of
from schemas.topics import DAY_MS

HORIZON_MS = 180 * DAY_MS
"""How long before now a notification may have been accepted whose campaign rows are looked for: 90 d of life, and as much of a schedule."""
AHEAD_MS = DAY_MS
MAX_LIMIT = 1000


class HistoryPage(msgspec.Struct, frozen=True):
    """`next_cursor` "": that was all."""

    entries: list[Entry]
    next_cursor: str


class Reader:
    """Safe to use from many threads."""

    def __init__(
        self, session: Session, policy: Policy | None = None, partitions: int | None = None, now: Callable[[], int] | None = None
    ) -> None:
        """`session`: in the keyspace. `partitions`: count of the user-keyed topics; saves `why_rows` reading those of other users."""
        self.session = session
        self._queries = Queries(session)
        self._partitions = partitions
        self._now = now or (lambda: time.time_ns() // 1_000_000)
        writer = Writer(session, WriteLimits(), time.sleep)
        self._inbox = InboxReader(self._queries, writer, policy or Policy(), self._now)

    @classmethod
    def open(cls, contact: Contact, policy: Policy | None = None, partitions: int | None = None) -> "Reader":
        """A reader with its own connection; `close` it. Raises StoreUnavailable, also when the keyspace is not there yet."""
        session = connect(contact, keyspace=contact.keyspace)
        return cls(session, policy, partitions)

    def close(self) -> None:
        self.session.cluster.shutdown()

    def history(self, user_id: str, limit: int = 20, cursor: str = "") -> HistoryPage:
        """The user's notifications, newest first, a line per notification and channel. Raises BadCursor, StoreUnavailable."""
        after = read_cursor(cursor) if cursor else None
        newest = -after[0] if after else self._now() + HORIZON_MS
        entries = merged(self._own_lines(user_id, newest, limit), self._campaign_lines(user_id, newest))
        fresh = (it for it in entries if after is None or order_of(*it.key[1:]) > after)
        page = list(islice(fresh, min(limit, MAX_LIMIT) + 1))
        more = len(page) > limit
        return HistoryPage(page[:limit], cursor_of(order_of(*page[limit - 1].key[1:])) if more else "")

    def inbox(self, user_id: str, limit: int = 20, cursor: str = "") -> InboxPage:
        """The user's in-app messages of the last 30 days, newest first. Raises StoreUnavailable."""
        return self._inbox.page(user_id, min(limit, MAX_LIMIT), cursor)

    def unread_count(self, user_id: str) -> int:
        """How many of them were not read."""
        return len(self._inbox.unread(user_id))

    def mark_read(self, user_id: str, notification_ids: Sequence[str], at: int | None = None) -> None:
        """Mark as read at `at` (epoch ms; None: now); what was read before keeps its time."""
        self._inbox.mark(user_id, notification_ids, self._now() if at is None else at)

    def mark_all_read(self, user_id: str, at: int | None = None) -> int:
        """Mark all that is unread now; returns how many."""
        unread = self._inbox.unread(user_id)
        self.mark_read(user_id, unread, at)
        return len(unread)

    def header(self, notification_id: str) -> Header | None:
        """What was asked for; None when it is not known (yet)."""
        return header_of(self._queries.one(selects.HEADER, notification_id))

    def progress(self, notification_id: str) -> Progress:
        """How far its audience was expanded."""
        return progress(self._queries.rows(selects.EXPANSIONS, notification_id, page=1000))

    def events(self, notification_id: str, limit: int = 1000) -> list[Event]:
        """Its timeline, oldest first: one event per status batch, at most `limit`."""
        rows = (
            row
            for partition in self._seen_in(notification_id)
            for row in self._queries.rows(selects.EVENTS, notification_id, partition, page=1000)
        )
        return sorted(map(event_of, rows), key=lambda it: (it.at, it.partition, it.offset))[:limit]

    def counts(self, notification_id: str) -> Counts:
        """Distinct recipients by channel, by status; exact. Reads every blob of the notification: about 1 s for a million."""
        counts: Counts = {}
        for partition in self._seen_in(notification_id):
            add_counts(counts, self._queries.rows(selects.EVENT_BLOBS, notification_id, partition))
        return counts

    def why_rows(self, user_id: str, notification_id: str) -> list[Why]:
        """Every status of a user for a notification, in order, with the positions of the records that say so."""
        partitions = self._seen_in(notification_id)
        if self._partitions:
            partitions = [p for p in partitions if p == partition_of(user_id, self._partitions)]
        return why((row for p in partitions for row in self._queries.rows(selects.EVENT_BLOBS, notification_id, p)), user_id)

    def _seen_in(self, notification_id: str) -> list[int]:
        row = self._queries.one(selects.HEADER, notification_id)
        return sorted(row.partitions or []) if row else []

    def _own_lines(self, user_id: str, newest: int, limit: int) -> Iterator[Line]:
        return map(line_of_row, self._queries.rows(selects.HISTORY, user_id, newest, page=limit + 1))

    def _campaign_lines(self, user_id: str, newest: int) -> Iterator[Line]:
        bucket, now = bucket_of(user_id), self._now()
        for month in months(min(newest, now + AHEAD_MS), now - HORIZON_MS):
            for row in self._queries.rows(selects.OUTCOMES, bucket, month, newest):
                yield line_of_blob(row, user_id)
