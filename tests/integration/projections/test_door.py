"""Asking the process that holds the engine."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from projections.clickhouse.address import Address, publish, read
from projections.clickhouse.answers import Answers, QueryLimits
from projections.clickhouse.engine import Engine, connect
from projections.clickhouse.guard import MAX_SQL_BYTES
from projections.clickhouse.migrate import migrate
from projections.clickhouse.reader import Analytics, Remote
from projections.clickhouse.serve import Door
from projections.errors import QueryRefused, StoreUnavailable


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = Engine(f"chdb:///{tmp_path}/engine", "test")
    client = connect(engine)
    migrate(client, engine.database)
    yield engine
    client.close()


@pytest.fixture
def door(engine: Engine, tmp_path: Path) -> Iterator[Door]:
    door = Door(Answers.open(engine, QueryLimits()), str(tmp_path), engine.path)
    door.open()
    yield door
    door.close()


def test_analytics_come_through_the_door(door: Door, engine: Engine, tmp_path: Path) -> None:
    analytics = Analytics.open(engine, str(tmp_path))
    assert isinstance(analytics._source, Remote)
    assert analytics.query("SELECT {n:Int64} + 1 AS n", {"n": 2**40}) == [{"n": 2**40 + 1}]
    assert analytics.query("SELECT toDateTime64('2026-11-21 00:00:00', 3, 'UTC') AS at") == [{"at": "2026-11-21T00:00:00.000Z"}]
    assert analytics.summary() == []
    with pytest.raises(QueryRefused, match="UNKNOWN_TABLE"):
        analytics.query("SELECT * FROM nothing")
    analytics.close()


def test_without_a_door_the_engine_is_opened_here(engine: Engine, tmp_path: Path) -> None:
    publish(str(tmp_path), Address("http://127.0.0.1:1", engine.path, 1, "left behind by a killed process"))
    analytics = Analytics.open(engine, str(tmp_path))
    assert isinstance(analytics._source, Answers)
    assert analytics.query("SELECT 1 AS one") == [{"one": 1}]
    analytics.close()


def test_the_door_of_another_engine_is_not_ours(door: Door, engine: Engine, tmp_path: Path) -> None:
    publish(str(tmp_path), msgspec.structs.replace(door.address, path="/elsewhere"))
    analytics = Analytics.open(engine, str(tmp_path))
    assert isinstance(analytics._source, Answers)
    analytics.close()


def test_closing_takes_the_address_away(engine: Engine, tmp_path: Path) -> None:
    door = Door(Answers.open(engine, QueryLimits()), str(tmp_path), engine.path)
    door.open()
    assert read(str(tmp_path)) == door.address
    door.close()
    assert read(str(tmp_path)) is None
    with pytest.raises(StoreUnavailable):
        Remote(door.address, 1).query("SELECT 1")


def post(door: Door, path: str = "/query", token: str | None = None, **given: Any) -> httpx.Response:
    headers = {"Authorization": f"Bearer {door.address.token if token is None else token}"}
    return httpx.post(door.address.url + path, headers=headers, trust_env=False, timeout=10, **given)


def test_who_does_not_know_the_token_gets_nothing(door: Door) -> None:
    for token in ("x", "wrong"):
        assert post(door, token=token, json={"sql": "SELECT 1"}).status_code == 401
    assert httpx.post(door.address.url + "/query", trust_env=False, json={"sql": "SELECT 1"}).status_code == 401
    assert httpx.get(door.address.url + "/query", trust_env=False).status_code == 501


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"json": {"sql": "SELECT 1 AS one"}}, 200),
        ({"json": {"sql": "DROP TABLE status_events"}}, 400),
        ({"json": {"query": "SELECT 1"}}, 400),
        ({"content": b"SELECT 1"}, 400),
        ({"content": b""}, 413),
        ({"content": b" " * (2 * MAX_SQL_BYTES + 1)}, 413),
        ({"path": "/other", "json": {}}, 404),
    ],
)
def test_answers(door: Door, given: dict[str, Any], status: int) -> None:
    answer = post(door, **given)
    assert answer.status_code == status
    if status == 200:
        assert [json.loads(line) for line in answer.text.splitlines()] == [{"one": 1}]
