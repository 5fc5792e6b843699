"""A stack of its own for what needs Carillon's own topics: poison goes into all of them, and workers of its own read them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from ops.endpoints import Endpoints
from providers.sandbox_server.process import running
from tests.faults.load import Load
from tests.faults.run import ROLES, TOPICS
from tests.faults.stack import fresh_stack
from tests.faults.workers import Workers
from tests.integration.streams.log import Log

CHUNK = 20
"""Users a campaign decides at once: few, so that one of thousands takes a while."""


@pytest.fixture(scope="session")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoints]:
    """Kafka and registry with every topic and schema, and nothing in them at first."""
    with fresh_stack(tmp_path_factory.mktemp("stack") / "home") as endpoints:
        yield endpoints


@dataclass
class Pipeline:
    """Every role at work."""

    endpoints: Endpoints
    workers: Workers
    sandbox: str
    log: Log

    def received(self, notification_id: str, channel: str) -> int:
        """How many messages of a notification reached the provider."""
        channels = httpx.get(f"{self.sandbox}/v1/received/{notification_id}", timeout=10).json()["channels"]
        return int(channels.get(channel, {}).get("received", 0))


@pytest.fixture(scope="session")
def pipeline(own: Endpoints, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    """The workers, ready; they are stopped after the tests, and must not have ended before."""
    home: Path = tmp_path_factory.mktemp("workers")
    with running() as sandbox:
        workers = Workers(own, home, {"CARILLON_SANDBOX_URL": sandbox.base_url, "CARILLON_CHUNK": str(CHUNK)})
        workers.start(ROLES)
        log = Log(own, TOPICS)
        try:
            for role in ROLES:
                log.until(lambda: (home / "run" / f"{role}-1.ready").exists(), f"{role} is not ready")  # noqa: B023
            yield Pipeline(own, workers, sandbox.base_url, log)
            workers.supervise()
            assert workers.deaths == []
        finally:
            log.close()
            workers.stop()


@pytest.fixture(scope="session")
def load(own: Endpoints) -> Iterator[Load]:
    """Writes as upstream does."""
    made = Load(own, users=0, seed=0)
    yield made
    made.close()
