"""The health of a process that runs projections: /healthz, /readyz and /metrics."""

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest

from ops.local.errors import BadSetting
from projections.metrics import LAG, Pulse
from streams.health.server import HealthServer, Page, page

STILL_S = 300.0
"""Longer than a store or the registry is asked again and again (under 3 minutes) before the projection gives up by itself."""


class ProjectionHealth:
    """Serves as soon as it is made. Raises OSError when the port is taken."""

    def __init__(self, names: Sequence[str], pulse: Pulse, env: Mapping[str, str]) -> None:
        """CARILLON_HEALTH_HOST (127.0.0.1), CARILLON_HEALTH_PORT (0: any), CARILLON_HEALTH_FILE says where. Raises BadSetting."""
        self._names, self._pulse = names, pulse
        self._began = time.monotonic()
        self._ready = False
        told = Path(env["CARILLON_HEALTH_FILE"]) if env.get("CARILLON_HEALTH_FILE") else None
        if told:
            told.unlink(missing_ok=True)
        pages = {"/healthz": self.healthz, "/readyz": self.readyz, "/metrics": _metrics}
        HealthServer(env.get("CARILLON_HEALTH_HOST") or "127.0.0.1", _port(env), pages).start(told)

    def ready(self) -> None:
        """All are migrated and read."""
        self._ready = True

    def healthz(self) -> Page:
        """200 while each of them turns its loop."""
        uptime_s = time.monotonic() - self._began
        ages = dict.fromkeys(self._names, uptime_s) | self._pulse.ages()
        content = {"projections": list(self._names), "pid": os.getpid(), "uptime_s": round(uptime_s, 1)}
        turned = {name: round(age, 1) for name, age in ages.items()}
        return page(max(ages.values()) <= STILL_S, content | {"turned_s_ago": turned, "lag": _lags()})

    def readyz(self) -> Page:
        """200 once all are migrated and read."""
        return page(self._ready, {"projections": list(self._names)})


def _lags() -> dict[str, float]:
    samples = (sample for metric in LAG.collect() for sample in metric.samples)
    return {"{projection} {topic}/{partition}".format(**sample.labels): sample.value for sample in samples}


def _metrics() -> Page:
    return Page(200, generate_latest(REGISTRY), CONTENT_TYPE_LATEST)


def _port(env: Mapping[str, str]) -> int:
    text = env.get("CARILLON_HEALTH_PORT") or "0"
    if not text.isascii() or not text.isdigit() or int(text) > 65535:
        raise BadSetting(f"CARILLON_HEALTH_PORT={text!r} is not a port number (0-65535)")
    return int(text)
