"""The ClickHouse projection.

Killed between an insert and the commit, or among the inserts: the same records come again, and their rows replace themselves.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from clickhouse_connect.driver.exceptions import DatabaseError

from projections.base import Item
from projections.clickhouse.engine import Engine, connect, release_memory
from projections.clickhouse.migrate import migrate
from projections.clickhouse.rows import Insert, inserts
from projections.errors import StoreUnavailable
from projections.retry import Backoff, Sleep, retried

TIDY_EVERY_S = 1.0


@dataclass(frozen=True)
class InsertLimits:
    """Rows of one insert: more cost memory, fewer cost merges."""

    rows: int = 30_000
    backoff: Backoff = field(default_factory=Backoff)


class ClickHouseProjection:
    """Status events, requests and expansions."""

    name = "clickhouse"

    def __init__(self, client: Any, engine: Engine, limits: InsertLimits, sleep: Sleep) -> None:
        """`client`: in the database, which is migrated."""
        self._client, self._engine, self._limits, self._sleep = client, engine, limits, sleep
        self._tidy_at = 0.0

    @classmethod
    def open(cls, engine: Engine, limits: InsertLimits, sleep: Sleep) -> "ClickHouseProjection":
        """Connected and migrated. Raises EngineBusy, StoreUnavailable, MigrationChanged."""
        client = connect(engine)
        try:
            migrate(client, engine.database)
        except DatabaseError as error:
            client.close()
            raise StoreUnavailable(f"ClickHouse at {engine!r} was not migrated: {error}") from error
        return cls(client, engine, limits, sleep)

    def apply(self, items: Sequence[Item]) -> None:
        """Insert all that `items` say. Raises StoreUnavailable when ClickHouse does not take it within the retries."""
        for insert in inserts(items, self._limits.rows):
            try:
                retried(lambda insert=insert: self._insert(insert), DatabaseError, self._limits.backoff, self._sleep)  # type: ignore[misc]
            except DatabaseError as error:
                raise StoreUnavailable(f"ClickHouse did not take {insert.rows.num_rows} rows for {insert.table}: {error}") from error
        self._tidy()

    def close(self) -> None:
        self._client.close()

    def _tidy(self) -> None:
        if time.monotonic() >= self._tidy_at:
            release_memory(self._client, self._engine)
            self._tidy_at = time.monotonic() + TIDY_EVERY_S

    def _insert(self, insert: Insert) -> None:
        self._client.insert_arrow(insert.table, insert.rows)
