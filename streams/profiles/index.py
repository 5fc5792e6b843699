"""The index of a partition's profiles: who has a tag or a device of a platform, in the order of user keys, and how many they are.

Beside the profile of a user, under `p`, there is an empty entry for each prefix that `prefixes` names, and under `n` a number for each.
The format is kept with them: an index that was made by other rules is not read, but made anew from the log.
"""

from collections import defaultdict
from collections.abc import Sequence, Set

from streams.profiles.stored import PROFILE
from streams.step.store import Change, TablePartition

FORMAT = b"2"
"""1 (not written down): tags only, no counts. 2: platforms and counts too."""
_FORMAT_KEY = b"f"
_COUNT = b"n"
_COUNT_BYTES = 8


class ProfileIndex:
    """One partition's users at one moment."""

    def __init__(self, part: TablePartition) -> None:
        self._part = part
        self.keys = part.snapshot().keys

    def count(self, prefix: bytes) -> int:
        """How many users there are under a prefix, now."""
        return _number(self._part.get(_COUNT + prefix))


def is_current(part: TablePartition, form: bytes = FORMAT) -> bool:
    """Whether the index was made in this format."""
    return part.get(_FORMAT_KEY) == form


def begin_anew(part: TablePartition, form: bytes = FORMAT) -> None:
    """Forget everything; what is written from now on is in this format."""
    part.clear()
    part.write([(_FORMAT_KEY, form)], 0)


def index_changes(
    part: TablePartition, keys: Sequence[bytes], before: Sequence[Set[bytes]], after: Sequence[Set[bytes]], *, counted: bool = True
) -> list[Change]:
    """What becomes of entries and counts when each user of `keys` is found under other prefixes; nobody is in it twice."""
    gone: dict[bytes, list[bytes]] = defaultdict(list)
    come: dict[bytes, list[bytes]] = defaultdict(list)
    for key, old, new in zip(keys, before, after, strict=True):
        for prefix in old - new:
            gone[prefix].append(key)
        for prefix in new - old:
            come[prefix].append(key)
    if not counted:
        return [*_entries(gone, None), *_entries(come, b"")]
    more = {prefix: len(come.get(prefix, ())) - len(gone.get(prefix, ())) for prefix in gone.keys() | come.keys()}
    counts = _counts(part, {prefix: number for prefix, number in more.items() if number})
    return [*_entries(gone, None), *_entries(come, b""), *counts]


def _entries(users: dict[bytes, list[bytes]], value: bytes | None) -> list[Change]:
    return [(prefix + key, value) for prefix in users if prefix != PROFILE for key in users[prefix]]


def _counts(part: TablePartition, more: dict[bytes, int]) -> list[Change]:
    keys = [_COUNT + prefix for prefix in more]
    totals = [_number(value) + number for value, number in zip(part.get_many(keys), more.values(), strict=True)]
    return [(key, total.to_bytes(_COUNT_BYTES, "big") if total else None) for key, total in zip(keys, totals, strict=True)]


def _number(value: bytes | None) -> int:
    return int.from_bytes(value, "big") if value else 0
