"""How a channel misbehaves, and the dice that decide it. Same seed, same faults in the same order of requests."""

from random import Random
from typing import Annotated
from zlib import crc32

from msgspec import Meta, Struct

Share = Annotated[float, Meta(ge=0, le=1)]
Millis = Annotated[int, Meta(ge=0, le=600_000)]


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One channel's behaviour; all shares are 0 to 1."""

    latency_ms: Millis = 0
    jitter_ms: Millis = 0  # latency is drawn from latency_ms +- jitter_ms
    fail_rate: Share = 0.0  # requests answered fail_status, nothing taken
    fail_status: Annotated[int, Meta(ge=500, le=599)] = 500
    throttle: Share = 0.0  # requests answered 429 with Retry-After, nothing taken
    retry_after_s: Annotated[int, Meta(ge=0, le=3600)] = 1
    reject_rate: Share = 0.0  # addresses refused for good: always the same ones for a seed
    reject_reason: str = "unregistered"
    stall_rate: Share = 0.0  # requests taken and counted, but not answered for stall_ms
    stall_ms: Millis = 60_000
    partial_rate: Share = 0.0  # messages of a request answered "failed" one by one, not taken; the others are
    reset_rate: Share = 0.0  # requests taken and counted, whose connection is reset instead of an answer
    garbage_rate: Share = 0.0  # requests taken and counted, and answered 200 with what is no answer
    seed: int = 0


class Dice:
    """Settings of one channel with their random state."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        self._random = Random(self.settings.seed)

    def fails(self) -> bool:
        """Is this request answered with a failure of the server?"""
        return self._happens(self.settings.fail_rate)

    def throttles(self) -> bool:
        """Is this request answered 429?"""
        return self._happens(self.settings.throttle)

    def resets(self) -> bool:
        """Is the connection of this request reset?"""
        return self._happens(self.settings.reset_rate)

    def stalls(self) -> bool:
        """Is this request left without an answer?"""
        return self._happens(self.settings.stall_rate)

    def garbles(self) -> bool:
        """Is the answer to this request unreadable?"""
        return self._happens(self.settings.garbage_rate)

    def fails_one(self) -> bool:
        """Is this message answered "failed", alone in its request?"""
        return self._happens(self.settings.partial_rate)

    def rejects(self, address: str) -> bool:
        """Is this address refused for good? Depends on seed and address only."""
        return crc32(f"{self.settings.seed}|{address}".encode()) < self.settings.reject_rate * 2**32

    def latency_s(self) -> float:
        """Return the seconds to wait before the answer."""
        settings = self.settings
        if not settings.jitter_ms:
            return settings.latency_ms / 1000
        return max(0.0, settings.latency_ms + self._random.uniform(-settings.jitter_ms, settings.jitter_ms)) / 1000

    def _happens(self, share: float) -> bool:
        return share > 0 and self._random.random() < share
