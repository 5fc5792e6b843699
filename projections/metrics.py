"""What operators watch."""

import time
from collections.abc import Callable

from prometheus_client import Counter, Gauge, Histogram

RECORDS = Counter("carillon_projection_records_total", "Records written to the store.", ["projection", "topic"])
DEAD_LETTERS = Counter("carillon_projection_dead_letters_total", "Records that were put aside.", ["projection"])
BATCH_SECONDS = Histogram("carillon_projection_batch_seconds", "From the first record in hand to the commit.", ["projection"])
LAG = Gauge("carillon_projection_lag_records", "Records on the topic that are not written yet.", ["projection", "topic", "partition"])


class Pulse:
    """When each projection of a process last turned its loop: it asks whether to stop several times a second, also when nothing comes."""

    def __init__(self) -> None:
        self._turned: dict[str, float] = {}

    def turning(self, name: str, stopped: Callable[[], bool]) -> Callable[[], bool]:
        """`stopped`, which also notes that it was asked."""

        def asked() -> bool:
            self._turned[name] = time.monotonic()
            return stopped()

        return asked

    def ages(self) -> dict[str, float]:
        """Seconds since the last turn of each that has begun."""
        now = time.monotonic()
        return {name: now - at for name, at in list(self._turned.items())}
