"""Asks a member how it is, and whether what it needs answers at all. Every question has a time-out."""

import http.client
import socket
from collections.abc import Collection, Mapping

import msgspec

from ops.fleet.members import Member
from ops.local.ports import HOST

ASK_S = 3.0
REACH_S = 1.0


class Told(msgspec.Struct, frozen=True):
    """The health file of a process: where it can be asked."""

    pid: int
    host: str
    port: int


def address(member: Member, pid: int) -> tuple[str, int] | None:
    """Where to ask this process; None as long as it has not said so."""
    if member.health is None:
        return next(((HOST, port) for port in member.ports.values()), None)
    try:
        told = msgspec.json.decode(member.health.read_bytes(), type=Told)
    except (OSError, msgspec.MsgspecError):
        return None
    return (told.host, told.port) if told.pid == pid else None


def healthy(host: str, port: int) -> bool:
    """Whether /healthz says 200 within 3 s."""
    client = http.client.HTTPConnection(host, port, timeout=ASK_S)
    try:
        client.request("GET", "/healthz")
        return client.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        client.close()


def absent(needs: Mapping[str, Collection[tuple[str, int]]]) -> list[str]:
    """Which of these can't be reached by TCP, at any of their addresses."""
    return [name for name, places in needs.items() if not any(map(_reachable, places))]


def _reachable(place: tuple[str, int]) -> bool:
    try:
        with socket.create_connection(place, timeout=REACH_S):
            return True
    except OSError:
        return False
