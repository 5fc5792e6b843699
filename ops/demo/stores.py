"""How far both stores are behind the log, sampled while the shop plays: from the offsets their projections have committed."""

import threading
import time
from collections.abc import Mapping, Sequence

from ops.cli.lag import Groups
from ops.cli.logtail import Position
from ops.demo.heard import Heard, Point
from projections.settings import INPUTS
from schemas.topics import STATUS

GROUPS = {"Cassandra": "carillon.cassandra", "ClickHouse": "carillon.clickhouse"}
EVERY_S = 0.25


class Stores:
    """Samples in a thread of its own; `written` is a line per store: how many recipients were in it at which time."""

    def __init__(self, bootstrap: str, heard: Heard) -> None:
        self._groups, self._heard = Groups(bootstrap), heard
        self.written: dict[str, list[Point]] = {store: [] for store in GROUPS}
        self.error: BaseException | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sample, name="stores", daemon=True)

    def start(self) -> None:
        """Sample from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Stop sampling."""
        self._stop.set()
        self._thread.join(30)

    def behind(self) -> int:
        """Records the slower of both has not written yet."""
        return max(self._groups.lag(group, INPUTS) for group in GROUPS.values())

    def _sample(self) -> None:
        try:
            while not self._stop.wait(EVERY_S):
                for store, group in GROUPS.items():
                    count = recipients_before(self._heard.places, self._groups.committed(group))
                    self.written[store].append(Point(round(time.time() * 1000), count))
        except Exception as error:
            self.error = error


def recipients_before(places: Mapping[int, Sequence[tuple[int, int]]], committed: Mapping[Position, int]) -> int:
    """Recipients in the records of `notify.status` below the committed offsets."""
    return sum(
        number
        for partition, told in list(places.items())
        for offset, number in list(told)
        if offset < committed.get((STATUS, partition), 0)
    )
