"""The sandbox provider, as seen from outside: how it behaves, and what it received."""

from typing import Any

import httpx
import msgspec

BEHAVIOUR = {
    "push": {"latency_ms": 15, "jitter_ms": 5, "reject_rate": 0.004, "fail_rate": 0.02},
    "email": {"latency_ms": 25, "jitter_ms": 10, "reject_rate": 0.002, "reject_reason": "invalid_address"},
}
"""A provider as they are: a little slow, some addresses are dead, and now and then a request fails and is made again."""
TIMEOUT_S = 10.0


class Received(msgspec.Struct, frozen=True):
    """One channel: distinct recipients' addresses, those refused for good, and arrivals of what had arrived before."""

    distinct: int = 0
    rejected: int = 0
    duplicates: int = 0

    def since(self, before: "Received") -> "Received":
        """What came after `before`."""
        return Received(self.distinct - before.distinct, self.rejected - before.rejected, self.duplicates - before.duplicates)


class Sandbox:
    """A client; `close` it."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=TIMEOUT_S, trust_env=False)

    def behave(self, settings: Any) -> Any:
        """Set how channels behave; returns how they behaved before. Raises httpx.HTTPError."""
        before = self._get("/v1/settings")
        self._client.put("/v1/settings", json=settings).raise_for_status()
        return before

    def received(self) -> dict[str, Received]:
        """Totals by channel."""
        return {channel: _received(tally) for channel, tally in self._get("/v1/stats")["channels"].items()}

    def faults(self) -> dict[str, int]:
        """Requests answered with a fault, by kind."""
        return dict(self._get("/v1/stats")["faults"])

    def arrivals(self) -> dict[str, int]:
        """Notification id to first arrival (epoch ns), of those that came alone in a request."""
        return dict(self._get("/v1/arrivals"))

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _get(self, path: str) -> Any:
        answer = self._client.get(path)
        answer.raise_for_status()
        return answer.json()


def since(now: dict[str, Received], before: dict[str, Received]) -> dict[str, Received]:
    """What each channel received after `before`."""
    return {channel: received.since(before.get(channel, Received())) for channel, received in now.items()}


def _received(tally: dict[str, int]) -> Received:
    return Received(tally["distinct"], tally["rejected"], tally["duplicates"] + tally["duplicate_messages"])
