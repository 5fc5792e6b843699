"""Carillon's own processes: killed, started again, and nothing is lost."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from ops.fleet import fleet, probing, supervising
from ops.fleet.health import MemberStatus
from ops.fleet.settings import FleetSettings
from ops.local.paths import REPOSITORY
from tests.e2e.conftest import eventually

ORDER = ("-t", "order_placed", "-d", "name=Ann", "-d", "order_id=1", "-d", "total=2 EUR")


def test_what_was_asked_for_while_a_worker_was_dead_is_done_when_it_is_back(
    running: FleetSettings, answer: Callable[..., Any], unique: str
) -> None:
    fleet.kill("decide-1", settings=running)
    assert not fleet.running(settings=running)
    answer("send", *ORDER, "-u", unique)
    assert fleet.ensure_running(settings=running) == ["decide-1"]
    later = answer("send", *ORDER, "-u", unique, "--wait")
    assert later["channels"]["push"] == {"suppressed:user_unknown": 1}
    assert fleet.running(settings=running)


def test_a_supervised_worker_that_is_killed_is_back_by_itself_and_well(running: FleetSettings) -> None:
    def urgent() -> MemberStatus:
        return next(one for one in fleet.status(settings=running) if one.name == "urgent-1")

    before = fleet.supervisor(settings=running)
    supervising.ensure(running, anew=True)
    try:
        old = urgent().pid
        assert old
        os.kill(old, signal.SIGKILL)
        again = eventually(lambda: {urgent().pid} - {old, None}).pop()
        eventually(lambda: fleet.running(settings=running))
        place = probing.address(fleet.find("urgent-1", running), again)
        assert place
        assert probing.healthy(*place)
        assert urgent().restarts == 1
    finally:
        supervising.stop(running)
        if before:
            supervising.ensure(running)


def test_a_worker_that_is_asked_to_stop_ends_by_itself(running: FleetSettings) -> None:
    before = {one.name: one.pid for one in fleet.status(settings=running)}
    assert fleet.restart("bulk-1", settings=running) not in (0, before["bulk-1"])


def test_several_roles_run_side_by_side_in_one_terminal_and_end_when_told(running: FleetSettings) -> None:
    both = ("urgent-1", "bulk-1")
    fleet.down(only=both, settings=running)
    ready = [running.local.home.run / f"{name}.ready" for name in both]
    for path in ready:
        path.unlink(missing_ok=True)
    command = [sys.executable, "-m", "ops.cli.main", "worker", "urgent", "bulk"]
    env = os.environ | {"CARILLON_SANDBOX_URL": running.sandbox_url}
    terminal = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=REPOSITORY, env=env)
    try:
        eventually(lambda: terminal.poll() is None and all(path.exists() for path in ready))
        terminal.send_signal(signal.SIGTERM)
        assert terminal.wait(60) == 0
    finally:
        terminal.kill()
        assert fleet.up(settings=running) == list(both)
