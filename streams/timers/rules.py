"""What is kept of timers, in which order, and what becomes of it. Pure.

A table key is a timer's id. A value begins with the time it is due (8 bytes, big-endian): the order of places is the order of firing.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import msgspec

from schemas.errors import RecordRefused
from schemas.records import Output, SetTimer, Write
from streams.step.model import Effects

TABLE = "timers"
DUE_BYTES = 8
NEVER = b"\xff" * DUE_BYTES
"""After the place of every timer there can be."""
APPLIED = b"\0"
"""The key of a row that is no timer: up to which offset the input is in the table."""
MAX_ID = 200


class TimerUnfit(RecordRefused):
    """A timer that could not be kept, or whose record could never be written."""

    reason = "timer_unfit"


class Setting(NamedTuple):
    """The last word on a timer. `row`: None when it is taken back."""

    due: int
    write: Output | None = None
    row: bytes | None = None


def check(timer: SetTimer, topics: Collection[str], partitions: int) -> None:
    """Raises TimerUnfit for a timer that would stop its partition: without a good id or time, or with a record for a topic or
    partition that there is not.
    """
    if not 0 < len(timer.timer_id) <= MAX_ID or not timer.timer_id.isprintable():
        raise TimerUnfit(f"timer_id {timer.timer_id[:MAX_ID]!r}: 1 to {MAX_ID} printable characters")
    if timer.due < 0:
        raise TimerUnfit(f"timer {timer.timer_id}: due at {timer.due}: before there was a time")
    if timer.write and timer.write.topic not in topics:
        raise TimerUnfit(f"timer {timer.timer_id}: no such topic: {timer.write.topic[:MAX_ID]!r}")
    if timer.write and not -1 <= timer.write.partition < partitions:
        raise TimerUnfit(f"timer {timer.timer_id}: no such partition: {timer.write.partition} (there are {partitions})")


def place_at(due: int) -> bytes:
    """Before the places of all timers that are due at this time (epoch ms) or later, after all earlier ones."""
    return due.to_bytes(DUE_BYTES, "big")


def due_of(place: bytes) -> int | None:
    """When a timer is due, by its place or its row (epoch ms); None for what is no timer."""
    return None if place[:DUE_BYTES] == NEVER else int.from_bytes(place[:DUE_BYTES], "big")


def setting_of(timer: SetTimer) -> Setting:
    """What a record says, with the row to be kept."""
    if timer.write is None:
        return Setting(timer.due)
    return Setting(timer.due, timer.write, place_at(timer.due) + msgspec.msgpack.encode(timer.write))


def written_by(row: bytes) -> Output:
    """The record in a timer's row."""
    return _DECODER.decode(memoryview(row)[DUE_BYTES:])


def applied_row(offset: int) -> bytes:
    """The row that says that the table has the input up to `offset`."""
    return NEVER + str(offset).encode()


def applied_in(row: bytes | None) -> int:
    """What it says; -1 when there is none."""
    return int(row[DUE_BYTES:]) if row else -1


def settle(wanted: Mapping[bytes, Setting], known: Sequence[bytes | None], now: int) -> Effects:
    """What to do about the last word on each timer: keep it, move it, forget it, or write its record at once when it is due.

    `known`: the row of each, None where there is none.
    """
    effects = Effects()
    for (key, setting), row in zip(wanted.items(), known, strict=True):
        if setting.write and setting.due <= now:
            effects.outputs.append(setting.write)
        kept = setting.row if setting.due > now else None
        if kept != row:
            effects.writes.append(Write(TABLE, key, kept))
    return effects


def fire(keys: Sequence[bytes], rows: Sequence[bytes | None]) -> Effects:
    """Write the records of timers that are due, in order, and forget those timers."""
    return Effects([written_by(row) for row in rows if row is not None], [Write(TABLE, key) for key in keys])


_DECODER = msgspec.msgpack.Decoder(Output)
