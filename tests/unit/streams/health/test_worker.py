"""What a worker says of itself, and that a recovery must be through before it is ready."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from streams.health.rules import Group, Held, Offsets, Place, Seen
from streams.health.worker import WorkerHealth
from streams.settings import WorkerSettings

A = ("notify.requests", 1)


class Cluster:
    def look(self, held: Mapping[Place, Held]) -> Seen | None:
        return Seen(held, dict.fromkeys(held, Offsets(3, 5)), Group(True))

    def has_record(self, place: Place, offset: int) -> bool | None:
        return True


def die(reason: str) -> NoReturn:
    raise AssertionError(reason)


def settings(**told: Any) -> WorkerSettings:
    return WorkerSettings(**told)


async def test_it_is_alive_from_the_start_and_ready_when_all_has_recovered(tmp_path: Path) -> None:
    health = WorkerHealth("plan", settings(watchdog_loop=1e6, watchdog_check=1e6), tmp_path / "run" / "plan-1.health")
    assert health.healthz().status == 200
    assert health.readyz().status == 503
    held = {A: Held(recovered=False)}
    health.watch(asyncio.get_running_loop(), Cluster(), lambda: held, die, lambda: {"timers": {"waiting": 7}})
    health.ready()
    assert health.readyz().status == 503
    assert json.loads(health.readyz().body)["recovering"] == ["notify.requests/1"]
    held[A] = Held(recovered=True)
    assert health.readyz().status == 200
    about = json.loads(health.healthz().body)
    assert (about["role"], about["partitions"], list(about["progress"])) == ("plan", 1, ["notify.requests/1"])
    assert about["timers"] == {"waiting": 7}


def test_the_limit_is_never_shorter_than_a_session_and_a_write() -> None:
    assert settings().limits.stuck_s == 60
    assert settings(session_timeout=60).limits.stuck_s == 90
    assert settings(session_timeout=6, watchdog_stuck=1).limits.stuck_s == 9.0
