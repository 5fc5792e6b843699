"""Sets of users made of other sets: how an audience expression is found. Pure.

A union merges the blocks of its parts; an intersection reads its cheapest part and leaps through the others; the rest of everybody is read
as everybody and filtered.
"""

from bisect import bisect_right
from collections.abc import Collection, Sequence

from streams.audience.members import FIRST, Block, Entries, Members


class Rest(Members):
    """Everybody who is not in a set."""

    def __init__(self, everybody: Entries, others: Members) -> None:
        self._everybody, self._others = everybody, others
        self.count, self.cost = max(0, everybody.count - others.count), everybody.count

    def block(self, after: bytes, size: int) -> Block:
        """What is left of the next `size` users."""
        keys, through = self._everybody.block(after, size)
        others = self._others.among(keys)
        return Block([key for key in keys if key not in others], through)

    def among(self, keys: Sequence[bytes]) -> Collection[bytes]:
        """Users with a profile that are not in the set."""
        return set(keys).difference(self._others.among(keys))


class Intersection(Members):
    """Those in all parts: the cheapest is read, and what it gives is looked up in the others, the smallest first."""

    def __init__(self, parts: Sequence[Members]) -> None:
        self._read = min(parts, key=lambda part: part.cost)
        self._parts = sorted(parts, key=lambda part: part.count)
        self.count, self.cost = self._parts[0].count, self._read.cost

    def block(self, after: bytes, size: int) -> Block:
        """What all others leave of the next block of the cheapest."""
        keys, through = self._read.block(after, size)
        return Block(_in_all(keys, [part for part in self._parts if part is not self._read]), through)

    def among(self, keys: Sequence[bytes]) -> Collection[bytes]:
        """Those of `keys` that no part takes out."""
        return set(_in_all(keys, self._parts))


class Union(Members):
    """Those in one part at least, each once."""

    def __init__(self, parts: Sequence[Members]) -> None:
        self._parts = parts
        self.count, self.cost = sum(part.count for part in parts), sum(part.cost for part in parts)

    def block(self, after: bytes, size: int) -> Block:
        """As far as the block of every part reaches; each reads its share of `size` and a few more, so that all reach as far."""
        blocks = [part.block(after, size * part.cost // max(1, self.cost) + FIRST) for part in self._parts]
        keys = sorted(set().union(*(block.keys for block in blocks)))
        through = min((block.through for block in blocks if block.through is not None), default=None)
        return Block(keys if through is None else keys[: bisect_right(keys, through)], through)

    def among(self, keys: Sequence[bytes]) -> Collection[bytes]:
        """Those of `keys` that are in a part; what one has is not looked for in the next."""
        left = list(keys)
        for part in self._parts:
            found = part.among(left)
            left = [key for key in left if key not in found]
        return set(keys).difference(left)


def _in_all(keys: Sequence[bytes], parts: Sequence[Members]) -> list[bytes]:
    left = list(keys)
    for part in parts:
        if left:
            found = part.among(left)
            left = [key for key in left if key in found]
    return left
