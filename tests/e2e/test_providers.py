"""What providers say, through the whole of the real stack: dead addresses are out of use, and an outage is waited for."""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from ops.fleet.settings import FleetSettings
from schemas.records import Priority
from tests.e2e.conftest import eventually
from tests.e2e.test_cli import Answer
from tests.e2e.world import World


@contextmanager
def behaving(settings: FleetSettings, **channels: dict[str, object]) -> Iterator[None]:
    """The sandbox behaves so meanwhile."""
    with httpx.Client(base_url=settings.sandbox_url, timeout=10) as client:
        before = client.get("/v1/settings").raise_for_status().json()
        as_before = {name: before.get(name, {}) for name in channels}
        client.put("/v1/settings", json={name: as_before[name] | wanted for name, wanted in channels.items()}).raise_for_status()
        try:
            yield
        finally:
            client.put("/v1/settings", json=as_before).raise_for_status()


def test_a_dead_token_is_out_of_use_before_the_next_notification_is_decided(world: World, running: FleetSettings, unique: str) -> None:
    world.person(unique)
    with behaving(running, push={"reject_rate": 1}):
        first = world.tell(unique, "transactional", "order_placed", channels=["push"])
        assert world.why(unique, first) == {"push": "failed: unregistered"}
        second = world.tell(unique, "transactional", "order_placed", channels=["push"])
        assert world.why(unique, second)["push"] in ("suppressed: address_suppressed", "suppressed: no_address")


@pytest.mark.parametrize("priority", [Priority.NORMAL, Priority.CRITICAL])
def test_what_a_provider_could_not_take_is_told_when_it_is_back(
    world: World, running: FleetSettings, answer: Answer, unique: str, priority: Priority
) -> None:
    world.person(unique)
    with behaving(running, push={"fail_rate": 1}):
        told = world.tell(unique, "transactional", "order_placed", channels=["push"], priority=priority)
        eventually(lambda: any("provider_unavailable" in one["verdict"] for one in answer("why", unique, told)["channels"]))
    assert world.why(unique, told)["push"].startswith("sent by")
