"""Runs a reading query within limits; rows come back as JSON lines, times as ISO 8601 in UTC."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from clickhouse_connect.driver.exceptions import Error

from projections.clickhouse.engine import Engine, connect
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

    def __init__(self, client: Any, settings: dict[str, Any] | None) -> None:
        """`settings`: sent with each query; None: they are in the client's session."""
        self._client, self._settings = client, settings

    @classmethod
    def open(cls, engine: Engine, limits: QueryLimits) -> "Answers":
        """A read-only client of its own. Raises EngineBusy, StoreUnavailable."""
        client = connect(engine, engine.database)
        if not engine.embedded:
            # 2: read-only, but these settings themselves may be sent along
            return cls(client, {**limits.settings(), "readonly": 2})
        for name, value in limits.settings().items():
            client.command(f"SET {name} = {value!r}")
        client.command("SET readonly = 1")
        return cls(client, None)

    def lines(self, sql: str, params: Mapping[str, Any] | None = None) -> bytes:
        """The rows as JSON, one a line. `params` fill `{name:Type}`. Raises QueryRefused with ClickHouse's own words."""
        try:
            answer: bytes = self._client.raw_query(
                read_only(sql), parameters=dict(params or {}), settings=self._settings, fmt="JSONEachRow"
            )
            return answer
        except Error as error:
            raise QueryRefused(str(error)) from error

    def query(self, sql: str, params: Mapping[str, Any] | None = None) -> list[Row]:
        """The rows. Raises QueryRefused."""
        return rows_of(self.lines(sql, params))

    def close(self) -> None:
        self._client.close()


def rows_of(lines: bytes) -> list[Row]:
    """JSON lines as rows."""
    decode = msgspec.json.Decoder(Row).decode
    return [decode(line) for line in lines.splitlines()]
