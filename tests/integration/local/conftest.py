"""A second, small stack beside the shared one: what is started, stopped and broken here disturbs nobody."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ops.local import stack as local_stack
from ops.local.paths import Home
from ops.local.ports import Ports
from ops.local.settings import Settings


@pytest.fixture(scope="session")
def port_base() -> int:
    """Apart from the default and, with xdist, from those of other workers."""
    return 19400 + 20 * int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])


@pytest.fixture
def second(tmp_path: Path, port_base: int) -> Iterator[Settings]:
    """Its own home (with a space in its name) and ports; the jars are shared."""
    ports = Ports.load({"CARILLON_PORT_BASE": str(port_base)})
    settings = replace(Settings.load(), home=Home(tmp_path / "second home", Home.load().jars), ports=ports)
    yield settings
    local_stack.clean(settings=settings)
    shutil.rmtree(settings.home.root, ignore_errors=True)
