"""Where everything is. Read once, at the composition root; everything else gets endpoints as arguments."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from ops.local.errors import BadSetting
from ops.local.paths import Home
from ops.local.ports import HOST, Ports

SECRET = re.compile(r"(?<=://)([^/@\s:]*):[^/@\s]*@|(?<=password=)[^&\s]+", re.IGNORECASE)


class Endpoints(msgspec.Struct, frozen=True, kw_only=True):
    """Addresses of the parts, local or not. A password in one of them is never in the repr."""

    kafka: str
    """Bootstrap servers, ``host:port[,host:port]``."""
    registry: str
    """Base URL of the Confluent-compatible API."""
    registry_native: str
    """Base URL of Apicurio's own API, which its Connect converters speak."""
    cassandra_host: str
    """Contact points, ``host[,host]``."""
    cassandra_port: int
    connect: str
    """Base URL of Kafka Connect's REST API."""
    postgres: str
    """DSN of the upstream's database."""
    clickhouse: str
    """DSN for clickhouse_connect; ``chdb:///path`` is the embedded engine."""
    home: str
    """Absolute path of the folder for local data."""

    @property
    def cassandra_hosts(self) -> list[str]:
        return [host.strip() for host in self.cassandra_host.split(",")]

    @classmethod
    def of(cls, home: Home, ports: Ports) -> "Endpoints":
        """Those of the local stack with this home and these ports, running or not."""
        registry = f"http://{HOST}:{ports['registry']}/apis"
        return cls(
            kafka=f"{HOST}:{ports['kafka']}",
            registry=f"{registry}/ccompat/v7",
            registry_native=f"{registry}/registry/v2",
            cassandra_host=HOST,
            cassandra_port=ports["cassandra"],
            connect=f"http://{HOST}:{ports['connect']}",
            postgres=f"postgresql://shop@{HOST}:{ports['postgres']}/shop",
            clickhouse=f"chdb:///{home.data / 'clickhouse'}",
            home=str(home.root),
        )

    @classmethod
    def load(cls, env: Mapping[str, str] = os.environ) -> "Endpoints":
        """The environment wins, field by field; then the file the running stack wrote; then the default ports.

        Variables: CARILLON_KAFKA, CARILLON_REGISTRY, CARILLON_REGISTRY_NATIVE, CARILLON_CASSANDRA (``host[,host]:port``),
        CARILLON_CONNECT, CARILLON_POSTGRES, CARILLON_CLICKHOUSE, CARILLON_HOME. Raises BadSetting.
        """
        home = Home.load(env)
        base = _written(home.endpoints) or cls.of(home, Ports.load(env))
        told: dict[str, Any] = {
            name: env[variable]
            for name in ("kafka", "registry", "registry_native", "connect", "postgres", "clickhouse")
            if env.get(variable := f"CARILLON_{name.upper()}")
        }
        if cassandra := env.get("CARILLON_CASSANDRA"):
            host, _, port = cassandra.rpartition(":")
            if not host or not port.isdigit():
                raise BadSetting(f"CARILLON_CASSANDRA={cassandra!r} is not host[,host]:port")
            told |= {"cassandra_host": host, "cassandra_port": int(port)}
        return msgspec.structs.replace(base, **told)

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={value!r}" for name, value in self.__rich_repr__())
        return f"Endpoints({fields})"

    def __rich_repr__(self) -> list[tuple[str, object]]:
        return [(name, _redacted(getattr(self, name))) for name in self.__struct_fields__]


def _redacted(value: object) -> object:
    return SECRET.sub(lambda m: f"{m[1]}:***@" if m[1] is not None else "***", value) if isinstance(value, str) else value


def _written(path: Path) -> Endpoints | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Endpoints)
    except FileNotFoundError:
        return None
    except msgspec.MsgspecError as error:
        raise BadSetting(f"{path} is not what the local stack writes ({error}); run: make down up") from error
