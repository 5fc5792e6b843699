"""What a notification has beside its text, in words: the names of what is set, and never what is in it. Pure."""

import hashlib
from collections.abc import Iterator

import msgspec

from schemas.records import Attachment, Overrides

_encode = msgspec.msgpack.Encoder(order="deterministic").encode


def in_words(overrides: Overrides | None) -> str:
    """As in `email.cc, email.attachments (1 file of 8 bytes), push.image #5d41402a`; empty: nothing is set.

    The mark is of all that is in it: two that differ have another.
    """
    names = ", ".join(_names(overrides)) if overrides else ""
    return f"{names} #{hashlib.blake2b(_encode(overrides), digest_size=4).hexdigest()}" if names else ""


def _names(overrides: Overrides) -> Iterator[str]:
    for channel in overrides.__struct_fields__:
        told = getattr(overrides, channel)
        for name in told.__struct_fields__ if told is not None else ():
            if (value := getattr(told, name)) not in ("", None, [], {}):
                yield f"{channel}.{name}" + (_size(value) if name == "attachments" else "")


def _size(files: list[Attachment]) -> str:
    return f" ({len(files)} file{'s' * (len(files) != 1)} of {sum(len(file.content) for file in files)} bytes)"
