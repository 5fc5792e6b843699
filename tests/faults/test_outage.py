"""A real sandbox goes through all phases of an outage, and is what each says."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from providers.sandbox_server.process import SandboxProcess, running
from tests.faults.outage import HEALED, PHASES, REFUSED, Outage
from tests.faults.plan import Plan
from tests.faults.stage import Stage

SINGLE = {"message_id": "m", "notification_id": "n", "user_id": "u", "address": "a", "text": {"body": "Hi"}}
PATIENCE_S = 0.5
SLOW: Any = httpx.ReadTimeout
SEEN: dict[str, Any] = {
    REFUSED: httpx.ConnectError,
    "503": 503,
    "taken_and_silent": SLOW,
    "429": 429,
    "reset": httpx.ReadError,
    "errors_in_200": "failed",
    "slow": SLOW,
    "garbage": "<html>",
    HEALED: "accepted",
}
"""What a request of one message comes to: an error, a status, or what is in the body of a 200."""


@pytest.fixture
def sandbox() -> Iterator[SandboxProcess]:
    with running() as server:
        yield server


def came_to(sandbox: SandboxProcess) -> Any:
    try:
        answer = httpx.post(f"{sandbox.base_url}/v1/push/single", json=SINGLE, timeout=PATIENCE_S)
    except httpx.TransportError as error:
        return type(error)
    return answer.status_code if answer.status_code != 200 else answer.content.decode(errors="replace")


def test_it_is_down_in_every_way_and_then_well(sandbox: SandboxProcess) -> None:
    never: Any = None
    stage = Stage(Plan(1, 0, 1, latency_ms=0), never, never, sandbox, sandbox, never, never, never, never)
    outage, seen = Outage(stage, 0.0), {}
    for name in (*PHASES, HEALED):
        assert not outage.over
        outage.tick()
        assert [*stage.phases][-1] == name
        seen[name] = came_to(sandbox)
    assert outage.over
    assert all(said == SEEN[name] or (isinstance(said, str) and str(SEEN[name]) in said) for name, said in seen.items()), seen
    assert sum(count for _, count in httpx.get(f"{sandbox.base_url}/v1/stats").json()["asked"]) == len(SEEN) - 1


def test_a_phase_lasts_until_its_time(sandbox: SandboxProcess) -> None:
    never: Any = None
    stage = Stage(Plan(1, 0, 1), never, never, sandbox, sandbox, never, never, never, never)
    outage = Outage(stage, 3_600.0)
    outage.tick()
    outage.tick()
    assert [*stage.phases] == [REFUSED]
