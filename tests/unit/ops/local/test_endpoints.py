from io import StringIO
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from ops.endpoints import Endpoints
from ops.local.errors import BadSetting
from ops.local.paths import REPOSITORY, Home
from ops.local.ports import Ports


def write(home: Path, endpoints: Endpoints) -> None:
    (home / "run").mkdir(parents=True)
    (home / "run" / "endpoints.json").write_bytes(msgspec.json.encode(endpoints))


def test_without_a_running_stack_the_port_table_decides(tmp_path: Path) -> None:
    endpoints = Endpoints.load({"CARILLON_HOME": str(tmp_path)})
    assert endpoints.kafka == "127.0.0.1:19100"
    assert endpoints.registry == "http://127.0.0.1:19102/apis/ccompat/v7"
    assert endpoints.registry_native == "http://127.0.0.1:19102/apis/registry/v2"
    assert (endpoints.cassandra_hosts, endpoints.cassandra_port) == (["127.0.0.1"], 19105)
    assert endpoints.connect == "http://127.0.0.1:19103"
    assert endpoints.postgres == "postgresql://shop@127.0.0.1:19104/shop"
    assert endpoints.home == str(tmp_path)


def test_the_home_is_in_the_checkout_unless_told_otherwise() -> None:
    home = Home.load({})
    assert (home.root, home.jars) == (REPOSITORY / ".carillon", REPOSITORY / ".carillon" / "jars")
    assert Home.load({"CARILLON_JARS": "/shared"}).jars == Path("/shared")


def test_the_running_stacks_file_wins_over_the_port_table(tmp_path: Path) -> None:
    write(tmp_path, Endpoints.of(Home(tmp_path, tmp_path / "jars"), Ports.load({"CARILLON_PORT_BASE": "21000"})))
    endpoints = Endpoints.load({"CARILLON_HOME": str(tmp_path), "CARILLON_PORT_BASE": "22000"})
    assert endpoints.kafka == "127.0.0.1:21000"
    assert endpoints.clickhouse == f"chdb:///{tmp_path}/data/clickhouse"


def test_the_environment_wins_over_all_field_by_field(tmp_path: Path) -> None:
    write(tmp_path, Endpoints.of(Home(tmp_path, tmp_path / "jars"), Ports.load({"CARILLON_PORT_BASE": "21000"})))
    env = {"CARILLON_HOME": str(tmp_path), "CARILLON_KAFKA": "a:1,b:2", "CARILLON_CASSANDRA": "c1,c2:9042", "CARILLON_CONNECT": ""}
    endpoints = Endpoints.load(env)
    assert endpoints.kafka == "a:1,b:2"
    assert (endpoints.cassandra_hosts, endpoints.cassandra_port) == (["c1", "c2"], 9042)
    assert endpoints.connect == "http://127.0.0.1:21003"


@pytest.mark.parametrize("text", ["c1", "c1:", ":9042", "c1:x"])
def test_a_bad_cassandra_address_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="CARILLON_CASSANDRA"):
        Endpoints.load({"CARILLON_HOME": str(tmp_path), "CARILLON_CASSANDRA": text})


def test_a_foreign_endpoints_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "endpoints.json").write_text('{"kafka": 1}')
    with pytest.raises(BadSetting, match=r"endpoints\.json"):
        Endpoints.load({"CARILLON_HOME": str(tmp_path)})


def test_secrets_are_in_no_repr() -> None:
    endpoints = Endpoints.load(
        {
            "CARILLON_POSTGRES": "postgresql://shop:hunter2@db/shop?password=hunter3&x=1",
            "CARILLON_CLICKHOUSE": "https://reader:hunt%40er4@ch:8443/db",
            "CARILLON_REGISTRY": "http://:hunter5@registry/apis",
        }
    )
    rich = StringIO()
    Console(file=rich, width=400).print(endpoints)
    for text in (repr(endpoints), str(endpoints), f"{endpoints}", rich.getvalue()):
        assert "hunt" not in text
        assert "shop:***@db" in text
        assert "reader:***@ch:8443" in text
    assert "hunter2" in endpoints.postgres
