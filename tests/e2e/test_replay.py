"""After an outage, through the whole of the real stack: who failed is shown and sent to once, and the others are said why not."""

from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import pytest

from ops.fleet.settings import FleetSettings
from schemas.clock import now_ms
from tests.e2e.conftest import Publish, eventually
from tests.e2e.test_cli import Answer
from tests.e2e.test_own_policy import changed, in_force
from tests.e2e.test_providers import behaving
from tests.e2e.world import World

SHORT = ("retry: {for: 6h, first: 1s, most: 10m}", "retry: {for: 3s, first: 1s, most: 1s}")
LIFE_MS = 20_000
NAMES = ("ann", "bob", "cid", "dan")


@pytest.fixture
def sandbox(running: FleetSettings) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=running.sandbox_url, timeout=10) as client:
        yield client


def test_who_failed_in_an_outage_is_sent_to_once_when_it_is_over(
    world: World, running: FleetSettings, answer: Answer, publish: Publish, sandbox: httpx.Client, unique: str
) -> None:
    in_force(world, publish(changed(SHORT)), f"{unique}-before")
    users = {name: f"{unique}-{name}" for name in NAMES}
    for user in users.values():
        world.person(user)
    began = datetime.now(UTC).isoformat(timespec="milliseconds")
    told = {"dan": tell(world, users["dan"])}
    assert world.why(users["dan"], told["dan"])["push"].startswith("sent by")
    with behaving(running, push={"fail_rate": 1}):
        expires = now_ms() + LIFE_MS
        told["cid"] = tell(world, users["cid"], expires_at=expires)
        told |= {name: tell(world, users[name]) for name in ("ann", "bob")}
        for name in ("ann", "bob"):
            assert world.why(users[name], told[name])["push"] == "failed: provider_unavailable"
        # on a slow machine it is over before the tries are
        assert world.why(users["cid"], told["cid"])["push"] in ("failed: provider_unavailable", "expired: expired")
    world.person(users["bob"], channels=["email"])
    eventually(lambda: now_ms() > expires)

    dry = answer("replay", "--from", began, "--channel", "push", "--dry-run")
    expected = {"ann": "go", "bob": "channel_disabled", "cid": "expired", "dan": "already_sent"}
    assert whys(dry, told) == expected
    assert not dry["replay_id"]
    assert world.why(users["ann"], told["ann"])["push"] == "failed: provider_unavailable", "nothing was written"

    done = answer("replay", "--from", began, "--channel", "push", "--rate", "100/s", "--by", unique)
    assert done["counts"]["go"] == 1
    eventually(lambda: world.why(users["ann"], told["ann"])["push"].startswith("sent by"))
    again = answer("replay", "--from", began, "--channel", "push")
    assert whys(again, told) == expected | {"ann": "already_sent"}
    assert (again["counts"]["go"], again["counts"]["resumed"]) == (0, 0)

    reached = {name: sandbox.get(f"/v1/received/{told[name]}", params={"user": users[name]}).json()["channels"] for name in NAMES}
    assert {name: {channel: one["count"] for channel, one in channels.items()} for name, channels in reached.items()} == {
        "ann": {"push": 1}, "bob": {}, "cid": {}, "dan": {"push": 1},
    }  # fmt: skip
    assert world.counts(told["ann"]) == {"push": {"sent": 1}}
    answer("audit", told["ann"])  # it fails with whatever does not come out, the stores' figures included
    (mine,) = [one for one in answer("replay", "list") if one["started"]["by"] == unique]
    assert mine["ended"]["counts"]["go"] == 1


def tell(world: World, user: str, **more: object) -> str:
    return world.tell(user, "transactional", "order_placed", channels=["push"], **more)


def whys(shown: dict[str, list[dict[str, str]]], told: dict[str, str]) -> dict[str, str]:
    """What becomes of each of those who were told."""
    found = {line["notification"]: line["why"] for line in shown["lines"]}
    return {name: found[notification] for name, notification in told.items()}
