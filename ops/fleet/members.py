"""What the fleet consists of: one member a process. Pure."""

import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from ops.endpoints import Endpoints
from ops.fleet.ports import SANDBOX
from ops.fleet.settings import PROJECTIONS, WORKERS, FleetSettings
from ops.local.paths import REPOSITORY
from ops.local.ports import HOST
from ops.local.processes import Command
from streams.settings import LEAVE

KAFKA_PORT = 9092
CLI = (sys.executable, "-m", "ops.cli.main")


@dataclass(frozen=True)
class Member:
    """One process: `ready` is a file that it writes when it works, `health` one that says where it can be asked how it is; without, the
    first of its `ports` is. `grace_s`: how long it may take to end when asked. `needs`: what it can't start without, by name, and where.
    """

    name: str
    command: Command
    ready: Path
    ports: Mapping[str, int] = field(default_factory=dict)
    grace_s: float = 20.0
    health: Path | None = None
    needs: Mapping[str, Sequence[tuple[str, int]]] = field(default_factory=dict)


def members(settings: FleetSettings) -> list[Member]:
    """All members of a fleet, those first that others need."""
    return [*_sandbox(settings), *_workers(settings), *_projections(settings)]


def farewell(name: str) -> signal.Signals:
    """What tells a member that it ends for good. A worker gives its partitions up then; the others have nothing that waits for them."""
    return LEAVE if name.rpartition("-")[0] in WORKERS else signal.SIGTERM


def environment(settings: FleetSettings) -> dict[str, str]:
    """What every member is told: where everything is, and what we were told ourselves."""
    where = endpoint_variables(settings.endpoints) | {"CARILLON_SANDBOX_URL": settings.sandbox_url, "PYTHONUNBUFFERED": "1"}
    return {**settings.env, **where}


def endpoint_variables(endpoints: Endpoints) -> dict[str, str]:
    """Endpoints as the environment that `Endpoints.load` reads."""
    plain = ("kafka", "registry", "registry_native", "connect", "postgres", "clickhouse", "home")
    variables = {f"CARILLON_{name.upper()}": str(getattr(endpoints, name)) for name in plain}
    return variables | {"CARILLON_CASSANDRA": f"{endpoints.cassandra_host}:{endpoints.cassandra_port}"}


def ready_file(settings: FleetSettings, name: str) -> Path:
    """Where a member says that it is ready."""
    return settings.local.home.run / f"{name}.ready"


def health_file(settings: FleetSettings, name: str) -> Path:
    """Where a member says at which port it can be asked how it is."""
    return settings.local.home.run / f"{name}.health"


def needs(endpoints: Endpoints, *stores: str) -> dict[str, list[tuple[str, int]]]:
    """Where Kafka and the registry are, and of `stores` those that are servers of the stack."""
    registry = urlsplit(endpoints.registry)
    found = {
        "kafka": [_place(server) for server in endpoints.kafka.split(",")],
        "registry": [(registry.hostname or HOST, registry.port or 80)],
    }
    if "cassandra" in stores:
        found["cassandra"] = [(host, endpoints.cassandra_port) for host in endpoints.cassandra_hosts]
    return found


def _place(server: str) -> tuple[str, int]:
    host, _, port = server.strip().rpartition(":")
    return (host.strip("[]"), int(port)) if host and port.isdigit() else (server.strip(), KAFKA_PORT)


def _sandbox(settings: FleetSettings) -> Iterator[Member]:
    if settings.counts[SANDBOX]:
        ready = ready_file(settings, SANDBOX)
        port = str(settings.sandbox_port)
        argv = [sys.executable, "-m", "providers.sandbox_server", "--host", HOST, "--port", port, "--port-file", str(ready)]
        yield Member(SANDBOX, Command(argv, REPOSITORY, environment(settings)), ready, {SANDBOX: settings.sandbox_port}, grace_s=5.0)


def _workers(settings: FleetSettings) -> Iterator[Member]:
    for role in WORKERS:
        for number in range(1, settings.counts[role] + 1):
            name = f"{role}-{number}"
            env = environment(settings) | {"CARILLON_WORKER": str(number), "CARILLON_HEALTH_PORT": "0"}
            command = Command([*CLI, "worker", role], REPOSITORY, env)
            health = health_file(settings, name)
            yield Member(name, command, ready_file(settings, name), health=health, needs=needs(settings.endpoints))


def _projections(settings: FleetSettings) -> Iterator[Member]:
    for store in PROJECTIONS:
        for number in range(1, settings.counts[store] + 1):
            name = f"project-{store}-{number}"
            ready, health = ready_file(settings, name), health_file(settings, name)
            told = {"CARILLON_READY_FILE": str(ready), "CARILLON_HEALTH_FILE": str(health), "CARILLON_HEALTH_PORT": "0"}
            command = Command([*CLI, "project", store], REPOSITORY, environment(settings) | told)
            yield Member(name, command, ready, health=health, needs=needs(settings.endpoints, store))
