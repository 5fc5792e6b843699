"""A second, small stack beside the shared one: what is started, stopped and broken here disturbs nobody."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ops.local import stack as local_stack
from ops.local.paths import Home
from ops.local.ports import Ports
from ops.local.settings import Settings
from tests.ports import free_base


@pytest.fixture(scope="session")
def port_base() -> int:
    """The first of 20 ports that nobody listens on."""
    return free_base(24000)


@pytest.fixture
def second(tmp_path: Path, port_base: int) -> Iterator[Settings]:
    """Its own home (with a space in its name) and ports; the jars are shared."""
    ports = Ports.load({"CARILLON_PORT_BASE": str(port_base)})
    settings = replace(Settings.load(), home=Home(tmp_path / "second home", Home.load().jars), ports=ports)
    yield settings
    local_stack.clean(settings=settings)
    shutil.rmtree(settings.home.root, ignore_errors=True)
