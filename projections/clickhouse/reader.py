"""`Analytics`: questions to ClickHouse, wherever it is.

A server is asked directly. The embedded engine is asked at the door of the process that holds it, and opened here when nobody does.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import httpx
import msgspec

from projections.clickhouse import address, queries
from projections.clickhouse.address import Address
from projections.clickhouse.answers import Answers, QueryLimits, Row, rows_of
from projections.clickhouse.engine import Engine
from projections.clickhouse.queries import Query
from projections.errors import QueryRefused, StoreUnavailable

CONNECT_TIMEOUT_S = 2.0


class Source(Protocol):
    """Something that answers SQL."""

    def query(self, sql: str, params: Mapping[str, Any] | None = None) -> list[Row]:
        """The rows. Raises QueryRefused, StoreUnavailable."""

    def close(self) -> None:
        """Let go of it."""


class Remote:
    """The door of another process."""

    def __init__(self, at: Address, seconds: float) -> None:
        headers = {"Authorization": f"Bearer {at.token}"}
        timeout = httpx.Timeout(seconds, connect=CONNECT_TIMEOUT_S)
        self._at = at
        self._client = httpx.Client(base_url=at.url, headers=headers, timeout=timeout, trust_env=False)

    def query(self, sql: str, params: Mapping[str, Any] | None = None) -> list[Row]:
        body = msgspec.json.encode({"sql": sql, "params": dict(params or {})})
        try:
            answer = self._client.post("/query", content=body)
        except httpx.HTTPError as error:
            raise StoreUnavailable(f"{self._at!r} does not answer: {error}") from error
        if answer.status_code == httpx.codes.BAD_REQUEST:
            raise QueryRefused(answer.text)
        if answer.status_code != httpx.codes.OK:
            raise StoreUnavailable(f"{self._at!r}: {answer.status_code} {answer.text}")
        return rows_of(answer.content)

    def close(self) -> None:
        self._client.close()


class Analytics:
    """Named questions, and any SQL. Rows are dicts; times are ISO 8601 texts in UTC."""

    def __init__(self, source: Source) -> None:
        self._source = source

    @classmethod
    def open(cls, engine: Engine, home: str, limits: QueryLimits | None = None) -> "Analytics":
        """Raises StoreUnavailable, EngineBusy."""
        limits = limits or QueryLimits()
        if engine.embedded and (at := _answering(engine, home, limits)):
            return cls(at)
        return cls(Answers.open(engine, limits))

    def close(self) -> None:
        self._source.close()

    def query(self, sql: str, params: Mapping[str, Any] | None = None) -> list[Row]:
        """One statement that reads; `params` fill `{name:Type}`. Raises QueryRefused, StoreUnavailable."""
        return self._source.query(sql, params)

    def summary(self, campaign: str | None = None, notification_id: str | None = None) -> list[Row]:
        """campaign, channel, status, recipients, events, first_at, last_at."""
        return self._ask(queries.summary(campaign, notification_id))

    def counts(self, notification_ids: Sequence[str]) -> list[Row]:
        """notification_id, channel, status, recipients; exact. One scan for all of them."""
        return self._ask(queries.counts(notification_ids))

    def reasons(self, campaign: str | None = None, notification_id: str | None = None) -> list[Row]:
        """channel, status, reason, recipients; most first."""
        return self._ask(queries.reasons(campaign, notification_id))

    def rates(self, by: Sequence[str] = ("campaign", "channel"), campaign: str | None = None) -> list[Row]:
        """Counts and shares by any of queries.GRAINS. Raises ValueError on another."""
        return self._ask(queries.rates(by, campaign))

    def latency(self, campaign: str | None = None, notification_id: str | None = None) -> list[Row]:
        """channel, priority, events, p50_ms, p90_ms, p95_ms, p99_ms, max_ms."""
        return self._ask(queries.latency(campaign, notification_id))

    def funnel(self, notification_id: str) -> list[Row]:
        """A line per channel: audience, queued, sent, delivered, ..., pending."""
        return self._ask(queries.funnel(notification_id))

    def expansion(self, notification_id: str) -> Row | None:
        """users, chunks, finished_partitions, partitions, complete; None before the first chunk."""
        return next(iter(self._ask(queries.expansion(notification_id))), None)

    def throughput(self, notification_id: str | None = None, since_ms: int | None = None) -> list[Row]:
        """second, channel, status, events."""
        return self._ask(queries.throughput(notification_id, since_ms))

    def _ask(self, query: Query) -> list[Row]:
        return self.query(query.sql, query.params)


def _answering(engine: Engine, home: str, limits: QueryLimits) -> Remote | None:
    """The door of the process that holds this engine, if it answers; what a killed one left behind does not count."""
    at = address.read(home)
    if at is None or at.path != engine.path:
        return None
    remote = Remote(at, limits.seconds + 5.0)
    try:
        remote.query("SELECT 1")
    except StoreUnavailable:
        remote.close()
        return None
    return remote
