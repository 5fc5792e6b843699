from collections.abc import Iterator
from pathlib import Path

import pytest
from cassandra.cluster import Session

from ops.endpoints import Endpoints
from projections.cassandra.connect import connected
from projections.cassandra.migrate import migrate
from tests.integration.projections.places import Places


@pytest.fixture
def places(stack: Endpoints, topic_prefix: str, tmp_path: Path) -> Iterator[Places]:
    """Where this test reads and writes; removed after it."""
    mine = Places(stack, topic_prefix, tmp_path)
    yield mine
    with connected(mine.contact) as session:
        mine.registry.close()
        session.execute(f'DROP KEYSPACE IF EXISTS "{mine.settings.keyspace}"', timeout=60)


@pytest.fixture
def topics(places: Places) -> Iterator[Places]:
    """The same, with its topics."""
    made = places.make_topics()
    yield places
    for future in places.admin.delete_topics(made).values():
        future.result(20)


@pytest.fixture
def session(places: Places) -> Iterator[Session]:
    """In the test's keyspace, migrated."""
    with connected(places.contact) as session:
        migrate(session, places.contact)
        yield session
