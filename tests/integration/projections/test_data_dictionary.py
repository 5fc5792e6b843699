"""The data dictionary names what there is, and its queries run."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from projections.clickhouse.engine import Engine, connect
from projections.clickhouse.migrate import migrate
from projections.clickhouse.reader import Analytics

DOCUMENT = (Path(__file__).parents[3] / "docs" / "data-dictionary.md").read_text()
QUERIES = re.findall(r"```sql\n(.*?)```", DOCUMENT, re.DOTALL)
VIEWS = re.findall(r"^\| (\w+) \| (.*?) \| (.*?) \|$", DOCUMENT.partition("## Views")[2].partition("## Questions")[0], re.MULTILINE)[1:]


@pytest.fixture
def analytics(tmp_path: Path) -> Iterator[Analytics]:
    engine = Engine(f"chdb:///{tmp_path}/engine")
    client = connect(engine)
    migrate(client, engine.database)
    opened = Analytics.open(engine, str(tmp_path))
    yield opened
    opened.close()
    client.close()


def described(analytics: Analytics, name: str) -> dict[str, str]:
    return {row["name"]: row["type"].replace(", 'UTC'", "") for row in analytics.query(f"DESCRIBE TABLE {name}")}


def test_there_are_queries() -> None:
    assert len(QUERIES) > 8


def test_every_query_runs(analytics: Analytics) -> None:
    for sql in QUERIES:
        analytics.query(sql)


@pytest.mark.parametrize("table", ["status_events", "notifications", "expansions"])
def test_every_column_of_a_table_is_described(analytics: Analytics, table: str) -> None:
    section = DOCUMENT.partition(f"### {table}\n")[2].partition("\n##")[0]
    assert dict(re.findall(r"^\| (\w+) \| ([A-Z].*?) \|", section, re.MULTILINE)) == described(analytics, table)


def test_every_view_is_described(analytics: Analytics) -> None:
    views = {
        row["name"] for row in analytics.query("SELECT name FROM system.tables WHERE database = currentDatabase() AND engine = 'View'")
    }
    assert {name for name, _, _ in VIEWS} == views
    for name, keys, rest in VIEWS:
        assert set(re.findall(r"\w+", re.sub(r"\(.*?\)", "", f"{keys}, {rest}"))) == set(described(analytics, name)), name
