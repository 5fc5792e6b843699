"""The limit of a provider's day, on the real stack: what is over waits for the next one, and a crash forgets nothing of what was used."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ops.fleet import fleet
from ops.fleet.settings import FleetSettings, worker_settings
from streams.delivery.retries import DAY_OVER
from tests.e2e.conftest import eventually
from tests.e2e.test_cli import Answer
from tests.e2e.world import World

PROVIDERS = """channels:
  push: [{{kind: sandbox_batch, name: {name}, options: {{base_url: "${{SANDBOX_URL}}", rate_per_day: {per_day}}}}}]
  email: [{{kind: inbox, name: email, options: {{channel: email}}}}]
  sms: [{{kind: inbox, name: sms, options: {{channel: sms}}}}]
  chat: [{{kind: inbox, name: chat, options: {{channel: chat}}}}]
  in_app: [{{kind: inbox}}]
"""


@pytest.fixture
def limited(running: FleetSettings, world: World, unique: str, tmp_path: Path) -> Iterator[FleetSettings]:
    """Bulk delivery by an account of which each partition may use one message a day; in the end with what it had before."""
    world.person(unique)  # told once to see them arrive: before it counts
    workers = worker_settings()
    per_day = -(-workers.partitions // (1 - workers.urgent_share))
    path = tmp_path / "providers.yaml"
    path.write_text(PROVIDERS.format(name=f"limited-{unique}", per_day=int(per_day)))
    settings = replace(running, env={**running.env, "CARILLON_PROVIDERS_FILE": str(path)})
    fleet.restart("bulk-1", settings=settings)
    yield settings
    fleet.restart("bulk-1", settings=running)


def test_what_is_over_the_limit_of_a_day_waits_and_a_crash_forgets_nothing(
    world: World, limited: FleetSettings, answer: Answer, unique: str
) -> None:
    def told() -> str:
        return world.tell(unique, "transactional", "order_placed", channels=["push"])

    def waits(notification_id: str) -> bool:
        return any(DAY_OVER in str(one) for one in answer("why", unique, notification_id)["channels"])

    assert world.why(unique, told())["push"].startswith("sent by limited-")
    second = told()
    eventually(lambda: waits(second))
    fleet.kill("bulk-1", settings=limited)
    fleet.ensure_running(settings=limited)
    third = told()
    eventually(lambda: waits(third))
