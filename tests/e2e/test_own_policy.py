"""A policy of one's own is in force for what runs, and `carillon why` names the reasons that the shipped one does not come to."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from ops.fleet import fleet
from ops.fleet.settings import FleetSettings
from schemas.records import Priority
from streams.policy.loader import SHIPPED
from tests.e2e.conftest import Publish, eventually
from tests.e2e.world import World

LIMITS = "{an_hour: 10, a_day: 50}"
BINDS = "\n    binds: [mutes, quiet_hours, "


def changed(*changes: tuple[str, str]) -> str:
    text = SHIPPED.read_text()
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def in_force(world: World, version: str, user: str) -> None:
    """Once what is decided cites it."""
    world.person(user, channels=["in_app"])
    eventually(lambda: world.decided(world.tell(user, "engagement", channels=["push"]))[0].policy_version == version)


def test_the_limit_of_a_day(world: World, publish: Publish, unique: str) -> None:
    text = changed((LIMITS, "{an_hour: 3, a_day: 3}"), (f"  engagement:{BINDS}hourly_limit, ", f"  engagement:{BINDS}"))
    in_force(world, publish(text), f"{unique}-before")
    world.person(unique)  # told once to see them arrive
    likes = [world.tell(unique, "engagement") for _ in range(3)]
    verdicts = [set(world.why(unique, one).values()) for one in likes]
    assert verdicts.count({"suppressed: daily_limit"}) == 1


def test_what_would_be_too_late_is_shed(world: World, running: FleetSettings, publish: Publish, unique: str) -> None:
    text = changed((LIMITS, "{an_hour: 1000, a_day: 1000}"), ("a_day: 3\n", "a_day: 1000\n"), ("shed_over: 30m", "shed_over: 1s"))
    in_force(world, publish(text), f"{unique}-before")
    world.person(unique)
    with standing_still("bulk-1", running):
        for _ in range(20):
            world.tell(unique, "transactional", "order_placed", priority=Priority.LOW)
        shed = eventually(lambda: shed_of(world, world.tell(unique, "promotional", priority=Priority.LOW)))
    assert world.why(unique, shed)["push"] == "shed: shed"


def shed_of(world: World, notification_id: str) -> str:
    """The notification when it was shed."""
    return notification_id if any("shed:shed" in event.tally for event in world.decided(notification_id)) else ""


@contextmanager
def standing_still(name: str, running: FleetSettings) -> Iterator[None]:
    (pid,) = (one.pid for one in fleet.status(settings=running) if one.name == name)
    assert pid
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)
        eventually(lambda: fleet.ensure_running(settings=running) or fleet.running(settings=running))
