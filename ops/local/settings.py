"""Everything the local stack is told from outside, read once."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from ops.local.errors import BadSetting
from ops.local.paths import Home
from ops.local.ports import Ports


@dataclass(frozen=True)
class Settings:
    """Where, on which ports, and how long a part may take to become healthy (seconds)."""

    home: Home
    ports: Ports
    start_timeout_s: float = 90.0

    @classmethod
    def load(cls, env: Mapping[str, str] = os.environ) -> "Settings":
        """CARILLON_HOME, CARILLON_JARS, CARILLON_PORT_*, CARILLON_START_TIMEOUT_S. Raises BadSetting."""
        text = env.get("CARILLON_START_TIMEOUT_S") or "90"
        try:
            timeout_s = float(text)
        except ValueError as error:
            raise BadSetting(f"CARILLON_START_TIMEOUT_S={text!r} is not a number of seconds") from error
        return cls(Home.load(env), Ports.load(env), timeout_s)
