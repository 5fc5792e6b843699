"""Fixtures for tests on the real stack. What runs is reused; what is started for the tests is stopped after them."""

import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from ops.endpoints import Endpoints
from ops.local.borrowing import borrowed
from schemas.provision import create

HERE = Path(__file__).parent
TIMEOUT_S = 300  # the first test pays for the start of the stack, on a machine that may be busy
NewTopicFixture = Callable[..., str]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.integration)
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(TIMEOUT_S))


@pytest.fixture(scope="session")
def stack() -> Iterator[Endpoints]:
    """All parts, healthy."""
    with borrowed() as endpoints:
        yield endpoints


@pytest.fixture
def topic_prefix() -> str:
    """Unlike that of any other test, now or earlier; also good for groups, subjects, keyspaces, slots and connectors."""
    return f"t{uuid.uuid4().hex[:12]}"


@pytest.fixture
def new_topic(stack: Endpoints, topic_prefix: str) -> Iterator[NewTopicFixture]:
    """Make a topic ``<topic_prefix>.<name>``; all of them are deleted after the test."""
    admin = AdminClient({"bootstrap.servers": stack.kafka})
    made: list[str] = []

    def make(name: str, partitions: int = 1, config: Mapping[str, str] | None = None) -> str:
        topic = f"{topic_prefix}.{name}"
        create(admin, [NewTopic(topic, partitions, 1, config=dict(config or {}))])
        made.append(topic)
        return topic

    yield make
    if made:
        for future in admin.delete_topics(made).values():
            future.result(20)
