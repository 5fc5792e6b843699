"""A stack of one's own beside the shared one: reuse, restart, and exactly what ``down`` stops."""

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient

from ops.local import processes
from ops.local import stack as local_stack
from ops.local.borrowing import borrowed
from ops.local.errors import BadSetting, PortTaken
from ops.local.identity import started_at
from ops.local.parts import PARTS
from ops.local.parts.postgres import outside_folder, unprivileged
from ops.local.paths import Home
from ops.local.ports import Ports
from ops.local.settings import Settings

SMALL = ["postgres", "registry"]


def pids(settings: Settings) -> dict[str, int]:
    return {name: pid for name in PARTS if (pid := processes.running(settings.home.pid(name))) is not None}


def schema(field: str) -> Schema:
    return Schema(f'{{"type":"record","name":"R","fields":[{{"name":"{field}","type":"int"}}]}}', "AVRO")


def test_down_stops_exactly_what_up_started(second: Settings) -> None:
    shared = pids(replace(second, home=Home.load()))
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        endpoints = local_stack.up(SMALL, settings=second)
        started = pids(second)
        assert set(started) == set(SMALL)
        local_stack.up(SMALL, settings=second)
        assert pids(second) == started
        with psycopg.connect(endpoints.postgres, connect_timeout=5) as connection:
            connection.execute("CREATE TABLE kept (a int)")
        assert sorted(local_stack.down(settings=second)) == sorted(SMALL)
        assert all(started_at(pid) is None for pid in started.values())
        assert not second.home.endpoints.exists()
        assert local_stack.down(settings=second) == []
        assert stranger.poll() is None
        assert pids(replace(second, home=Home.load())) == shared
        local_stack.up(["postgres"], settings=second)
        with psycopg.connect(endpoints.postgres, connect_timeout=5) as connection:
            assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)
    finally:
        stranger.kill()
        stranger.wait(10)


def test_the_registry_keeps_its_ids_over_a_restart_even_a_kill(second: Settings) -> None:
    endpoints = local_stack.up(["registry"], settings=second)
    with SchemaRegistryClient({"url": endpoints.registry}) as client:
        first, other = client.register_schema("a-value", schema("a")), client.register_schema("b-value", schema("b"))
    assert first != other
    processes.stop(second.home.pid("registry"), grace_s=0)  # no time to say goodbye
    local_stack.up(["registry"], settings=second)
    with SchemaRegistryClient({"url": endpoints.registry}) as client:
        assert client.get_schema(other).schema_str == schema("b").schema_str
        assert client.register_schema("b-value", schema("b")) == other
        assert client.register_schema("c-value", schema("c")) not in (first, other)


def test_borrowing_stops_only_what_it_started(second: Settings) -> None:
    local_stack.up(["postgres"], settings=second)
    with borrowed(SMALL, settings=second):
        assert set(pids(second)) == set(SMALL)
    assert set(pids(second)) == {"postgres"}


def test_a_second_home_on_taken_ports_is_refused_before_anything_starts(second: Settings, tmp_path: Path) -> None:
    local_stack.up(["postgres"], settings=second)
    third = replace(second, home=Home(tmp_path / "third", second.home.jars))
    with pytest.raises(PortTaken, match=r"by postgres \(pid \d+.*CARILLON_PORT_POSTGRES"):
        local_stack.up(["registry", "postgres"], settings=third)
    assert pids(third) == {}


def test_other_ports_for_a_running_stack_are_refused(second: Settings, port_base: int) -> None:
    local_stack.up(["postgres"], settings=second)
    moved = replace(second, ports=Ports.load({"CARILLON_PORT_BASE": str(port_base + 10)}))
    with pytest.raises(BadSetting, match="stop it first"):
        local_stack.up(["postgres"], settings=moved)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to drop privileges")
def test_postgres_works_for_root_behind_a_folder_that_others_cannot_pass(second: Settings, tmp_path: Path) -> None:
    """Neither the home nor the jars can be reached by the user that Postgres runs as."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    (closed / "jars").mkdir()
    (closed / "jars" / "postgres").symlink_to(second.home.jars / "postgres")
    settings = replace(second, home=Home(closed / "home", closed / "jars"))
    told: list[tuple[str, str]] = []
    try:
        endpoints = local_stack.up(["postgres"], lambda part, event: told.append((part, event)), settings=settings)
        folder = outside_folder(settings.home)
        assert ("postgres", f"data in {folder}/postgres: its user cannot pass through {settings.home.data}") in told
        with psycopg.connect(endpoints.postgres, connect_timeout=5) as connection:
            row = connection.execute("SHOW data_directory").fetchone()
        assert row == (f"{folder}/postgres",)
        assert (folder / "binaries" / "bin" / "postgres").exists()
        pid, user = pids(settings)["postgres"], unprivileged()
        assert user is not None
        assert Path(f"/proc/{pid}").stat().st_uid == user.uid
    finally:
        local_stack.clean(settings=settings)
    assert not folder.exists()
