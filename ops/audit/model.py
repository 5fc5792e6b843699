"""What the checks are fed: entries of the log, and the terms they are judged by. Pure."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from schemas.topics import DAY_MS

SLACK_MS = 1000
"""How far the clocks that stamp the records may be apart."""
PROFILE_BOUND_MS = 1000
"""What is promised: half a second for the copy of the profiles, half a second for the intent to be durable. By the broker's clock."""
OVERTAKEN = 64
"""A step answers its input in order, at most so many records at a time: who is further behind than that was left out."""
OVERTAKEN_AGE_MS = 10_000
SCHEDULE_LATE_MS = 60_000
"""A timer fires within seconds; while its worker is started anew, later."""
LEDGER_KEPT_MS = 2 * DAY_MS


class Place(NamedTuple):
    """Where a record is."""

    topic: str
    partition: int
    offset: int


class Entry(NamedTuple):
    """One record. `timestamp`: epoch ms, the log's. `digest`: of its bytes. `record` None: no value, or none that can be read."""

    place: Place
    timestamp: int
    key: bytes
    record: Any
    digest: int


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What an audit goes by. `settled`: nothing is under way, so what is missing is missing for good.

    `profile_bound_ms`: a newer profile may have been on the log for so long when the intent was written; `slack_ms`: of clocks.
    `lows`: first offset that is still there, by (topic, partition). `held`: what is in the dead-letter topic, by where it was.
    """

    now_ms: int
    slack_ms: int = SLACK_MS
    profile_bound_ms: int = PROFILE_BOUND_MS
    settled: bool = False
    partial: bool = False
    """Only some notifications were asked for: a record about one that is not known says nothing."""
    lows: Mapping[tuple[str, int], int] = {}
    held: frozenset[Place] = frozenset()

    def gone(self, topic: str, partition: int, offset: int) -> bool:
        """Whether retention took the record."""
        return offset < self.lows.get((topic, partition), 0)

    def cut(self, topic: str) -> bool:
        """Whether retention took anything of a topic."""
        return any(low > 0 for (name, _), low in self.lows.items() if name == topic)

    def passed(self, offset: int, timestamp: int, frontier: int) -> bool:
        """Whether an answer to the record at `offset` must be there, when the one at `frontier` has one."""
        return self.settled or (offset + OVERTAKEN <= frontier and timestamp < self.now_ms - OVERTAKEN_AGE_MS)
