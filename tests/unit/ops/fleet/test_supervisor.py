"""The supervisor with members that are shell scripts."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ops.fleet import fleet, probing, report, supervising
from ops.fleet.members import Member
from ops.fleet.rules import Policy
from ops.fleet.settings import FleetSettings
from ops.fleet.starting import pid_file
from ops.fleet.supervisor import Supervisor
from ops.local import processes
from ops.local.processes import Command
from streams.health.server import HealthServer, page

QUICK = Policy(first_s=0.05, cap_s=0.1, deaths=3, within_s=60, sick_checks=2, silent_s=60)
GOOD = "touch $1; exec sleep 60"
Made = Callable[..., list[Member]]


@pytest.fixture
def made(settings: FleetSettings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Made]:
    """Members by name and script, started; each gets its ready file as $1."""
    everyone: list[Member] = []

    def make(**scripts: str) -> list[Member]:
        for name, script in scripts.items():
            ready = settings.local.home.run / f"{name}.ready"
            everyone.append(Member(name, Command(["/bin/sh", "-c", script, "sh", str(ready)], Path("/")), ready, grace_s=5.0))
        fleet.up(settings=settings)
        return everyone

    monkeypatch.setattr(fleet, "members", lambda _: everyone)
    yield make
    fleet.down(settings=settings)


def until(condition: Callable[[], bool], turn: Callable[[], None]) -> None:
    """Rounds until it is so."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "not so within 20 s"
        turn()


def pid_of(settings: FleetSettings, name: str) -> int | None:
    return processes.running(pid_file(settings, name))


def end(settings: FleetSettings, name: str) -> int:
    pid = pid_of(settings, name)
    assert pid
    os.kill(pid, signal.SIGKILL)
    assert processes.gone(pid_file(settings, name), within_s=5)
    return pid


def test_what_dies_comes_back_and_is_counted(settings: FleetSettings, made: Made) -> None:
    watch = Supervisor(settings, made(one=GOOD, two=GOOD), QUICK)
    watch.round()
    old, other = end(settings, "one"), pid_of(settings, "two")
    until(lambda: pid_of(settings, "one") not in (None, old), watch.round)
    assert pid_of(settings, "two") == other
    assert {one.name: one.restarts for one in fleet.status(settings=settings)} == {"one": 1, "two": 0}


def test_what_is_stopped_on_purpose_is_left_alone(settings: FleetSettings, made: Made) -> None:
    watch = Supervisor(settings, made(one=GOOD, two=GOOD, three=GOOD), QUICK)
    watch.round()
    fleet.kill("one", settings=settings)
    fleet.down(only=["two"], settings=settings)
    old = end(settings, "three")
    until(lambda: pid_of(settings, "three") not in (None, old), watch.round)
    assert [one.state for one in fleet.status(settings=settings)][:2] == ["stopped", "stopped"]


def test_a_crash_loop_is_given_up_loudly_with_its_last_lines(
    settings: FleetSettings, made: Made, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    once = tmp_path / "once"
    watch = Supervisor(settings, made(bad=f"test -e {once} && echo no more room && exit 1; touch {once} $1; exec sleep 60"), QUICK)
    end(settings, "bad")
    until(lambda: report.load(settings).of("bad").gave_up, watch.round)
    assert [(one.state, one.restarts) for one in fleet.status(settings=settings)] == [("gave up", 2)]
    assert "bad is GIVEN UP: 3 deaths" in caplog.text
    assert "no more room" in caplog.text


def test_one_that_does_not_answer_is_killed_and_comes_back(
    settings: FleetSettings, made: Made, monkeypatch: pytest.MonkeyPatch, unused_listener: int
) -> None:
    watch = Supervisor(settings, [replace(one, health=Path("/there")) for one in made(one=GOOD)], QUICK)
    old = pid_of(settings, "one")
    monkeypatch.setattr(probing, "ASK_S", 0.05)
    monkeypatch.setattr(probing, "address", lambda member, pid: ("127.0.0.1", unused_listener))
    until(lambda: pid_of(settings, "one") not in (None, old), watch.round)


def test_while_the_home_is_busy_it_waits(settings: FleetSettings, made: Made) -> None:
    watch = Supervisor(settings, made(one=GOOD), QUICK)
    end(settings, "one")
    with fleet.exclusive(settings.local.home):
        for _ in range(10):
            watch.round()
        assert pid_of(settings, "one") is None
    until(lambda: pid_of(settings, "one") is not None, watch.round)


def test_it_stops_when_told(settings: FleetSettings) -> None:
    stop = threading.Event()
    stop.set()
    Supervisor(settings, []).run(stop)


def test_there_is_one_supervisor_and_down_stops_it(settings: FleetSettings) -> None:
    assert supervising.ensure(settings)
    first = supervising.status(settings).pid
    assert not supervising.ensure(settings)
    assert supervising.status(settings).pid == first
    assert supervising.ensure(settings, anew=True)
    assert supervising.status(settings).pid not in (None, first)
    fleet.down(settings=settings)
    assert fleet.supervisor(settings=settings) == []


def test_health_is_what_the_process_with_that_pid_says(settings: FleetSettings, tmp_path: Path) -> None:
    told = tmp_path / "x.health"
    member = Member("x", Command(["true"], Path("/")), tmp_path / "x.ready", health=told)
    assert probing.address(member, 1) is None
    for good in (True, False):
        server = HealthServer("127.0.0.1", 0, {"/healthz": lambda good=good: page(good, {})})  # type: ignore[misc]
        server.start(told)
        assert probing.address(member, os.getpid() + 1) is None
        place = probing.address(member, os.getpid())
        assert place == ("127.0.0.1", server.port)
        assert probing.healthy(*place) is good
        server.close()
        assert not probing.healthy(*place)


def test_what_is_needed_is_there_when_one_of_its_addresses_answers(unused_listener: int) -> None:
    there, nowhere = ("127.0.0.1", unused_listener), ("127.0.0.1", 1)
    assert probing.absent({"kafka": [nowhere, there], "registry": [nowhere]}) == ["registry"]
