"""The port table: one base, small fixed offsets, each port movable alone."""

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass

import psutil

from ops.local.errors import BadSetting, PortTaken

HOST = "127.0.0.1"
DEFAULT_BASE = 19100

OFFSETS: dict[str, tuple[int, str]] = {
    "kafka": (0, "Kafka, clients"),
    "kafka_controller": (1, "Kafka, KRaft controller"),
    "registry": (2, "the schema registry, HTTP"),
    "connect": (3, "Kafka Connect, REST"),
    "postgres": (4, "the upstream's Postgres"),
    "cassandra": (5, "Cassandra, CQL"),
    "cassandra_storage": (6, "Cassandra, between nodes"),
}


def variable(name: str) -> str:
    """The environment variable that moves one port."""
    return f"CARILLON_PORT_{name.upper()}"


@dataclass(frozen=True)
class Ports:
    """Port numbers by name (see OFFSETS)."""

    numbers: Mapping[str, int]

    def __getitem__(self, name: str) -> int:
        return self.numbers[name]

    @classmethod
    def load(cls, env: Mapping[str, str] = os.environ) -> "Ports":
        """CARILLON_PORT_BASE + offset, or CARILLON_PORT_<NAME>. Raises BadSetting on nonsense and on two equal ports."""
        base = port_number(env, "CARILLON_PORT_BASE", DEFAULT_BASE)
        numbers = {name: port_number(env, variable(name), base + offset) for name, (offset, _) in OFFSETS.items()}
        owner: dict[int, str] = {}
        for name, number in numbers.items():
            if number in owner:
                raise BadSetting(f"port {number} is given to both {owner[number]} and {name}: set {variable(name)}")
            owner[number] = name
        return cls(numbers)


def port_number(env: Mapping[str, str], name: str, default: int) -> int:
    """The port that the variable `name` gives, else the default. Raises BadSetting."""
    text = env.get(name) or str(default)
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 65536:
        raise BadSetting(f"{name}={text!r} is not a port number (1-65535)")
    return int(text)


def require_free(name: str, port: int, purpose: str = "") -> None:
    """Raises PortTaken when somebody listens on the port; a connection in TIME_WAIT does not count. `purpose`: of a port not in OFFSETS."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise PortTaken(port, purpose or OFFSETS[name][1], holder_of(port), variable(name)) from error


def holder_of(port: int) -> str | None:
    """Name, pid and start of the command line of whoever listens on the port; None when that is not visible."""
    try:
        sockets = psutil.net_connections(kind="tcp")
        pid = next((s.pid for s in sockets if s.status == psutil.CONN_LISTEN and s.laddr and s.laddr.port == port), None)
        if pid is None:
            return None
        process = psutil.Process(pid)
        return f"{process.name()} (pid {pid}: {' '.join(process.cmdline())[:80]})"
    except psutil.Error:
        return None
