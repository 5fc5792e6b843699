"""Sets of users in the order of their keys, by the index: how a term of an audience expression is found. Pure.

Each set is read in blocks, and asked which of some keys are in it; no set is ever held whole.
"""

from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Collection, Sequence
from typing import NamedTuple, Protocol

FIRST = 16
MOST = 512
"""Entries that are read at once when a set is asked about keys: to begin with, and at most. The first is a union's tolerance too."""
FAR = 6
"""Entries that lie between two keys when it is cheaper to seek each than to read on."""


class Index(Protocol):
    """The users of one partition at one moment, by prefix (`streams.profiles.stored`)."""

    def keys(self, prefix: bytes, start: bytes, limit: int) -> list[bytes]:
        """Up to `limit` user keys under a prefix, from `start` on, in order; fewer: there are no more."""

    def count(self, prefix: bytes) -> int:
        """How many there are under a prefix; it may be a moment younger or older."""


class Block(NamedTuple):
    """The `keys` of a set after some key and up to `through`, in order. `through` None: up to the last."""

    keys: list[bytes]
    through: bytes | None


class Members(ABC):
    """A set. `count`: how many are in it, at most; `cost`: how many entries are read to find them all. Both are estimates."""

    count: int
    cost: int

    @abstractmethod
    def block(self, after: bytes, size: int) -> Block:
        """What follows `after` (b"": from the first): about `size` entries of the index are read for it, and one at least."""

    @abstractmethod
    def among(self, keys: Sequence[bytes]) -> Collection[bytes]:
        """Which of `keys`, in order, are in the set."""


class Entries(Members):
    """Everything under one prefix of the index."""

    def __init__(self, index: Index, prefix: bytes) -> None:
        self._index, self._prefix = index, prefix
        self.count = self.cost = index.count(prefix)

    def block(self, after: bytes, size: int) -> Block:
        """The next `size` entries."""
        keys = self._index.keys(self._prefix, after + b"\0" if after else b"", size)
        return Block(keys, keys[-1] if len(keys) == size else None)

    def among(self, keys: Sequence[bytes]) -> Collection[bytes]:
        """Begins to read at one of `keys`, and again at the first that was not reached: far when they are close, else from each to each."""
        found: set[bytes] = set()
        at, size = 0, FIRST
        while at < len(keys):
            entries = self._index.keys(self._prefix, keys[at], size)
            found.update(entries)
            if len(entries) < size:
                break
            passed = bisect_right(keys, entries[-1], at) - at
            at += passed
            size = 1 if size == 1 or size > FAR * passed else min(MOST, size * (len(keys) - at) // passed + 1)
        return found.intersection(keys)


class Named(Members):
    """Users who are given, in order, whether or not anything is known of them."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = keys
        self.count = self.cost = len(keys)

    def block(self, after: bytes, size: int) -> Block:
        """The next `size` of them."""
        start = bisect_right(self._keys, after) if after else 0
        keys = list(self._keys[start : start + size])
        return Block(keys, keys[-1] if len(keys) == size else None)

    def among(self, keys: Sequence[bytes]) -> Collection[bytes]:
        """Those that are given too."""
        return set(self._keys).intersection(keys)
