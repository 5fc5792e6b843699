"""One question to each part, in its own protocol. Each returns when the part answered rightly and raises otherwise."""

import logging
import socket
import struct

import httpx
import psycopg
from confluent_kafka.admin import AdminClient

from ops.local.ports import HOST

TIMEOUT_S = 2.0
SILENT = logging.getLogger("carillon.local.probe")
SILENT.addHandler(logging.NullHandler())
SILENT.propagate = False

CQL_VERSION, CQL_STARTUP, CQL_READY, CQL_QUERY, CQL_RESULT, CQL_ONE = 4, 0x01, 0x02, 0x07, 0x08, 0x0001


class NotReady(Exception):
    """It answered, but not what a healthy part answers."""


def kafka(port: int, timeout_s: float = TIMEOUT_S) -> None:
    """A metadata request that must name the broker."""
    socket.create_connection((HOST, port), timeout_s).close()
    admin = AdminClient({"bootstrap.servers": f"{HOST}:{port}", "log_level": 0}, logger=SILENT)
    if not admin.list_topics(timeout=timeout_s).brokers:
        raise NotReady("no broker in the metadata")


def http(url: str, timeout_s: float = TIMEOUT_S) -> None:
    """A GET that must be answered with 2xx. No proxy from the environment comes between."""
    with httpx.Client(trust_env=False, timeout=timeout_s) as client:
        client.get(url).raise_for_status()


def postgres(dsn: str, timeout_s: float = TIMEOUT_S) -> None:
    """SELECT 1."""
    with psycopg.connect(dsn, connect_timeout=max(2, int(timeout_s))) as connection:
        connection.execute("SELECT 1").fetchone()


def cassandra(port: int, timeout_s: float = TIMEOUT_S) -> None:
    """A query of system.local over the native protocol, version 4 (the driver would bring threads and a second of CPU)."""
    with socket.create_connection((HOST, port), timeout_s) as connection:
        options = struct.pack(">H", 1) + _string("CQL_VERSION") + _string("3.0.0")
        _exchange(connection, CQL_STARTUP, options, CQL_READY)
        query = b"SELECT release_version FROM system.local"
        _exchange(connection, CQL_QUERY, struct.pack(">i", len(query)) + query + struct.pack(">HB", CQL_ONE, 0), CQL_RESULT)


def _string(text: str) -> bytes:
    return struct.pack(">H", len(text)) + text.encode()


def _exchange(connection: socket.socket, opcode: int, body: bytes, expected: int) -> None:
    connection.sendall(struct.pack(">BBhBi", CQL_VERSION, 0, 0, opcode, len(body)) + body)
    _, _, _, answer, length = struct.unpack(">BBhBi", _exactly(connection, 9))
    content = _exactly(connection, length)
    if answer != expected:
        raise NotReady(f"Cassandra answered opcode {answer} instead of {expected}: {content[:200]!r}")


def _exactly(connection: socket.socket, count: int) -> bytes:
    content = b""
    while len(content) < count:
        chunk = connection.recv(count - len(content))
        if not chunk:
            raise NotReady("Cassandra closed the connection")
        content += chunk
    return content
