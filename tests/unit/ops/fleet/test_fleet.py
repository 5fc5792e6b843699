"""The fleet with members that are shell scripts."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ops.fleet import fleet, starting
from ops.fleet.borrowing import borrowed_members
from ops.fleet.members import Member
from ops.fleet.settings import FleetSettings
from ops.local import processes
from ops.local.errors import BadSetting, PartFailed, StackError
from ops.local.processes import Command

Fleet = Callable[..., FleetSettings]


def member(settings: FleetSettings, name: str, script: str) -> Member:
    ready = settings.local.home.run / f"{name}.ready"
    return Member(name, Command(["/bin/sh", "-c", script, "sh", str(ready)], Path("/")), ready, grace_s=5.0)


@pytest.fixture
def made(settings: FleetSettings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fleet]:
    """Give scripts by name; they are the fleet's members. Each gets its ready file as $1."""

    def make(**scripts: str) -> FleetSettings:
        everyone = [member(settings, name, script) for name, script in scripts.items()]
        monkeypatch.setattr(fleet, "members", lambda _: everyone)
        return settings

    yield make
    fleet.down(settings=settings)


GOOD = "touch $1; exec sleep 60"


def test_up_starts_what_does_not_run_and_down_stops_it(made: Fleet) -> None:
    settings = made(one=GOOD, two=GOOD)
    assert fleet.up(settings=settings) == ["one", "two"]
    assert fleet.running(settings=settings)
    assert fleet.up(settings=settings) == []
    assert fleet.down(settings=settings) == ["one", "two"]
    assert [one.state for one in fleet.status(settings=settings)] == ["stopped", "stopped"]


def test_down_of_some_leaves_the_others(made: Fleet) -> None:
    settings = made(one=GOOD, two=GOOD)
    fleet.up(settings=settings)
    assert fleet.down(only=["two"], settings=settings) == ["two"]
    assert [one.state for one in fleet.status(settings=settings)] == ["running", "stopped"]


TOLD = """for one in USR2 TERM; do trap "echo $one > $1.told; exit 0" $one; done; touch $1; while :; do sleep 0.05; done"""


def test_a_worker_that_is_scaled_away_is_told_so_and_no_other_member(made: Fleet) -> None:
    settings = made(**{"plan-2": TOLD, "cassandra-2": TOLD, "plan-1": TOLD})
    fleet.up(settings=settings)
    fleet.down(only=["plan-2", "cassandra-2"], settings=settings)
    fleet.down(settings=settings)
    told = {path.name.removesuffix(".ready.told"): path.read_text().strip() for path in settings.local.home.run.glob("*.told")}
    assert told == {"plan-2": "USR2", "cassandra-2": "TERM", "plan-1": "TERM"}


def test_a_member_that_dies_while_starting_says_its_last_words_and_where_the_rest_is(made: Fleet) -> None:
    settings = made(one=GOOD, bad="echo no such broker; exit 3")
    with pytest.raises(PartFailed, match="no such broker") as caught:
        fleet.up(settings=settings)
    assert str(settings.local.home.log("bad")) in str(caught.value)
    assert [one.state for one in fleet.status(settings=settings)] == ["running", "stopped"]


def test_a_ready_file_of_an_earlier_run_does_not_count(made: Fleet) -> None:
    settings = made(bad="sleep 0.2; exit 1")
    settings.local.home.create()
    (settings.local.home.run / "bad.ready").touch()
    with pytest.raises(PartFailed, match="died while starting"):
        fleet.up(settings=settings)


def test_a_killed_member_is_dead_until_it_is_started_again(made: Fleet) -> None:
    settings = made(one=GOOD, two=GOOD)
    fleet.up(settings=settings)
    pid = fleet.kill("one", settings=settings)
    assert fleet.status(settings=settings)[0].pid is None
    assert fleet.ensure_running(settings=settings) == ["one"]
    assert fleet.status(settings=settings)[0].pid not in (None, pid)
    assert fleet.ensure_running(settings=settings) == []


def test_a_member_that_died_by_itself_is_reported_as_dead(made: Fleet) -> None:
    settings = made(one=GOOD)
    fleet.up(settings=settings)
    record = processes.recorded(starting.pid_file(settings, "one"))
    assert record is not None
    os.kill(record.pid, signal.SIGKILL)
    assert processes.gone(starting.pid_file(settings, "one"), within_s=5)
    assert fleet.status(settings=settings)[0].state == "dead"


def test_restart_gives_a_new_process(made: Fleet) -> None:
    settings = made(one=GOOD)
    fleet.up(settings=settings)
    before = fleet.status(settings=settings)[0].pid
    assert fleet.restart("one", settings=settings) not in (0, before)


def test_what_is_no_member_is_refused(made: Fleet) -> None:
    settings = made(one=GOOD)
    with pytest.raises(BadSetting, match="no member 'three'"):
        fleet.restart("three", settings=settings)
    with pytest.raises(StackError, match="does not run"):
        fleet.kill("one", settings=settings)


def test_borrowing_stops_only_what_it_started(made: Fleet) -> None:
    settings = made(one=GOOD, two=GOOD)
    fleet.up(settings=settings)
    fleet.down(only=["two"], settings=settings)
    with borrowed_members(settings):
        assert fleet.running(settings=settings)
    assert [one.state for one in fleet.status(settings=settings)] == ["running", "stopped"]


def test_borrowing_leaves_nothing_behind_when_a_member_cannot_be_started(made: Fleet) -> None:
    settings = made(one=GOOD, bad="exit 3")
    with pytest.raises(PartFailed, match="bad"), borrowed_members(settings):
        pass
    assert [one.state for one in fleet.status(settings=settings)] == ["stopped", "stopped"]
