"""What may be chosen about the rows: how long they live, and from how many recipients on they are kept together."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from schemas.topics import DAY_MS


class Write(NamedTuple):
    """One statement (a name in `statements.STATEMENTS`) and its values; None is a column that is not written."""

    statement: str
    values: tuple[Any, ...]


@dataclass(frozen=True)
class Policy:
    """`blob_users`: status batches of at least so many are kept by bucket (docs/adr/0003), but not its buckets below `bucket_users`."""

    blob_users: int = 20
    bucket_users: int = 2
    history_ttl_ms: int = 90 * DAY_MS
    inbox_ttl_ms: int = 30 * DAY_MS
    reads_ttl_ms: int = 60 * DAY_MS


def seconds_left(since_ms: int, ttl_ms: int, now_ms: int) -> int:
    """What is left of a life of `ttl_ms` that began at `since_ms`: s, at most the whole of it, 0 or less when it is over.

    So a row that is written again later still ends when it would have ended.
    """
    return min(ttl_ms, since_ms + ttl_ms - now_ms) // 1000


def first_wins(at: int) -> int:
    """A write time (us) under which the earliest write stays."""
    return -at * 1000
