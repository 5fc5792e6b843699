import pytest

from ops.fleet.ports import fleet_port, require_free
from ops.fleet.settings import DEFAULT_COUNTS, FleetSettings, parse_counts, worker_settings
from ops.local.errors import BadSetting, PortTaken
from ops.local.ports import Ports


def test_counts_are_read_and_the_rest_is_one_each() -> None:
    assert parse_counts("decide=2, sandbox=0") == {"decide": 2, "sandbox": 0}
    settings = FleetSettings.load({"CARILLON_HOME": "/nowhere", "CARILLON_FLEET": "decide=2"})
    assert settings.counts == DEFAULT_COUNTS | {"decide": 2}


@pytest.mark.parametrize("text", ["decider=1", "decide", "decide=-1", "decide=65", "clickhouse=2", "sandbox=2", "decide=٣"])
def test_nonsense_in_the_counts_is_refused(text: str) -> None:
    with pytest.raises(BadSetting, match="CARILLON_FLEET"):
        parse_counts(text)


def test_the_sandbox_has_a_port_of_its_own_beside_those_of_the_stack() -> None:
    env = {"CARILLON_PORT_BASE": "30000"}
    assert fleet_port("sandbox", Ports.load(env), env) == 30010
    assert fleet_port("sandbox", Ports.load(env), env | {"CARILLON_PORT_SANDBOX": "31000"}) == 31000
    settings = FleetSettings.load(env | {"CARILLON_HOME": "/nowhere"})
    assert settings.sandbox_url == "http://127.0.0.1:30010"


def test_a_sandbox_elsewhere_is_used_when_it_is_named() -> None:
    settings = FleetSettings.load({"CARILLON_HOME": "/nowhere", "CARILLON_SANDBOX_URL": "http://else.example:1"})
    assert settings.sandbox_url == "http://else.example:1"


@pytest.mark.parametrize("port", ["0", "65536", "http", "19100"])
def test_a_port_that_cannot_be_used_is_refused(port: str) -> None:
    with pytest.raises(BadSetting):
        fleet_port("sandbox", Ports.load({}), {"CARILLON_PORT_SANDBOX": port})


def test_a_port_that_is_taken_is_named(unused_listener: int) -> None:
    with pytest.raises(PortTaken, match="CARILLON_PORT_SANDBOX"):
        require_free("sandbox", unused_listener)


def test_what_workers_are_told_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARILLON_CHUNK", "0")
    with pytest.raises(BadSetting, match="CARILLON_CHUNK"):
        worker_settings()
