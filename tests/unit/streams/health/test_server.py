"""The health server over real HTTP."""

import http.client
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.health.server import HealthServer, Page, page


@pytest.fixture
def told(tmp_path: Path) -> Path:
    return tmp_path / "run" / "x.health"


@pytest.fixture
def server(told: Path) -> Iterator[HealthServer]:
    def broken() -> Page:
        raise RuntimeError("broken")

    made = HealthServer("127.0.0.1", 0, {"/good": lambda: page(True, {"a": 1}), "/bad": lambda: page(False, {}), "/broken": broken})
    made.start(told)
    yield made
    made.close()


def ask(server: HealthServer, path: str, method: str = "GET") -> tuple[int, bytes]:
    client = http.client.HTTPConnection(server.host, server.port, timeout=5)
    client.request(method, path)
    answer = client.getresponse()
    found = answer.status, answer.read()
    client.close()
    return found


def test_it_answers_what_the_pages_say(server: HealthServer) -> None:
    assert ask(server, "/good?x=1") == (200, b'{"a":1}\n')
    assert ask(server, "/bad")[0] == 503
    assert ask(server, "/broken")[0] == 500
    assert ask(server, "/other")[0] == 404
    assert ask(server, "/good", "POST")[0] == 501
    assert ask(server, "/good", "HEAD") == (200, b"")


def test_it_says_where_it_is(server: HealthServer, told: Path) -> None:
    assert json.loads(told.read_text()) == {"pid": os.getpid(), "host": "127.0.0.1", "port": server.port}


def test_one_that_says_nothing_does_not_keep_the_others_out(server: HealthServer) -> None:
    with socket.create_connection((server.host, server.port), timeout=5):
        assert ask(server, "/good")[0] == 200
