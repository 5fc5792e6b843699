"""What a copy of the profiles keeps of each: all of it, with or without an index of tags and platforms, or its phone numbers. Pure."""

from collections.abc import Callable, Mapping, Set
from typing import Any, NamedTuple

from streams.profiles.index import FORMAT
from streams.profiles.stored import PROFILE, pack, phone_prefix, prefixes, prefixes_of, unpack


class Entry(NamedTuple):
    """What is kept of a user, and the prefixes under which they are found; None and nothing: they are gone."""

    value: bytes | None
    prefixes: Set[bytes]


NOWHERE: Set[bytes] = frozenset()
GONE = Entry(None, NOWHERE)
Fields = Mapping[str, Any]
"""A profile by the names of its fields."""


class Kept(NamedTuple):
    """`entry`: of a profile and its offset. `found`: the prefixes of a value that is kept; None: there is no index. `format`: of the index:
    one that was made in another is made anew. `counted`: whether it is known how many there are under a prefix.
    """

    entry: Callable[[Fields, int], Entry]
    found: Callable[[bytes], Set[bytes]] | None = None
    format: bytes = b""
    counted: bool = False


def phones_of(fields: Fields) -> Set[str]:
    """The numbers by which a user is found: theirs, and those that are out of use, for whoever takes a STOP back."""
    numbers = {fields["phone"], *fields["suppressed"]}
    return {number for number in numbers if number.startswith("+") and "\0" not in number}


def _profile(fields: Fields, offset: int) -> Entry:
    return Entry(pack(fields, offset), prefixes_of(fields["tags"], [device["platform"] for device in fields["devices"]]))


def _found(value: bytes) -> Set[bytes]:
    return prefixes(unpack(value).profile)


def _phones(fields: Fields, offset: int) -> Entry:
    numbers = sorted(phones_of(fields))
    if not numbers:
        return GONE
    value = "\0".join(numbers).encode()
    return Entry(value, _found_phones(value))


def _found_phones(value: bytes) -> Set[bytes]:
    return {PROFILE, *map(phone_prefix, value.decode().split("\0"))}


PLAIN = Kept(_profile)
INDEXED = Kept(_profile, _found, FORMAT, counted=True)
PHONES = Kept(_phones, _found_phones, b"phones 1")
"""Nobody asks it for profiles. Who has no number is not in it."""
