"""Ports of the fleet, beside those of the stack: the same base, further offsets, each movable alone."""

import os
from collections.abc import Mapping

from ops.local import ports
from ops.local.errors import BadSetting
from ops.local.ports import DEFAULT_BASE, Ports, port_number, variable

SANDBOX = "sandbox"
OFFSETS = {SANDBOX: 10}
PURPOSES = {SANDBOX: "the sandbox provider, HTTP"}


def fleet_port(name: str, stack: Ports, env: Mapping[str, str] = os.environ) -> int:
    """CARILLON_PORT_BASE + offset, or CARILLON_PORT_<NAME>. Raises BadSetting on nonsense and on a port of the stack."""
    base = port_number(env, "CARILLON_PORT_BASE", DEFAULT_BASE)
    port = port_number(env, variable(name), base + OFFSETS[name])
    owner = next((part for part, number in stack.numbers.items() if number == port), None)
    if owner:
        raise BadSetting(f"port {port} is given to both {owner} and {name}: set {variable(name)}")
    return port


def require_free(name: str, port: int) -> None:
    """Raises PortTaken when somebody listens on the port."""
    ports.require_free(name, port, PURPOSES[name])
