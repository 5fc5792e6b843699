"""What each store and the provider say about one notification, counted by recipient."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import httpx

from ops.endpoints import Endpoints
from projections.cassandra.connect import Contact
from projections.cassandra.reader import Reader
from projections.clickhouse.engine import Engine
from projections.clickhouse.reader import Analytics


@dataclass(frozen=True)
class Counts:
    """Recipients by status in each store; what the sandbox got, and how many of that twice."""

    clickhouse: dict[str, int]
    cassandra: dict[str, int]
    clickhouse_rows: int
    sandbox_received: int
    sandbox_duplicates: int

    def wrong(self, audience: int) -> list[str]:
        """What does not add up; empty when everything does."""
        found = []
        for store, counts in (("ClickHouse", self.clickhouse), ("Cassandra", self.cassandra)):
            if sum(counts.values()) != audience:
                found.append(f"{store}: {sum(counts.values())} recipients, the audience has {audience}")
        if self.clickhouse != self.cassandra:
            found.append(f"the stores differ: {self.clickhouse} and {self.cassandra}")
        if self.sandbox_received != self.clickhouse.get("sent", 0):
            found.append(f"the provider got {self.sandbox_received}, sent is {self.clickhouse.get('sent', 0)}")
        if self.sandbox_duplicates:
            found.append(f"the provider got {self.sandbox_duplicates} twice")
        return found


def count(endpoints: Endpoints, sandbox_url: str, notification: str) -> Counts:
    """Ask everyone."""
    received = httpx.get(f"{sandbox_url}/v1/stats", params={"notification": notification}, timeout=30.0).raise_for_status().json()
    rows, by_status = _clickhouse(endpoints, notification)
    return Counts(by_status, _cassandra(endpoints, notification), rows, received["distinct"], received["duplicates"])


def received(sandbox_url: str, notification: str) -> int:
    """How many distinct recipients the provider has."""
    answer = httpx.get(f"{sandbox_url}/v1/stats", params={"notification": notification}, timeout=30.0)
    return int(answer.raise_for_status().json()["distinct"])


def _clickhouse(endpoints: Endpoints, notification: str) -> tuple[int, dict[str, int]]:
    analytics = Analytics.open(Engine(endpoints.clickhouse), endpoints.home)
    try:
        rows = analytics.query(
            "SELECT status, count() AS events, uniqExact(user_id) AS recipients FROM status_events FINAL"
            " WHERE notification_id = {id:String} AND status != 'deferred' GROUP BY status",
            {"id": notification},
        )
    finally:
        analytics.close()
    return sum(int(row["events"]) for row in rows), {str(row["status"]): int(row["recipients"]) for row in rows}


def _cassandra(endpoints: Endpoints, notification: str) -> dict[str, int]:
    reader = Reader.open(Contact(endpoints.cassandra_hosts, endpoints.cassandra_port))
    try:
        counts = reader.counts(notification)
    finally:
        reader.close()
    return {status: number for statuses in counts.values() for status, number in statuses.items()}


def until(done: Callable[[], bool], what: str, limit_s: float, every_s: float = 0.1) -> float:
    """Wait for a condition; returns when it held (epoch s). Raises TimeoutError."""
    deadline = time.monotonic() + limit_s
    while not done():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {limit_s:.0f} s")
        time.sleep(every_s)
    return time.time()
