"""Of what was counted towards caps: on which channels it ended without anybody told, and of whom it is given back. Pure.

A row is of one decision (a notification, and the offset of the command it was decided by) and not of each user: when a provider is down a
campaign of a million writes a few thousand, and a channel that was had is known for all its users at once.
"""

import msgspec

from schemas.records import SendsEnded

TABLE = "ended"


class Ended(msgspec.Struct, frozen=True, array_like=True):
    """One decision: the channels whose ends were had, and on how many more users have to end so until it is given back of them."""

    channels: tuple[str, ...] = ()
    left: dict[str, int] = {}


def ended(known: Ended, told: SendsEnded) -> tuple[Ended, list[str]]:
    """The row after one channel of a decision ended for some, and whom it is given back of: those with no channel left.

    The same row, and nobody, when that channel's ends were had before.
    """
    if told.channel in known.channels:
        return known, []
    left, back = dict(known.left), []
    for user, counted_on in zip(told.users, told.counted_on, strict=True):
        more = left.pop(user, counted_on) - 1
        if more > 0:
            left[user] = more
        else:
            back.append(user)
    return Ended((*known.channels, told.channel), left), back


def key_of(told: SendsEnded) -> bytes:
    """Where the row of a decision is."""
    return told.notification_id.encode() + b"\0" + told.fanout_offset.to_bytes(8, "big", signed=True)
