"""What a process with projections says of itself."""

import json

import pytest

from ops.fleet.projection_health import ProjectionHealth
from ops.local.errors import BadSetting
from projections import metrics
from projections.metrics import Pulse


def test_it_is_well_while_its_loops_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(metrics.time, "monotonic", lambda: now[0])
    pulse = Pulse()
    health = ProjectionHealth(["cassandra", "clickhouse"], pulse, {})
    asked = {name: pulse.turning(name, lambda: False) for name in ("cassandra", "clickhouse")}
    assert health.healthz().status == 200  # not begun, but not for long
    for turn in asked.values():
        assert turn() is False
    now[0] += 299
    asked["clickhouse"]()
    assert health.healthz().status == 200
    now[0] += 2
    found = health.healthz()
    assert found.status == 503
    assert json.loads(found.body)["turned_s_ago"] == {"cassandra": 301.0, "clickhouse": 2.0}


def test_it_is_ready_when_all_are() -> None:
    health = ProjectionHealth(["cassandra"], Pulse(), {"CARILLON_HEALTH_PORT": "0"})
    assert health.readyz().status == 503
    health.ready()
    assert health.readyz().status == 200


@pytest.mark.parametrize("port", ["x", "-1", "65536", "٣"])
def test_nonsense_for_a_port_is_refused(port: str) -> None:
    with pytest.raises(BadSetting, match="CARILLON_HEALTH_PORT"):
        ProjectionHealth(["cassandra"], Pulse(), {"CARILLON_HEALTH_PORT": port})
