"""The whole of Carillon on the real stack. What runs is used and left running; what is started for the tests is stopped after them."""

import json
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ops.cli.context import codec, reader
from ops.cli.status import read
from ops.fleet.borrowing import borrowed
from ops.fleet.settings import FleetSettings
from ops.local.paths import REPOSITORY
from projections.cassandra.reader import Reader
from schemas.codec import Codec

if TYPE_CHECKING:
    from tests.e2e.world import World

HERE = Path(__file__).parent
TIMEOUT_S = 120.0
TEST_TIMEOUT_S = 300  # the first test pays for the start of everything, on a machine that may be busy

Carillon = Callable[..., "subprocess.CompletedProcess[str]"]
Publish = Callable[[str], Any]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.e2e)
            item.add_marker(pytest.mark.timeout(TEST_TIMEOUT_S))


@pytest.fixture(scope="session")
def running() -> Iterator[FleetSettings]:
    """Stack, topics, schemas and every member of the fleet, ready."""
    with borrowed() as settings:
        yield settings


@pytest.fixture(scope="session")
def wire(running: FleetSettings) -> Iterator[Codec]:
    """The codec."""
    with codec(running.endpoints) as made:
        yield made


@pytest.fixture(scope="session")
def stored(running: FleetSettings) -> Iterator[Reader]:
    """What Cassandra knows."""
    with reader(running.endpoints) as opened:
        yield opened


@pytest.fixture
def unique() -> str:
    """A name no other test has or had."""
    return f"e2e-{uuid.uuid4().hex[:10]}"


@pytest.fixture(scope="session")
def carillon(running: FleetSettings) -> Carillon:
    """Run `carillon ARGS` as a user does."""

    def call(*args: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "ops.cli.main", *args]
        return subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, cwd=REPOSITORY, check=False)

    return call


@pytest.fixture(scope="session")
def answer(carillon: Carillon) -> Callable[..., Any]:
    """Run `carillon ARGS --json`; returns the document. Fails the test when the exit code is not 0."""

    def ask(*args: str) -> Any:
        done = carillon(*args, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return ask


@pytest.fixture(scope="session")
def known(stored: Reader, answer: Callable[..., Any]) -> Callable[[str], Any]:
    """What `carillon status` says of a notification, once it is complete in Cassandra.

    That is waited for in this process: one that asks again and again takes the cores from the workers it waits for.
    """

    def ask(notification_id: str) -> Any:
        eventually(lambda: (found := read(stored, notification_id)) and found.complete)
        status = answer("status", notification_id)
        assert status["complete"]
        return status

    return ask


@pytest.fixture
def world(running: FleetSettings, wire: Codec, answer: Callable[..., Any], stored: Reader) -> "Iterator[World]":
    """People who are told things, and asked about."""
    from tests.e2e.world import World  # which imports from here

    made = World(running, wire, answer, stored)
    yield made
    made.close()


@pytest.fixture
def publish(answer: Callable[..., Any], tmp_path: Path) -> Iterator[Publish]:
    """`carillon policy publish`, and in the end what was in force before."""

    def ask(text: str) -> str:
        (tmp_path / "policy.yaml").write_text(text)
        return str(answer("policy", "publish", str(tmp_path / "policy.yaml"))["version"])

    before = answer("policy", "show")["published"]
    yield ask
    if before:
        ask(before["text"])
    else:
        answer("policy", "withdraw")
        assert answer("policy", "show")["published"] is None


def eventually(condition: Callable[[], Any], timeout_s: float = TIMEOUT_S) -> Any:
    """What `condition` returns once it is true; what it returned last is in the failure when time is up."""
    deadline = time.monotonic() + timeout_s
    while not (found := condition()):
        if time.monotonic() > deadline:
            pytest.fail(f"not so within {timeout_s:.0f} s; last: {found!r}")
        time.sleep(0.1)
    return found
