"""The ClickHouse projection on the embedded engine: figures against plain Python, and again."""

import random
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.driver.exceptions import Error

from projections.base import Item
from projections.clickhouse.answers import Answers, QueryLimits
from projections.clickhouse.engine import Engine, connect
from projections.clickhouse.migrate import migrate
from projections.clickhouse.projection import ClickHouseProjection, InsertLimits
from projections.clickhouse.reader import Analytics
from projections.errors import MigrationChanged, QueryRefused
from schemas.records import Outcome, StatusBatch
from schemas.topics import STATUS
from tests.integration.projections.drawn import batches
from tests.unit.projections.made import expanded, items, notification, requested, status_batch

TABLES = ("status_events", "notifications", "expansions")
SENT = {"sent", "delivered", "opened", "clicked", "complained", "bounced"}
Apply = Callable[[Sequence[Item]], None]


@pytest.fixture
def now() -> int:
    return time.time_ns() // 1_000_000


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return Engine(f"chdb:///{tmp_path}/engine", "test")


@pytest.fixture
def client(engine: Engine) -> Iterator[Any]:
    client = connect(engine)
    migrate(client, engine.database)
    yield client
    client.close()


@pytest.fixture
def apply(client: Any, engine: Engine) -> Apply:
    return ClickHouseProjection(client, engine, InsertLimits(rows=200), time.sleep).apply


@pytest.fixture
def analytics(client: Any, engine: Engine, tmp_path: Path) -> Iterator[Analytics]:
    opened = Analytics.open(engine, str(tmp_path))
    yield opened
    opened.close()


def everything(analytics: Analytics) -> dict[str, Any]:
    """Every row of every table, and every figure."""
    rows = {table: sorted(analytics.query(f"SELECT * FROM {table} FINAL"), key=repr) for table in TABLES}
    figures = {
        "summary": analytics.summary(), "reasons": analytics.reasons(), "latency": analytics.latency(),
        "throughput": analytics.throughput(), "rates": analytics.rates(["campaign", "channel", "provider", "hour"]),
        "funnel": [analytics.funnel(f"n-{i}") for i in range(3)],
        "expansion": analytics.expansion("n-1"),
    }  # fmt: skip
    return rows | figures


def test_again_and_in_any_order_changes_no_row_and_no_figure(apply: Apply, analytics: Analytics, now: int) -> None:
    requests = [requested(f"n-{i}", accepted_at=now - i) for i in range(3)]
    placed = items([*requests, expanded(0, 0, last=False, partitions=2), expanded(1, 0, partitions=2), *batches(1, now)])
    apply(placed)
    before = everything(analytics)
    assert all(before.values())
    for seed in range(3):
        again = placed * 2
        random.Random(seed).shuffle(again)
        for part in (again[:30], again[30:]):
            apply(part)
        assert everything(analytics) == before


def users_by(told: Sequence[StatusBatch], key: Callable[[StatusBatch, Outcome], tuple[str, ...]]) -> dict[tuple[str, ...], set[str]]:
    met: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for batch in told:
        for user, k in zip(batch.users, batch.outcome_of, strict=True):
            met[key(batch, batch.outcomes[k])].add(user)
    return met


@pytest.mark.parametrize("seed", range(3))
def test_the_figures_are_those_of_plain_python(apply: Apply, analytics: Analytics, now: int, seed: int) -> None:
    told = batches(seed, now)
    apply(items(told))
    by_status = users_by(told, lambda batch, outcome: (batch.notification.notification_id, batch.channel, outcome.status))
    for i in range(3):
        rows = analytics.summary(notification_id=f"n-{i}")
        assert {(f"n-{i}", row["channel"], row["status"]): row["recipients"] for row in rows} == {
            key: len(users) for key, users in by_status.items() if key[0] == f"n-{i}"
        }
    counted = {
        (row["notification_id"], row["channel"], row["status"]): row["recipients"] for row in analytics.counts(["n-0", "n-2", "none"])
    }
    assert counted == {key: len(users) for key, users in by_status.items() if key[0] in ("n-0", "n-2")}
    events = sum(row["events"] for row in analytics.summary())
    assert events == sum(len(batch.users) for batch in told) == sum(row["events"] for row in analytics.throughput())
    by_reason = users_by([b for b in told if b.notification.notification_id == "n-0"], lambda b, o: (b.channel, o.status, o.reason))
    assert {(row["channel"], row["status"], row["reason"]): row["recipients"] for row in analytics.reasons(notification_id="n-0")} == {
        key: len(users) for key, users in by_reason.items() if key[2]
    }


@pytest.mark.parametrize("seed", range(3))
def test_the_funnel_counts_each_recipient_once(apply: Apply, analytics: Analytics, now: int, seed: int) -> None:
    told = [batch for batch in batches(seed, now) if batch.notification.notification_id == "n-0"]
    apply(items(told))
    met = users_by(told, lambda batch, outcome: (batch.channel, outcome.status))
    for row in analytics.funnel("n-0"):
        of = {status: users for (channel, status), users in met.items() if channel == row["channel"]}
        sent = set().union(*(of.get(status, set()) for status in SENT))
        suppressed = of.get("suppressed", set()) - sent
        failed = of.get("failed", set()) - sent - suppressed
        unknown = of.get("unknown", set()) - sent - suppressed - failed
        assert (row["sent"], row["suppressed"], row["failed"], row["unknown"]) == tuple(map(len, (sent, suppressed, failed, unknown)))
        assert row["opened"] == len(of.get("opened", set()))
        assert row["pending"] == -(len(sent) + len(suppressed) + len(failed) + len(unknown))


def test_conservation_is_exact_to_one(apply: Apply, analytics: Analytics, now: int) -> None:
    users = [f"u{i}" for i in range(1000)]
    chunks = [expanded(0, 0, last=False, users=600), expanded(0, 1, users=400)]
    apply(items([*chunks, chunks[0], status_batch(users[:100], "suppressed", status_id="a"), status_batch(users[100:999], status_id="b")]))
    (row,) = analytics.funnel("n-1")
    assert (row["audience"], row["queued"], row["suppressed"], row["sent"], row["pending"]) == (1000, 900, 100, 899, 1)
    apply(items([status_batch([users[999]], "failed", status_id="c")]))
    (row,) = analytics.funnel("n-1")
    assert (row["failed"], row["pending"]) == (1, 0)
    seen = analytics.expansion("n-1")
    assert seen is not None
    assert (seen["users"], seen["chunks"], seen["complete"]) == (1000, 2, True)


def test_who_is_held_is_pending_until_they_have_an_end(apply: Apply, analytics: Analytics, now: int) -> None:
    users = [f"u{i}" for i in range(10)]
    apply(items([expanded(users=10, held=4), status_batch(users[:1], "suppressed"), status_batch(users[6:], "deferred")]))
    (row,) = analytics.funnel("n-1")
    assert (row["audience"], row["queued"], row["suppressed"], row["pending"]) == (10, 5, 1, 9)
    apply(items([expanded(users=4, last=False, hold_id="h"), status_batch(users[1:])]))
    (row,) = analytics.funnel("n-1")
    assert (row["audience"], row["sent"], row["pending"]) == (10, 9, 0)


def test_who_is_told_in_a_digest_has_an_end(apply: Apply, analytics: Analytics, now: int) -> None:
    users = [f"u{i}" for i in range(10)]
    apply(items([expanded(users=10), status_batch(users[:3], "digested", status_id="a"), status_batch(users[3:], status_id="b")]))
    (row,) = analytics.funnel("n-1")
    assert (row["audience"], row["digested"], row["sent"], row["pending"]) == (10, 3, 7, 0)


def test_latency_is_from_acceptance_to_hand_over(apply: Apply, analytics: Analytics, now: int) -> None:
    told = notification("n-1", accepted_at=now)
    apply(items([status_batch([f"u{i}"], status_id=f"s{i}", at=now + i, notification=told) for i in range(101)]))
    (row,) = analytics.latency(notification_id="n-1")
    assert (row["events"], row["p50_ms"], row["p99_ms"], row["max_ms"]) == (101, 50, 99, 100)


def test_rates_and_their_shares(apply: Apply, analytics: Analytics, now: int) -> None:
    told = notification("n-1", accepted_at=now)
    users = [f"u{i}" for i in range(10)]
    kinds = {"sent": users[:8], "failed": users[8:], "delivered": users[:6], "opened": users[:2]}
    apply(items([status_batch(some, kind, status_id=kind, at=now, notification=told) for kind, some in kinds.items()]))
    (row,) = analytics.rates(["campaign", "provider"])
    assert (row["sent"], row["failed"], row["delivery_rate"], row["open_rate"], row["failure_rate"]) == (8, 2, 0.75, 0.25, 0.2)
    assert analytics.rates(["channel"], campaign="other") == []


def test_the_first_request_stays_and_the_last_event(apply: Apply, analytics: Analytics, now: int) -> None:
    apply(items([requested(accepted_at=now), requested(accepted_at=now + 5, campaign="copied")]))
    assert [row["campaign"] for row in analytics.query("SELECT campaign FROM notifications FINAL")] == ["spring"]
    apply(items([status_batch(["a"], detail_at, at=now + i) for i, detail_at in enumerate(["sent", "sent"])]))
    assert analytics.query("SELECT offset, latency_ms > 0 AS later FROM status_events FINAL") == [{"offset": 1, "later": 1}]


def test_migrations_twice_and_edited(client: Any, engine: Engine) -> None:
    assert migrate(client, engine.database) == []
    client.command("INSERT INTO schema_migrations (version, name, checksum) VALUES (1, 'tables', 'edited')")
    with pytest.raises(MigrationChanged, match="0001_tables"):
        migrate(client, engine.database)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM no_such_table", "DROP TABLE status_events", "SELECT 1 INTO OUTFILE '/tmp/x'", "SELECT number FROM numbers(100001)",
        "SELECT count() FROM numbers(100000000000) WHERE sleepEachRow(1) = 0",
    ],
)  # fmt: skip
def test_what_is_refused(client: Any, engine: Engine, sql: str) -> None:
    answers = Answers.open(engine, QueryLimits(seconds=1))
    try:
        with pytest.raises(QueryRefused):
            answers.query(sql)
        assert answers.query("SELECT {a:String} AS a, {b:Array(String)} AS b", {"a": "x'", "b": ["y"]}) == [{"a": "x'", "b": ["y"]}]
    finally:
        answers.close()


def test_the_engine_itself_refuses_to_write_for_those_who_read(client: Any, engine: Engine) -> None:
    answers = Answers.open(engine, QueryLimits())
    try:
        for sql in ("DROP TABLE status_events", "INSERT INTO expansions (chunk) VALUES (1)", "SET readonly = 0", "SET max_threads = 9"):
            with pytest.raises(Error, match="READONLY"):
                answers._client.command(sql)
    finally:
        answers.close()


def test_a_second_process_is_told_that_the_engine_is_open(client: Any, engine: Engine) -> None:
    code = f"from projections.clickhouse.engine import Engine, connect; connect(Engine({engine.dsn!r}))"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode != 0
    assert "EngineBusy" in ended.stderr
    assert "open in another process" in ended.stderr


def test_what_a_replay_reopened_is_no_end(apply: Apply, analytics: Analytics, now: int) -> None:
    failed = status_batch(["a", "b", "c"], outcomes=[Outcome("failed", "provider_unavailable")], status_id="1", at=now)
    again = status_batch(["a", "b"], outcomes=[Outcome("deferred", "replayed")], status_id="2", at=now, caused_by_topic=STATUS)
    after = status_batch(["a"], batch_id="b-2", status_id="3", at=now)
    apply(items([requested(accepted_at=now), expanded(users=3), failed, again, after]))
    counted = {row["status"]: row["recipients"] for row in analytics.counts(["n-1"])}
    assert counted == {"failed": 1, "deferred": 2, "sent": 1}
    assert {(row["status"], row["reason"], row["recipients"]) for row in analytics.reasons()} >= {("failed", "provider_unavailable", 1)}
    (funnel,) = analytics.funnel("n-1")
    assert (funnel["sent"], funnel["failed"], funnel["pending"]) == (1, 1, 1)
    (rates,) = analytics.rates(["channel"])
    assert (rates["sent"], rates["failed"]) == (1, 1)
