import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ops.local import processes, stack
from ops.local.errors import BadSetting, PartFailed, PortTaken
from ops.local.parts import PARTS, Part
from ops.local.paths import Home
from ops.local.ports import HOST, Ports
from ops.local.processes import Command
from ops.local.settings import Settings
from ops.local.starting import LOG_LIMIT_BYTES, bring_up, check_ports, fresh_log


class Script(Part):
    """A part that is a shell script; healthy as soon as its log says so."""

    name = "script"
    port_names = ("registry",)

    def __init__(self, script: str) -> None:
        self.script = script

    def prepare(self, settings: Settings) -> str | None:
        return "a note"

    def command(self, settings: Settings) -> Command:
        return Command(["/bin/sh", "-c", self.script], cwd=settings.home.run)

    def probe(self, settings: Settings) -> None:
        assert settings.home.log(self.name).read_text().endswith("ready\n"), "not ready"


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    with socket.create_server((HOST, 0)) as server:
        port = str(server.getsockname()[1])
    settings = Settings(Home(tmp_path, tmp_path / "jars"), Ports.load({"CARILLON_PORT_REGISTRY": port}), start_timeout_s=0.5)
    settings.home.create()
    yield settings
    processes.stop(settings.home.pid("script"))


def start(script: str, settings: Settings) -> list[str]:
    told: list[str] = []
    bring_up(Script(script), settings, lambda part, event: told.append(event), threading.Event())
    return told


def test_a_part_is_started_once_and_then_reused(settings: Settings) -> None:
    told = start("echo ready; exec sleep 60", settings)
    assert told[:2] == ["starting", "a note"]
    assert told[2].startswith("healthy after")
    pid = processes.running(settings.home.pid("script"))
    assert start("echo ready; exec sleep 60", settings) == ["already running"]
    assert processes.running(settings.home.pid("script")) == pid


def test_a_part_that_dies_is_told_with_log_and_its_last_lines(settings: Settings) -> None:
    settings.home.log("script").write_text("of an earlier run\n")
    with pytest.raises(PartFailed) as caught:
        start("echo boom >&2; exit 3", settings)
    assert caught.value.part == "script"
    assert caught.value.tail == ["boom"]
    assert str(settings.home.log("script")) in str(caught.value)
    assert "died while starting" in str(caught.value)


def test_a_part_that_never_answers_is_told_and_stopped(settings: Settings) -> None:
    with pytest.raises(PartFailed, match="not healthy within 0 s.*not ready"):
        start("echo waiting; exec sleep 60", replace(settings, start_timeout_s=0.3))
    assert processes.running(settings.home.pid("script")) is None


def test_a_part_that_ran_before_is_never_stopped_for_being_slow(settings: Settings) -> None:
    start("echo ready; exec sleep 60", settings)
    settings.home.log("script").write_text("busy\n")
    with pytest.raises(PartFailed, match="not healthy"):
        start("", settings)
    assert processes.running(settings.home.pid("script")) is not None


def test_a_taken_port_stops_nothing_and_starts_nothing(settings: Settings) -> None:
    with socket.create_server((HOST, settings.ports["registry"])), pytest.raises(PortTaken):
        check_ports(Script(""), settings)


def test_other_ports_for_a_running_part_are_refused(settings: Settings) -> None:
    start("echo ready; exec sleep 60", settings)
    moved = replace(settings, ports=Ports.load({"CARILLON_PORT_BASE": "23000"}))
    check_ports(Script(""), settings)
    with pytest.raises(BadSetting, match="stop it first"):
        check_ports(Script(""), moved)


def test_a_log_that_grew_too_long_is_put_aside(settings: Settings) -> None:
    log = settings.home.log("script")
    log.write_text("x")
    assert fresh_log(settings, "script") == 1
    with log.open("wb") as file:
        file.truncate(LOG_LIMIT_BYTES + 1)
    assert fresh_log(settings, "script") == 0
    assert not log.exists()


def test_unknown_parts_are_refused_and_needs_come_along() -> None:
    assert stack.with_needs(["connect"]) == ["kafka", "connect"]
    assert stack.with_needs(None) == list(PARTS)
    with pytest.raises(BadSetting, match="no such part: redis"):
        stack.known(["redis"])


def test_nothing_runs_in_a_fresh_home(settings: Settings) -> None:
    assert {status.state for status in stack.status(settings=settings)} == {"stopped"}
    assert stack.down(settings=settings) == []


def test_a_failing_part_fails_up_and_leaves_no_endpoints_behind_after_down(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PARTS, "registry", Script("echo boom; exit 1"))
    monkeypatch.setattr(stack.jars, "missing", lambda home, parts: [])
    with pytest.raises(PartFailed, match="boom"):
        stack.up(["registry"], settings=settings)
    assert settings.home.endpoints.exists()
    stack.down(settings=settings)
    assert not settings.home.endpoints.exists()
