"""A second, small stack beside the shared one: what is started, stopped and broken here disturbs nobody."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ops.local import stack as local_stack
from ops.local.errors import PortTaken
from ops.local.paths import Home
from ops.local.ports import Ports, require_free
from ops.local.settings import Settings


@pytest.fixture(scope="session")
def port_base() -> int:
    """The first of 20 ports that nobody listens on; other runs of these tests, at the same time, begin their search elsewhere."""
    for attempt in range(200):
        base = 24000 + 20 * ((os.getpid() + attempt) % 200)
        try:
            for port in range(base, base + 20):
                require_free("kafka", port)
        except PortTaken:
            continue
        return base
    pytest.fail("no 20 free ports in 24000-28000")


@pytest.fixture
def second(tmp_path: Path, port_base: int) -> Iterator[Settings]:
    """Its own home (with a space in its name) and ports; the jars are shared."""
    ports = Ports.load({"CARILLON_PORT_BASE": str(port_base)})
    settings = replace(Settings.load(), home=Home(tmp_path / "second home", Home.load().jars), ports=ports)
    yield settings
    local_stack.clean(settings=settings)
    shutil.rmtree(settings.home.root, ignore_errors=True)
