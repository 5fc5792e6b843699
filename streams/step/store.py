"""The local state of one process: one RocksDB, whose keys start with table and partition.

One database for all partitions: nothing is opened or closed in a rebalance, and RocksDB's own lock keeps a second process out of it.
Each table partition remembers up to which offset of its changelog it is complete; values and that position are written together.
"""

import time
from bisect import bisect_left
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from rocksdict import AccessType, BlockBasedOptions, Cache, DBCompressionType, Options, Rdict, WriteBatch

BLOCK_CACHE_BYTES = 48 * 1024 * 1024
MEMTABLE_BYTES = 16 * 1024 * 1024
_POSITION_BYTES = _TIME_BYTES = 8
PLACE_BYTES = 8
"""Of a value in an ordered table: what it is ordered by."""

Change = tuple[bytes, bytes | None]


class Store:
    """Opened for the life of the process. Raises rocksdict's error when another process holds it."""

    def __init__(self, path: Path, ttl_s: int | None = None, ordered: Collection[str] = ()) -> None:
        """`ttl_s`: values older than this may vanish (at compaction); None keeps them. `ordered`: tables that are `OrderedPartition`s."""
        path.mkdir(parents=True, exist_ok=True)
        access = AccessType.with_ttl(ttl_s) if ttl_s else AccessType.read_write()
        # named for the column family too: for a database that is there already rocksdict takes table options from nowhere else
        self._db = Rdict(str(path), _options(), column_families={"default": _options()}, access_type=access)
        self._ordered = ordered

    def partition(self, table: str, partition: int) -> "TablePartition":
        """One partition of one table."""
        kind = OrderedPartition if table in self._ordered else TablePartition
        return kind(self._db, table, partition)

    def close(self) -> None:
        """Release the database; it may be opened again after this."""
        self._db.close()


class TablePartition:
    """One partition of one table: get and write. Keys given and returned are without their prefix."""

    def __init__(self, db: Rdict, table: str, partition: int) -> None:
        self._db = db
        self._prefix = table.encode() + b"\0" + partition.to_bytes(2, "big")
        self._position_key = b"@" + self._prefix

    def get(self, key: bytes) -> bytes | None:
        """The value of `key`."""
        value: bytes | None = self._db.get(self._prefix + key)
        return value

    def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """The values of `keys`, in their order."""
        prefix = self._prefix
        values: list[bytes | None] = self._db.get([prefix + key for key in keys])
        return values

    def snapshot(self) -> "TableSnapshot":
        """The keys as they are now. Not to be kept longer than the store is open."""
        return TableSnapshot(self._db, self._prefix)

    def position(self) -> int:
        """The next changelog offset this partition has not seen; 0 when it is new."""
        raw = self._db.get(self._position_key)
        return int.from_bytes(raw[:_POSITION_BYTES], "big") if raw else 0

    def age_s(self) -> float:
        """How long ago this partition was last written, by the wall clock; 0 when it is new."""
        raw = self._db.get(self._position_key)
        return time.time() - int.from_bytes(raw[_POSITION_BYTES:], "big") if raw else 0.0

    def write(self, changes: Iterable[Change], position: int) -> None:
        """Apply changes (None removes) and set the position, all or nothing."""
        batch = WriteBatch(raw_mode=True)
        self._fill(batch, dict(changes))
        batch.put(self._position_key, position.to_bytes(_POSITION_BYTES, "big") + int(time.time()).to_bytes(_TIME_BYTES, "big"))
        self._db.write(batch)

    def clear(self) -> None:
        """Forget everything, the position too."""
        self._db.delete_range(self._prefix, _successor(self._prefix))
        self._db.delete(self._position_key)

    def _fill(self, batch: WriteBatch, changes: Mapping[bytes, bytes | None]) -> None:
        prefix = self._prefix
        for key, value in changes.items():
            if value is None:
                batch.delete(prefix + key)
            else:
                batch.put(prefix + key, value)


class OrderedPartition(TablePartition):
    """Its keys are also in the order of their values: a place is the first 8 bytes of a value, and its key.

    Places are found in the same database, made of the values and written with them: the changelog knows nothing of them.
    """

    def __init__(self, db: Rdict, table: str, partition: int) -> None:
        super().__init__(db, table, partition)
        self._order = b"#" + self._prefix

    def places(self, start: bytes, until: bytes, limit: int) -> list[bytes]:
        """The places from `start` on that are before `until`, in order, and the one after them; `limit` at most.

        What was removed stays in RocksDB for a while, and is slow to pass: start where the removed end. For the same reason nothing is
        read behind the place that is not before `until`.
        """
        iterator, found = self._db.iter(), list[bytes]()
        iterator.seek(self._order + start)
        order, end, cut = self._order, self._order + until, len(self._order)
        while len(found) < limit and (here := iterator.key()) is not None and here.startswith(order):
            found.append(here[cut:])
            if here >= end:
                break
            iterator.next()
        return found

    def count(self, until: bytes) -> int:
        """How many places are before `until`; reads them all (0.4 us each)."""
        iterator, end, found = self._db.iter(), self._order + until, 0
        iterator.seek(self._order)
        while (here := iterator.key()) is not None and here < end:
            found += 1
            iterator.next()
        return found

    def clear(self) -> None:
        """Forget everything, the position too."""
        super().clear()
        self._db.delete_range(self._order, _successor(self._order))

    def _fill(self, batch: WriteBatch, changes: Mapping[bytes, bytes | None]) -> None:
        super()._fill(batch, changes)
        order = self._order
        for (key, value), old in zip(changes.items(), self.get_many(list(changes)), strict=True):
            if old is not None:
                batch.delete(order + old[:PLACE_BYTES] + key)
            if value is not None:
                batch.put(order + value[:PLACE_BYTES] + key, b"")


class TableSnapshot:
    """The keys of one partition of one table at one moment.

    One iterator for all that is read: it sees what was there when it was made. (rocksdict's Snapshot, 0.3.29, makes some that see more.)
    """

    def __init__(self, db: Rdict, prefix: bytes) -> None:
        self._iterator = db.iter()
        self._prefix = prefix

    def keys(self, prefix: bytes, start: bytes, limit: int) -> list[bytes]:
        """Up to `limit` keys that begin with `prefix`, without it, from `start` on, in order."""
        wanted = self._prefix + prefix
        found = self._read(wanted + start, limit)
        if found and not found[-1].startswith(wanted):
            del found[bisect_left(found, _successor(wanted)) :]
        cut = len(wanted)
        return [key[cut:] for key in found]

    def _read(self, start: bytes, limit: int) -> list[bytes]:
        """Also keys after those of the prefix: an upper bound in ReadOptions is freed by rocksdict under a running iterator."""
        self._iterator.seek(start)
        key, step = self._iterator.key, self._iterator.next
        found: list[bytes] = []
        for _ in range(limit):
            if (here := key()) is None:
                break
            found.append(here)
            step()
        return found


def _successor(prefix: bytes) -> bytes:
    """The smallest key after all keys that begin with `prefix` (which is not all 0xff: it starts with a table's name)."""
    trimmed = prefix.rstrip(b"\xff")
    return trimmed[:-1] + bytes([trimmed[-1] + 1])


def _options() -> Options:
    options = Options(raw_mode=True)
    options.create_if_missing(True)
    options.set_write_buffer_size(MEMTABLE_BYTES)
    options.set_max_write_buffer_number(3)
    options.set_compression_type(DBCompressionType.lz4())
    options.set_max_background_jobs(2)
    options.set_keep_log_file_num(2)
    options.set_max_total_wal_size(4 * MEMTABLE_BYTES)
    options.set_max_open_files(256)
    table = BlockBasedOptions()
    table.set_block_cache(Cache(BLOCK_CACHE_BYTES))
    # in the cache they do not fit its shards, and each read decompresses an index block: 250 us instead of 4
    table.set_cache_index_and_filter_blocks(False)
    table.set_bloom_filter(10, block_based=False)
    options.set_block_based_table_factory(table)
    return options
