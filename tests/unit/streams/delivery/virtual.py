"""An event loop whose time passes at once: hours of waiting in seconds, and in the order they would have."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

from tests.unit.streams.make import NOW

T = TypeVar("T")


class _Skipping(selectors.DefaultSelector):
    """Waits for nothing: what it was to wait has passed."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.now += timeout or 0.0
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """`time()` is what was waited for so far (s)."""

    def __init__(self) -> None:
        self._skipping = _Skipping()
        super().__init__(self._skipping)

    def time(self) -> float:
        return self._skipping.now


def run(work: Coroutine[Any, Any, T]) -> T:
    """What it returns."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(work)


def now_ms() -> int:
    """The time of the running loop, as epoch ms."""
    return NOW + int(asyncio.get_running_loop().time() * 1000)
