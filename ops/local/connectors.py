"""Create, watch, restart and delete connectors over Kafka Connect's REST API."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import httpx
import msgspec

from ops.endpoints import Endpoints
from ops.local.errors import ConnectorFailed

TIMEOUT_S = 30.0
REQUEST_TIMEOUT_S = 15.0
LASTING_S = 5.0
POLL_S = 0.1
NOT_FOUND, CONFLICT = 404, 409


class ConnectorStatus(msgspec.Struct, frozen=True):
    """States as Connect names them (RUNNING, FAILED, ...); ``trace`` is the first failure's stack trace, or empty."""

    name: str
    state: str
    tasks: list[str]
    trace: str = ""

    @property
    def running(self) -> bool:
        return self.state == "RUNNING" and bool(self.tasks) and all(task == "RUNNING" for task in self.tasks)

    @property
    def failed(self) -> bool:
        return "FAILED" in (self.state, *self.tasks)


def put_connector(name: str, config: Mapping[str, str], *, connect: str | None = None, timeout_s: float = TIMEOUT_S) -> ConnectorStatus:
    """Create the connector, or change its configuration, and wait until it and its tasks run.

    Raises ConnectorFailed when Connect refuses the configuration, a task fails, or time is up.
    """
    deadline = time.monotonic() + timeout_s
    _request("PUT", f"/connectors/{name}/config", connect, deadline, json=dict(config))
    return _await_running(name, connect, deadline)


def restart_connector(name: str, *, connect: str | None = None, timeout_s: float = TIMEOUT_S) -> ConnectorStatus:
    """Restart the connector and its tasks, and wait until they run. Raises ConnectorFailed."""
    deadline = time.monotonic() + timeout_s
    _request("POST", f"/connectors/{name}/restart?includeTasks=true", connect, deadline)
    return _await_running(name, connect, deadline)


def delete_connector(name: str, *, connect: str | None = None, timeout_s: float = TIMEOUT_S) -> bool:
    """Delete the connector and wait until it is gone. Returns whether there was one. Raises ConnectorFailed."""
    deadline = time.monotonic() + timeout_s
    if _request("DELETE", f"/connectors/{name}", connect, deadline).status_code == NOT_FOUND:
        return False
    _until(lambda: connector_status(name, connect=connect) is None, deadline, f"connector {name} is still there")
    return True


def connector_status(name: str, *, connect: str | None = None, timeout_s: float = TIMEOUT_S) -> ConnectorStatus | None:
    """How the connector and its tasks are; None when there is no such connector. Raises ConnectorFailed."""
    response = _request("GET", f"/connectors/{name}/status", connect, time.monotonic() + timeout_s)
    if response.status_code == NOT_FOUND:
        return None
    answer: dict[str, Any] = response.json()
    everything = [answer["connector"], *answer["tasks"]]
    trace = next((one.get("trace", "") for one in everything if one["state"] == "FAILED"), "")
    return ConnectorStatus(name, answer["connector"]["state"], [task["state"] for task in answer["tasks"]], trace)


def _await_running(name: str, connect: str | None, deadline: float) -> ConnectorStatus:
    """A failure counts when it lasts: what is told first may be of the tasks before this change, and those are started again once."""
    seen: list[ConnectorStatus] = []
    failing_since: list[float] = []

    def running() -> bool:
        status = connector_status(name, connect=connect)
        seen[:] = [status] if status is not None else []
        if status is None or not status.failed:
            return status is not None and status.running
        if not failing_since:
            failing_since.append(time.monotonic())
            _request("POST", f"/connectors/{name}/restart?includeTasks=true&onlyFailed=true", connect, deadline)
        elif time.monotonic() - failing_since[0] > LASTING_S:
            raise ConnectorFailed(f"connector {name} failed: {status.trace[:2000]}")
        return False

    _until(running, deadline, f"connector {name} does not run")
    return seen[0]


def _until(condition: Callable[[], bool], deadline: float, complaint: str) -> None:
    while not condition():
        if time.monotonic() > deadline:
            raise ConnectorFailed(f"{complaint}, and time is up")
        time.sleep(POLL_S)


def _request(method: str, path: str, connect: str | None, deadline: float, **content: Any) -> httpx.Response:
    """One request; repeated while Connect says 409, which means that it is rebalancing."""
    base = connect or Endpoints.load().connect
    with httpx.Client(base_url=base, trust_env=False, timeout=REQUEST_TIMEOUT_S) as client:
        while True:
            try:
                response = client.request(method, path, **content)
            except httpx.HTTPError as error:
                raise ConnectorFailed(f"{method} {base}{path}: {type(error).__name__}: {error}") from error
            if response.status_code != CONFLICT or time.monotonic() > deadline:
                break
            time.sleep(POLL_S)
    if response.is_error and response.status_code != NOT_FOUND:
        raise ConnectorFailed(f"{method} {base}{path}: {response.status_code} {response.text[:2000]}")
    return response
