"""The table of what users were told in this hour and this day, and the part of it that one command reads and changes.

A value is of a few users (`caps.Counters`), so that a chunk writes few and a single little. Users come bucket by bucket from a search; each
bucket is split by further bits of the same hash: what a chunk touches lies together, and is a handful of values.
"""

from collections.abc import Callable, Sequence

from schemas.partition import BUCKETS, buckets_of
from schemas.records import Write
from streams.policy.caps import Counters

TABLE = "caps"
SPLIT = 8
"""Values a bucket: at a million users each has 61 of them. Values of 60 users cost a single 9 us to read and write, in 1.2 KB; of 500 users
60 us, in 10 KB. A power of two. When it is changed what was counted that day is forgotten.
"""

Read = Callable[[Sequence[bytes]], Sequence[bytes | None]]


class Counting:
    """The counters of some users at a time."""

    def __init__(self, read: Read, users: Sequence[str], now: int) -> None:
        """`read`: values of the table, by their keys. `now`: of the decision, epoch ms."""
        keys = counter_keys(users)
        distinct = list(dict.fromkeys(keys))
        self._counters = {key: Counters(packed, now) for key, packed in zip(distinct, read(distinct), strict=True)}
        self.of = {user: self._counters[key] for user, key in zip(users, keys, strict=True)}
        """By user."""

    def writes(self) -> list[Write]:
        """What was counted."""
        return [Write(TABLE, key, counters.pack()) for key, counters in self._counters.items() if counters.changed]


def counter_keys(users: Sequence[str]) -> list[bytes]:
    """Where the counters of each user are: 2 bytes of the bucket, one of its part."""
    places = buckets_of([user.encode() for user in users], BUCKETS * SPLIT)
    return [(place % BUCKETS).to_bytes(2, "big") + (place // BUCKETS).to_bytes(1, "big") for place in places]
