"""Ports of the fleet, beside those of the stack: the same base, further offsets, each movable alone."""

import os
import socket
from collections.abc import Mapping

from ops.local.errors import BadSetting, PortTaken
from ops.local.ports import DEFAULT_BASE, HOST, Ports, holder_of, variable

SANDBOX = "sandbox"
OFFSETS = {SANDBOX: 10}
PURPOSES = {SANDBOX: "the sandbox provider, HTTP"}


def fleet_port(name: str, stack: Ports, env: Mapping[str, str] = os.environ) -> int:
    """CARILLON_PORT_BASE + offset, or CARILLON_PORT_<NAME>. Raises BadSetting on nonsense and on a port of the stack."""
    base = env.get("CARILLON_PORT_BASE") or str(DEFAULT_BASE)
    text = env.get(variable(name)) or str(int(base) + OFFSETS[name])
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 65536:
        raise BadSetting(f"{variable(name)}={text!r} is not a port number (1-65535)")
    owner = next((part for part, number in stack.numbers.items() if number == int(text)), None)
    if owner:
        raise BadSetting(f"port {text} is given to both {owner} and {name}: set {variable(name)}")
    return int(text)


def require_free(name: str, port: int) -> None:
    """Raises PortTaken when somebody listens on the port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise PortTaken(port, PURPOSES[name], holder_of(port), variable(name)) from error
