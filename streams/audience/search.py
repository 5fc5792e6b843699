"""Finds the next users of an audience in the index of one partition. Pure.

A search ends when it has as many users as are wanted, and also when it has looked at as much as one chunk may: an expression that hardly
anybody fits is found in chunks with few users, or none, and each goes on where the one before it stopped.
"""

from collections.abc import Sequence
from typing import NamedTuple

from streams.audience.joins import Intersection, Rest, Union
from streams.audience.members import Entries, Index, Members, Named
from streams.audience.nodes import PLATFORM, TAG, And, Everybody, Expression, Nobody, Not, Or, Term
from streams.profiles.stored import PROFILE, platform_prefix, tag_prefix, user_key, user_of

LOOK_AT = 10_000
"""Entries of the index for one chunk: a few milliseconds."""
SEEK = 6
"""What it costs to begin to read somewhere, in entries."""
LEAST, MOST = 32, 512
"""Entries of one block."""


class Found(NamedTuple):
    """The next users, in the order of their keys; `cursor`: search on after this user, who need not be one of them. None: that was all."""

    users: list[str]
    cursor: str | None


def search(expression: Expression, users: Sequence[str], index: Index, cursor: str, limit: int, look_at: int = LOOK_AT) -> Found:
    """Up to `limit` users after `cursor` ("": from the first) that `expression` holds for, and of `users`, who need no profile.

    The same call gives the same users while the index is the same. After about `look_at` entries it stops where it is.
    """
    meter = _Meter(index)
    wanted = members(expression, meter)
    if users:
        wanted = Union([Named(sorted(map(user_key, users))), wanted])
    found, after = _collect(wanted, meter, user_key(cursor) if cursor else b"", limit, look_at)
    return Found(list(map(user_of, found)), user_of(after) if after is not None else None)


def _collect(wanted: Members, meter: "_Meter", after: bytes, limit: int, look_at: int) -> tuple[list[bytes], bytes | None]:
    """Up to `limit` keys after `after`, and the key to go on after; None: that was all."""
    found, through = wanted.block(after, limit)
    looked = limit
    while through is not None and len(found) < limit and meter.read < look_at:
        size = max(LEAST, min(MOST, (limit - len(found)) * looked // max(1, len(found))))  # as many as it takes when it goes on as before
        keys, through = wanted.block(through, size)
        found += keys
        looked += size
    return found[:limit], found[limit - 1] if len(found) > limit else through


def members(expression: Expression, index: Index) -> Members:
    """The set an expression in normal form stands for."""
    match expression:
        case Everybody():
            return Entries(index, PROFILE)
        case Nobody():
            return Named([])
        case Not(of):
            return Rest(Entries(index, PROFILE), members(of, index))
        case And(of):
            return Intersection([members(part, index) for part in of])
        case Or(of):
            return Union([members(part, index) for part in of])
    return _those_with(expression, index)


def _those_with(term: Term, index: Index) -> Members:
    if term.kind == TAG:
        return Entries(index, tag_prefix(term.name))
    if term.kind == PLATFORM:
        return Entries(index, platform_prefix(term.name))
    key = user_key(term.name)
    return Named([key] if index.keys(PROFILE, key, 1) == [key] else [])


class _Meter:
    """An index that counts what is read of it."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self.count = index.count
        self.read = 0

    def keys(self, prefix: bytes, start: bytes, limit: int) -> list[bytes]:
        """As the index."""
        found = self._index.keys(prefix, start, limit)
        self.read += len(found) + SEEK
        return found
