"""Everything the fleet is told from outside, read once."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from ops.endpoints import Endpoints
from ops.fleet.ports import SANDBOX, fleet_port
from ops.local.errors import BadSetting
from ops.local.ports import HOST
from ops.local.settings import Settings
from streams.settings import WorkerSettings

WORKERS = ("profiles", "cdc", "plan", "decide", "decide_urgent", "urgent", "bulk", "feedback", "timers")
PROJECTIONS = ("cassandra", "clickhouse")
ALONE = (SANDBOX, "clickhouse")
"""Of these there can be one: a port, and a folder that only one engine may have open."""
DEFAULT_COUNTS = dict.fromkeys((SANDBOX, *WORKERS, *PROJECTIONS), 1)
MAX_OF_A_KIND = 64


@dataclass(frozen=True)
class FleetSettings:
    """Where, what, and how many of each. `env` is handed to every member besides the endpoints."""

    local: Settings
    endpoints: Endpoints
    sandbox_port: int
    counts: Mapping[str, int] = field(default_factory=lambda: dict(DEFAULT_COUNTS))
    env: Mapping[str, str] = field(default_factory=dict)

    @property
    def sandbox_url(self) -> str:
        """Where the workers' default provider is."""
        return self.env.get("CARILLON_SANDBOX_URL") or f"http://{HOST}:{self.sandbox_port}"

    @classmethod
    def load(cls, env: Mapping[str, str] = os.environ) -> "FleetSettings":
        """CARILLON_FLEET (`decide=2,sandbox=0`: how many, else one each), CARILLON_PORT_SANDBOX, and all that Endpoints and Settings read.

        Every other CARILLON_ variable goes on to the members. Raises BadSetting.
        """
        local = Settings.load(env)
        ours = {name: value for name, value in env.items() if name.startswith("CARILLON_") and value}
        counts = DEFAULT_COUNTS | parse_counts(env.get("CARILLON_FLEET", ""))
        return cls(local, Endpoints.load(env), fleet_port(SANDBOX, local.ports, env), counts, ours)


def worker_settings() -> WorkerSettings:
    """What workers are told by CARILLON_... variables. Raises BadSetting."""
    from_environment: dict[str, Any] = {}
    try:
        return WorkerSettings(**from_environment)
    except ValidationError as error:
        wrong = "; ".join(f"CARILLON_{str(one['loc'][0]).upper()}: {one['msg']}" for one in error.errors())
        raise BadSetting(wrong) from error


def parse_counts(text: str) -> dict[str, int]:
    """`decide=2,sandbox=0` as numbers by kind. Raises BadSetting."""
    counts: dict[str, int] = {}
    for item in filter(None, (part.strip() for part in text.split(","))):
        kind, _, number = item.partition("=")
        limit = 1 if kind in ALONE else MAX_OF_A_KIND
        if kind not in DEFAULT_COUNTS:
            raise BadSetting(f"CARILLON_FLEET: no such kind {kind!r}; there are {', '.join(DEFAULT_COUNTS)}")
        if not number.isascii() or not number.isdigit() or int(number) > limit:
            raise BadSetting(f"CARILLON_FLEET: {item!r} is not {kind}=0 to {limit}")
        counts[kind] = int(number)
    return counts
