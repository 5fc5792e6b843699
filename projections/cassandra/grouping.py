"""Which writes travel together: small rows in unlogged batches (measured: 5 k rows/s alone, 13-27 k/s in batches of 20-100), blobs alone.

Rows of several partitions in one batch cost the coordinator a hop each; on one node that is nothing, on many a batch of 50 is still
cheaper than 50 requests, and below `batch_size_fail_threshold` (50 KiB by default).
"""

from collections.abc import Iterable, Iterator

from projections.cassandra.policy import Write

ROW_OVERHEAD_BYTES = 100


def grouped(writes: Iterable[Write], rows: int, size: int) -> Iterator[list[Write]]:
    """Groups of at most `rows` writes and about `size` bytes, in no particular order; a bulky write is a group of its own."""
    group: list[Write] = []
    filled = 0
    for write in writes:
        weight = weigh(write)
        if weight > size // 4:
            yield [write]
            continue
        if group and (len(group) >= rows or filled + weight > size):
            yield group
            group, filled = [], 0
        group.append(write)
        filled += weight
    if group:
        yield group


def weigh(write: Write) -> int:
    """About how many bytes a write is."""
    return ROW_OVERHEAD_BYTES + sum(_size(value) for value in write.values)


def _size(value: object) -> int:
    if isinstance(value, str | bytes):
        return len(value)
    if isinstance(value, dict):
        return sum(_size(key) + _size(item) for key, item in value.items())
    return 8
