"""Waiting before trying again: exponential, with full jitter, and an end."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")
Sleep = Callable[[float], object]


@dataclass(frozen=True)
class Backoff:
    """`attempts` tries in all; before the n-th again between 0 and min(cap_s, first_s * 2**n) seconds, at least `floor_s`."""

    attempts: int = 7
    first_s: float = 0.2
    cap_s: float = 10.0
    floor_s: float = 0.05

    def delays(self, draw: Callable[[], float] = random.random) -> Iterator[float]:
        """The waits between the tries: one fewer than `attempts`."""
        for attempt in range(self.attempts - 1):
            yield self.floor_s + draw() * min(self.cap_s, self.first_s * 2**attempt)


def retried(call: Callable[[], T], on: type[Exception] | tuple[type[Exception], ...], backoff: Backoff, sleep: Sleep) -> T:
    """What `call` returns, tried again while it raises `on`; the last error is raised when the tries are used up."""
    for delay in backoff.delays():
        try:
            return call()
        except on:
            sleep(delay)
    return call()
