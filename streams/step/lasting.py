"""Local state of which some tables outlast the others: each of those has a database, and a time, of its own."""

from collections.abc import Collection, Mapping
from pathlib import Path

from streams.step.store import Store, TablePartition


class LastingStore(Store):
    """A store beside others. Raises rocksdict's error when another process holds one of them."""

    def __init__(self, path: Path, ttl_s: int | None, lasting: Mapping[str, int], ordered: Collection[str] = ()) -> None:
        """`ttl_s` and `ordered`: as of `Store`; `lasting`: tables whose values stay for so many seconds instead."""
        super().__init__(path, ttl_s, ordered)
        self._lasting = {table: Store(path.with_name(f"{path.name}-{table}"), seconds) for table, seconds in lasting.items()}

    def partition(self, table: str, partition: int) -> TablePartition:
        """One partition of one table."""
        return self._lasting[table].partition(table, partition) if table in self._lasting else super().partition(table, partition)

    def close(self) -> None:
        """Release all databases."""
        super().close()
        for store in self._lasting.values():
            store.close()
