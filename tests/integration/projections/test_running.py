"""The loop on the real log: crashes, poison, signals, starting over."""

import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from projections import metrics
from projections.base import Item
from projections.cassandra.connect import connected
from projections.cassandra.migrate import migrate
from projections.cassandra.projection import CassandraProjection
from projections.cassandra.reader import Reader
from projections.clickhouse.reader import Analytics
from projections.errors import GroupBusy, StoreUnavailable, TopicUnreadable
from projections.rebuild import rebuild
from projections.run import run
from schemas.records import AudienceExpanded, NotificationRequested, Record, StatusBatch
from tests.integration.projections.drawn import USERS, batches
from tests.integration.projections.places import Places
from tests.unit.projections.made import expanded, requested, status_batch

NAMES = ("cassandra", "clickhouse")
CASSANDRA_TABLES = ("notifications", "notification_expansions", "notification_history", "campaign_outcomes", "notification_events", "inbox")
CLICKHOUSE_TABLES = ("status_events", "notifications", "expansions")


def records() -> list[Record]:
    """About three notifications, close to the present."""
    now = time.time_ns() // 1_000_000
    return [*(requested(f"n-{i}", accepted_at=now) for i in range(3)), expanded(), *batches(7, now)]


def project(places: Places, name: str) -> int:
    return run([name], places.endpoints, places.settings, until_end=True)[name]


def everything(places: Places, name: str) -> Any:
    """All rows of a store."""
    if name == "cassandra":
        with connected(places.contact) as session:
            migrate(session, places.contact)
            return {table: sorted(session.execute(f"SELECT * FROM {table}"), key=repr) for table in CASSANDRA_TABLES}
    analytics = Analytics.open(places.engine, places.endpoints.home)
    try:
        rows = {table: sorted(analytics.query(f"SELECT * FROM {table} FINAL"), key=repr) for table in CLICKHOUSE_TABLES}
        return rows | {"summary": analytics.summary(), "funnel": analytics.funnel("n-0"), "rates": analytics.rates()}
    finally:
        analytics.close()


def worker(places: Places, name: str, die: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "tests.integration.projections.worker", name, places.endpoints.home, places.prefix, die]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture
def fed(topics: Places) -> Places:
    """Topics with 64 records, those of a user on one partition."""
    now = time.time_ns() // 1_000_000
    topics.put([*(requested(f"n-{i}", accepted_at=now) for i in range(3)), *batches(7, now, 30, USERS[:30])], partition=0)
    topics.put([expanded(), *batches(8, now, 30, USERS[30:])], partition=1)
    return topics


@pytest.mark.parametrize("name", NAMES)
def test_from_the_beginning_again_changes_nothing(fed: Places, name: str) -> None:
    assert project(fed, name) == 64
    before = everything(fed, name)
    assert fed.committed(name) == 64
    assert project(fed, name) == 0
    assert rebuild(name, fed.endpoints, fed.settings) == 6
    assert project(fed, name) == 64
    assert everything(fed, name) == before


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("die", ["after-write", "in-write"])
def test_killed_before_the_commit_it_writes_the_same_again(fed: Places, name: str, die: str) -> None:
    process = worker(fed, name, die)
    process.communicate(timeout=90)
    assert process.returncode == -signal.SIGKILL
    assert 0 < fed.committed(name) < 64
    project(fed, name)
    assert fed.committed(name) == 64
    before = everything(fed, name)
    rebuild(name, fed.endpoints, fed.settings)
    project(fed, name)
    assert everything(fed, name) == before


@pytest.mark.parametrize("name", NAMES)
def test_told_to_stop_it_commits_what_it_wrote(fed: Places, name: str) -> None:
    process = worker(fed, name, "forever")
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    deadline = time.monotonic() + 60
    while fed.committed(name) < 64 and time.monotonic() < deadline:
        pass
    with pytest.raises(GroupBusy):
        rebuild(name, fed.endpoints, fed.settings)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (0, "")
    assert fed.committed(name) == 64


@pytest.mark.parametrize("name", NAMES)
def test_poison_goes_to_the_dead_letters_and_its_neighbours_do_not(topics: Places, name: str) -> None:
    status, told = topics.topic_of(StatusBatch), records()
    bad: Sequence[bytes] = (b"{}", b"\0\0", b"\0\xff\xff\xff\xffxyz", topics.codec().encode(status_batch(["a"], outcome_of=[9])))
    topics.put([told[4], *((status, value) for value in bad), told[5]])
    dead_before = metrics.DEAD_LETTERS.labels(name)._value.get()
    assert project(topics, name) == 6
    letters = sorted(topics.dead_letters(len(bad)), key=lambda it: it.offset)
    assert [(it.topic, it.offset, it.value, it.step) for it in letters] == [
        (status, i + 1, value, f"projections.{name}") for i, value in enumerate(bad)
    ]
    assert [it.reason for it in letters] == ["bad_magic", "truncated", "unknown_schema_id", "unprojectable"]
    assert metrics.DEAD_LETTERS.labels(name)._value.get() - dead_before == len(bad)
    assert topics.committed(name) == 6
    rows = everything(topics, name)
    found = rows["notification_events" if name == "cassandra" else "status_events"]
    assert {it.status_id if name == "cassandra" else it["status_id"] for it in found} == {"s-7-0", "s-7-1"}


class Refusing:
    """A store that is down."""

    name = "cassandra"

    def apply(self, items: Sequence[Item]) -> None:
        raise StoreUnavailable("down")

    def close(self) -> None:
        pass


def test_what_a_store_does_not_take_is_not_committed(fed: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("projections.sinks._cassandra", lambda *_: Refusing())
    with pytest.raises(StoreUnavailable, match="down"):
        project(fed, "cassandra")
    assert fed.committed("cassandra") == 0
    monkeypatch.undo()
    assert project(fed, "cassandra") == 64


def test_when_one_fails_the_other_stops_too(fed: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("projections.sinks._cassandra", lambda *_: Refusing())
    with pytest.raises(StoreUnavailable, match="down"):
        run(NAMES, fed.endpoints, fed.settings)


def test_both_in_one_process(fed: Places) -> None:
    assert run(NAMES, fed.endpoints, fed.settings, until_end=True) == dict.fromkeys(NAMES, 64)
    reader = Reader.open(fed.contact)
    analytics = Analytics.open(fed.engine, fed.endpoints.home)
    for i in range(3):
        counted = {(row["channel"], row["status"]): row["recipients"] for row in analytics.summary(notification_id=f"n-{i}")}
        assert counted == {(channel, s): n for channel, of in reader.counts(f"n-{i}").items() for s, n in of.items()}
    analytics.close()
    reader.close()


def test_topics_that_are_not_there(places: Places) -> None:
    with pytest.raises(TopicUnreadable, match="not there"):
        project(places, "cassandra")
    with pytest.raises(TopicUnreadable, match="carillon topics apply"):
        rebuild("cassandra", places.endpoints, places.settings)


def test_empty_topics_are_read_to_their_end(topics: Places) -> None:
    assert project(topics, "cassandra") == 0


def test_an_unknown_name(places: Places) -> None:
    with pytest.raises(ValueError, match="cassandra, clickhouse"):
        run(["oracle"], places.endpoints, places.settings)


def test_each_topic_may_be_another(topics: Places) -> None:
    kinds = {topics.topic_of(kind): kind for kind in (NotificationRequested, AudienceExpanded)}
    settings = replace(topics.settings, inputs=kinds)
    topics.put([requested(accepted_at=time.time_ns() // 1_000_000), status_batch(["a"])])
    assert run(["cassandra"], topics.endpoints, settings, until_end=True) == {"cassandra": 1}
    assert CassandraProjection.name == "cassandra"


def test_the_home_holds_the_address_while_it_runs(fed: Places, tmp_path: Path) -> None:
    process = worker(fed, "clickhouse", "forever")
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    try:
        analytics = Analytics.open(fed.engine, str(tmp_path))
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not analytics.query("SELECT 1 FROM status_events LIMIT 1"):
            pass
        assert analytics.summary()
        analytics.close()
    finally:
        process.terminate()
        process.communicate(timeout=30)
    assert not (tmp_path / "run" / "clickhouse.json").exists()
