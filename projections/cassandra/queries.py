"""Reading: prepared statements, a page at a time, a time-out on each."""

from collections.abc import Iterator
from typing import Any

from cassandra import DriverException
from cassandra.cluster import NoHostAvailable, Session
from cassandra.query import PreparedStatement

from projections.cassandra.statements import qualified
from projections.errors import StoreUnavailable

PAGE_ROWS = 100
"""Blobs are about 10 KB: a page of them is about 1 MB."""


class Queries:
    """Runs statements by their text, prepared once each."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._prepared: dict[str, PreparedStatement] = {}

    def rows(self, cql: str, *values: object, page: int = PAGE_ROWS) -> Iterator[Any]:
        """The rows, fetched as they are asked for. Raises StoreUnavailable."""
        try:
            bound = self._prepare(cql).bind(values)
            bound.fetch_size = page
            yield from self._session.execute(bound)
        except (DriverException, NoHostAvailable) as error:
            raise StoreUnavailable(f"Cassandra: {error!r}") from error

    def one(self, cql: str, *values: object) -> Any | None:
        """The first row, or None. Raises StoreUnavailable."""
        return next(self.rows(cql, *values, page=1), None)

    def _prepare(self, cql: str) -> PreparedStatement:
        if cql not in self._prepared:
            self._prepared[cql] = self._session.prepare(qualified(cql, self._session.keyspace))
        return self._prepared[cql]
