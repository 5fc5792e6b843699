"""The month partitions that a span of time touches, newest first. Pure."""

from collections.abc import Iterator

from projections.cassandra.status_rows import month_of


def months(newest_ms: int, oldest_ms: int) -> Iterator[int]:
    """Months as 202601, from that of `newest_ms` down to that of `oldest_ms`."""
    month, last = month_of(newest_ms), month_of(max(oldest_ms, 0))
    while month >= last:
        yield month
        month -= 1 if month % 100 > 1 else 89
