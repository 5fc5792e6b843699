from dataclasses import replace

import msgspec

from ops.endpoints import Endpoints
from ops.fleet.members import endpoint_variables, environment, members
from ops.fleet.settings import DEFAULT_COUNTS, PROJECTIONS, WORKERS, FleetSettings
from projections.sinks import NAMES
from streams.roles import ROLES


def test_the_fleet_knows_every_role_and_every_projection() -> None:
    assert set(WORKERS) == set(ROLES)
    assert set(PROJECTIONS) == set(NAMES)


def test_one_member_of_each_kind_by_default(settings: FleetSettings) -> None:
    names = [member.name for member in members(settings)]
    workers = [f"{role}-1" for role in WORKERS]
    assert names == ["sandbox", *workers, "project-cassandra-1", "project-clickhouse-1"]


def test_several_of_a_kind_differ_in_name_worker_and_ready_file(settings: FleetSettings) -> None:
    two = replace(settings, counts=DEFAULT_COUNTS | {"decide": 2, "sandbox": 0})
    first, second = (member for member in members(two) if member.name.startswith("decide-"))
    assert (first.command.env["CARILLON_WORKER"], second.command.env["CARILLON_WORKER"]) == ("1", "2")
    assert second.ready == settings.local.home.run / "decide-2.ready"
    assert list(second.command.argv[1:]) == ["-m", "ops.cli.main", "worker", "decide"]
    assert "sandbox" not in {member.name for member in members(two)}


def test_members_are_told_where_everything_is_and_what_we_were_told(settings: FleetSettings) -> None:
    env = environment(settings)
    assert Endpoints.load(env) == settings.endpoints
    assert env["CARILLON_SANDBOX_URL"] == settings.sandbox_url
    assert env["CARILLON_PARTITIONS"] == "4"


def test_endpoints_survive_the_environment(settings: FleetSettings) -> None:
    elsewhere = msgspec.structs.replace(
        settings.endpoints, kafka="a:1,b:2", cassandra_host="c,d", cassandra_port=9, clickhouse="http://ch:8123"
    )
    assert Endpoints.load(endpoint_variables(elsewhere)) == elsewhere
