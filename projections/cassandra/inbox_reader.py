"""Reading a user's inbox, and marking what was read."""

from collections.abc import Callable, Iterator, Sequence
from itertools import chain

import msgspec

from projections.cassandra import selects
from projections.cassandra.header import header_of
from projections.cassandra.inboxes import Message, message_of_blob, message_of_row, place_of, visible
from projections.cassandra.lines import cursor_of, read_cursor
from projections.cassandra.months import months
from projections.cassandra.policy import Policy, Write, first_wins
from projections.cassandra.queries import Queries
from projections.cassandra.statements import READ
from projections.cassandra.writer import Writer
from schemas.partition import bucket_of

MAX_MESSAGES = 1000
"""Rows of one inbox that are looked at; nobody scrolls further in 30 days."""
ACCEPTED_BEFORE_MS = 30 * 86_400_000
"""How long before its sending a message may have been accepted (scheduled, held for quiet hours)."""


class InboxPage(msgspec.Struct, frozen=True):
    """`next_cursor` "": that was all. `unread_count` is over the whole inbox."""

    messages: list[Message]
    unread_count: int
    next_cursor: str


class InboxReader:
    """Sessions and clock come from the Reader."""

    def __init__(self, queries: Queries, writer: Writer, policy: Policy, now: Callable[[], int]) -> None:
        self._queries, self._writer, self._policy, self._now = queries, writer, policy, now

    def page(self, user_id: str, limit: int, cursor: str) -> InboxPage:
        """Newest first, from the cursor on. Raises BadCursor, StoreUnavailable."""
        after = read_cursor(cursor) if cursor else None
        everything = self._visible(user_id)
        rest = [message for message in everything if after is None or place_of(message) > after]
        shown = rest[:limit]
        unread = sum(message.read_at is None for message in everything)
        more = shown and len(rest) > limit
        return InboxPage([self._with_data(message) for message in shown], unread, cursor_of(place_of(shown[-1])) if more else "")

    def unread(self, user_id: str) -> list[str]:
        """The notifications that were not read, newest first."""
        return [message.notification_id for message in self._visible(user_id) if message.read_at is None]

    def mark(self, user_id: str, notification_ids: Sequence[str], at: int) -> None:
        """Mark as read at `at` (epoch ms); what was read before keeps its time. Raises StoreUnavailable."""
        ttl = self._policy.reads_ttl_ms // 1000
        self._writer.write([Write(READ, (user_id, id_, at, first_wins(at), ttl)) for id_ in notification_ids])

    def _visible(self, user_id: str) -> list[Message]:
        rows = self._queries.rows(selects.INBOX, user_id, MAX_MESSAGES)
        reads = {row.notification_id: row.read_at for row in self._queries.rows(selects.READS, user_id)}
        return visible(chain(map(message_of_row, rows), self._of_campaigns(user_id)), reads, self._now())[:MAX_MESSAGES]

    def _of_campaigns(self, user_id: str) -> Iterator[Message]:
        now, bucket = self._now(), bucket_of(user_id)
        not_before = now - self._policy.inbox_ttl_ms
        newest, oldest = now + ACCEPTED_BEFORE_MS, not_before - ACCEPTED_BEFORE_MS
        for month in months(newest, oldest):
            for row in self._queries.rows(selects.IN_APP, bucket, month, newest, max(oldest, 0)):
                message = message_of_blob(row, user_id, not_before)
                if message is not None:
                    yield message

    def _with_data(self, message: Message) -> Message:
        if message.data:
            return message
        header = header_of(self._queries.one(selects.HEADER, message.notification_id))
        return msgspec.structs.replace(message, data=header.data) if header else message
