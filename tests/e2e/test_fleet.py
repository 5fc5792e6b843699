"""Carillon's own processes: killed, started again, and nothing is lost."""

from collections.abc import Callable
from typing import Any

from ops.fleet import fleet
from ops.fleet.settings import FleetSettings

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


def test_a_worker_that_is_asked_to_stop_ends_by_itself(running: FleetSettings) -> None:
    before = {one.name: one.pid for one in fleet.status(settings=running)}
    assert fleet.restart("bulk-1", settings=running) not in (0, before["bulk-1"])
