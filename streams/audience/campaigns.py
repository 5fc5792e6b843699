"""The table of campaigns under control, and what it takes to keep a command, to write it again, and to write it later.

Under a notification's id is its state in this partition; under that id, a zero byte and a mark is a command that is held, as it arrived.
"""

import msgspec

from schemas import ids
from schemas.codec import Codec
from schemas.records import ExpandAudience, Output, SetTimer, Write
from streams.audience.control import UNCONTROLLED, Campaign, held, mark_of, owed
from streams.step.model import Effects, Input, back_to
from streams.step.step import View
from streams.timers.outputs import timer_output

TABLE = "campaigns"
KIND = "rate"
"""Of the timers of commands that wait for their turn."""


def campaign_of(view: View, key: bytes) -> Campaign:
    """The state of a notification."""
    value = view.get(TABLE, key)
    return msgspec.msgpack.decode(value, type=Campaign) if value is not None else UNCONTROLLED


def put(key: bytes, campaign: Campaign) -> Write:
    """Remember the state."""
    return Write(TABLE, key, msgspec.msgpack.encode(campaign))


def keep(codec: Codec, key: bytes, known: Campaign, command: ExpandAudience, record: Input) -> Effects:
    """Hold a command until it is written again; it loses its turn."""
    value = codec.encode(msgspec.structs.replace(command, not_before=0)) if command.not_before else record.value
    mark = mark_of(command)
    return Effects(writes=[Write(TABLE, _held_key(key, mark), value), put(key, held(known, mark))])


def release(view: View, key: bytes, known: Campaign, record: Input) -> tuple[Campaign, Effects]:
    """Write the first command that is held again, to where `record` came from; nothing when none is."""
    for mark in known.held:
        place = _held_key(key, mark)
        value = view.get(TABLE, place)
        if value is not None:  # else it waited longer than the table keeps it
            return owed(known, mark), Effects([back_to(record, key, value)], [Write(TABLE, place, None)])
    return known, Effects()


def later(codec: Codec, key: bytes, command: ExpandAudience, record: Input) -> Output:
    """The timer that writes a command when it is its turn, to where `record` came from."""
    timer = ids.turn_id(command.notification.notification_id, record.partition, mark_of(command))
    return timed(codec, SetTimer(timer, command.not_before, KIND), key, command, record)


def timed(codec: Codec, timer: SetTimer, key: bytes, command: ExpandAudience, record: Input) -> Output:
    """The timer, to write a command to where `record` came from."""
    write = back_to(record, key, codec.encode(command))
    return timer_output(codec, msgspec.structs.replace(timer, write=write), record.partition)


def _held_key(key: bytes, mark: str) -> bytes:
    return key + b"\0" + mark.encode()
