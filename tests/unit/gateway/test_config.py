"""The gateway's file."""

from pathlib import Path
from typing import Any

import pytest

from gateway.config import Limits, config_of, load_file
from gateway.errors import ConfigError
from providers.errors import RegistryError

TOLD: dict[str, Any] = {"public_url": "https://notify.example", "feedback": {"slack": {"options": {"signing_secret": "${SLACK}"}}}}


def test_what_is_not_said_has_a_default() -> None:
    config = config_of(TOLD, {"SLACK": "s"})
    assert (config.settings.host, config.settings.port, config.settings.inside_port) == ("127.0.0.1", 8080, None)
    assert config.settings.limits == Limits()
    assert list(config.parsers) == ["slack"]


def test_numbers_may_be_variables() -> None:
    config = config_of(TOLD | {"port": "${PORT}", "limits": {"in_flight": "${N:-3}"}}, {"SLACK": "s", "PORT": "0"})
    assert (config.settings.port, config.settings.limits.in_flight) == (0, 3)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"public_url": "https://notify.example/"}, "public_url"),
        ({"public_url": "notify.example"}, "public_url"),
        ({"feedback": {}}, "feedback: no provider"),
        ({"feedback": {"x": {}}}, "no 'x'"),
        ({"feedback": {"slack": {}}}, "signing_secret"),
        ({"port": 70_000}, "port"),
        ({"ports": 1}, "ports"),
        ({"limits": {"body_bytes": 1}}, "body_bytes"),
        ({"host": "${HOST}"}, "HOST"),
    ],
)
def test_what_is_wrong_is_said(changed: dict[str, Any], says: str) -> None:
    with pytest.raises((ConfigError, RegistryError), match=says):
        config_of(TOLD | changed, {"SLACK": "s"})


@pytest.mark.parametrize("text", ["", "[1]", "a: [", "\udcff"])
def test_a_file_that_can_not_be_read_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "gateway.yaml"
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(ConfigError, match="gateway.yaml"):
        load_file(path, {})
    with pytest.raises(ConfigError, match="nowhere"):
        load_file(tmp_path / "nowhere", {})


def test_a_file(tmp_path: Path) -> None:
    path = tmp_path / "gateway.yaml"
    path.write_text("public_url: https://notify.example\nfeedback:\n  slack: {options: {signing_secret: '${SLACK}'}}\n")
    assert load_file(path, {"SLACK": "s"}).settings.public_url == "https://notify.example"
    with pytest.raises(ConfigError, match="SLACK"):
        load_file(path, {})
