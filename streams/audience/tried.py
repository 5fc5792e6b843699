"""The table of who is tried on one channel after the other: under a notification's id, a zero byte and a user is where the user is."""

from collections.abc import Mapping, Sequence

import msgspec

from schemas.records import Write
from streams.audience.tries import Followed, Rows
from streams.step.step import View

TABLE = "tried"

_decode = msgspec.msgpack.Decoder(Followed).decode


def rows_of(view: View, key: bytes, users: Sequence[str]) -> Rows:
    """The rows of those who have one; `key`: of the notification."""
    values = view.get_many(TABLE, [_row_key(key, user) for user in users])
    return {user: _decode(value) for user, value in zip(users, values, strict=True) if value is not None}


def writes(key: bytes, rows: Mapping[str, Followed | None]) -> list[Write]:
    """Rows as they are now; None: no more."""
    return [Write(TABLE, _row_key(key, user), msgspec.msgpack.encode(row) if row else None) for user, row in rows.items()]


def _row_key(key: bytes, user: str) -> bytes:
    return key + b"\0" + user.encode()
