"""Runs a reading query within limits; rows come back as JSON lines, times as ISO 8601 in UTC."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from clickhouse_connect.driver.exceptions import Error

from projections.clickhouse.engine import Engine, connect, release_memory
from projections.clickhouse.guard import read_only
from projections.errors import QueryRefused

Row = dict[str, Any]


@dataclass(frozen=True)
class QueryLimits:
    """Of one query."""

    rows: int = 100_000
    bytes: int = 64 * 1024 * 1024
    seconds: int = 30

    def settings(self) -> dict[str, Any]:
        return {
            "max_result_rows": self.rows,
            "max_result_bytes": self.bytes,
            "result_overflow_mode": "throw",
            "max_execution_time": self.seconds,
            "output_format_json_quote_64bit_integers": 0,
            "date_time_output_format": "iso",
        }


class Answers:
    """A client that can only read. One query at a time on the embedded engine."""

    def __init__(self, engine: Engine, limits: QueryLimits) -> None:
        """Opens a client of its own. Raises EngineBusy, StoreUnavailable."""
        self._engine, self._limits = engine, limits
        self._lock = threading.Lock()
        self._client, self._keeper = self._open(), connect(engine)
        # 2: read-only, but these settings themselves may be sent along
        self._settings = None if engine.embedded else {**limits.settings(), "readonly": 2}

    @classmethod
    def open(cls, engine: Engine, limits: QueryLimits) -> "Answers":
        """The same, by the name that all of this package have."""
        return cls(engine, limits)

    def lines(self, sql: str, params: Mapping[str, Any] | None = None) -> bytes:
        """The rows as JSON, one a line. `params` fill `{name:Type}`. Raises QueryRefused with ClickHouse's own words."""
        statement = read_only(sql)
        with self._lock:
            try:
                return self._ask(statement, dict(params or {}))
            except Error as error:
                self._renew()
                raise QueryRefused(str(error)) from error
            finally:
                release_memory(self._keeper, self._engine)

    def query(self, sql: str, params: Mapping[str, Any] | None = None) -> list[Row]:
        """The rows. Raises QueryRefused."""
        return rows_of(self.lines(sql, params))

    def close(self) -> None:
        self._client.close()
        self._keeper.close()

    def _ask(self, statement: str, params: dict[str, Any]) -> bytes:
        answer: bytes = self._client.raw_query(statement, params, settings=self._settings, fmt="JSONEachRow")
        return answer

    def _open(self) -> Any:
        client = connect(self._engine, self._engine.database)
        if self._engine.embedded:
            for name, value in self._limits.settings().items():
                client.command(f"SET {name} = {value!r}")
            # one thread: half the memory, and writing goes on beside it
            client.command("SET max_threads = 1")
            client.command("SET readonly = 1")
        return client

    def _renew(self) -> None:
        """After an error chDB's handle may still hold rows of the failed query, and would give them to the next."""
        if self._engine.embedded:
            self._client.close()
            self._client = self._open()


def rows_of(lines: bytes) -> list[Row]:
    """JSON lines as rows."""
    decode = msgspec.json.Decoder(Row).decode
    return [decode(line) for line in lines.splitlines()]
