"""The compose file is the same stack: same versions, same ports, same settings where they matter."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from ops.local.jars import PARTS, POMS
from ops.local.parts.connect import worker_properties
from ops.local.parts.kafka import server_properties
from ops.local.paths import REPOSITORY, Home
from ops.local.ports import Ports
from ops.local.settings import Settings

SETTINGS = Settings(Home(Path("/home-of-stack"), Path("/jars")), Ports.load({}))


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    services: dict[str, dict[str, Any]] = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())["services"]
    return services


def version(pom: str, artifact: str) -> str:
    found = re.search(rf"<artifactId>{re.escape(artifact)}</artifactId>\s*<version>([^<]+)</version>", (POMS / f"{pom}.xml").read_text())
    assert found is not None
    return found.group(1)


@pytest.mark.parametrize(
    ("service", "image", "pom", "artifact"),
    [
        ("kafka", "apache/kafka", "kafka", "kafka_2.13"),
        ("cassandra", "cassandra", "cassandra", "cassandra-all"),
        ("registry", "apicurio/apicurio-registry-sql", "registry", "apicurio-registry-app"),
        ("connect", "quay.io/debezium/connect", "connect", "debezium-connector-postgres"),
    ],
)
def test_images_have_the_poms_versions(services: dict[str, dict[str, Any]], service: str, image: str, pom: str, artifact: str) -> None:
    assert services[service]["image"] == f"{image}:{version(pom, artifact)}"


def test_postgres_has_the_poms_version(services: dict[str, dict[str, Any]]) -> None:
    wanted = version("postgres", "embedded-postgres-binaries-${carillon.platform}").removesuffix(".0")
    assert {services[name]["image"] for name in ("pod", "postgres", "registry-database")} == {f"postgres:{wanted}"}


def test_poms_agree_among_themselves() -> None:
    assert version("kafka", "kafka_2.13") == version("kafka", "kafka-tools") == version("connect", "connect-runtime")
    assert version("registry", "apicurio-registry-app") == version("connect", "apicurio-registry-utils-converter")
    assert {pom.stem for pom in POMS.glob("*.xml")} == {*PARTS, "pom"}


def test_published_ports_are_the_local_stacks_and_only_on_this_machine(services: dict[str, dict[str, Any]]) -> None:
    published = {p for service in services.values() for p in service.get("ports", [])}
    for name in ("kafka", "registry", "connect", "postgres", "cassandra"):
        port = SETTINGS.ports[name]
        assert f"127.0.0.1:{port}:{port}" in published
    assert all(p.startswith("127.0.0.1:") for p in published)


def test_every_part_has_a_health_check_and_waits_for_the_pod(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        if name == "pod":
            continue
        assert service["healthcheck"]["test"][0] == "CMD"
        if name != "clickhouse":
            assert service["network_mode"] == "service:pod"
            assert "pod" in service["depends_on"]


def test_kafka_is_configured_alike(services: dict[str, dict[str, Any]]) -> None:
    ours = dict(line.split("=", 1) for line in server_properties(SETTINGS).splitlines())
    for key, value in services["kafka"]["environment"].items():
        name = key.removeprefix("KAFKA_").lower().replace("_", ".")
        if name in ours and name not in ("listeners", "log.dirs"):
            assert ours[name] == str(value), name


def test_connect_is_configured_alike(services: dict[str, dict[str, Any]]) -> None:
    ours = dict(line.split("=", 1) for line in worker_properties(SETTINGS).splitlines())
    seen = 0
    for key, value in services["connect"]["environment"].items():
        name = key.removeprefix("CONNECT_").lower().replace("_", ".")
        if name in ours and name != "listeners":
            assert ours[name] == str(value), name
            seen += 1
    assert seen > 8
