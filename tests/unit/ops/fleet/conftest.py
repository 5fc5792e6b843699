import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.fleet.settings import FleetSettings


@pytest.fixture
def unused_listener() -> Iterator[int]:
    """A port somebody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield int(listener.getsockname()[1])


@pytest.fixture
def settings(tmp_path: Path) -> FleetSettings:
    """Those of a home where nothing runs."""
    return FleetSettings.load({"CARILLON_HOME": str(tmp_path / "home"), "CARILLON_START_TIMEOUT_S": "10", "CARILLON_PARTITIONS": "4"})
