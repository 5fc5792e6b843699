"""Who is held: grouped, so that each group is one timer and one command to decide afresh. Pure.

A hold is of the person, with all the channels that could be sent: those of a chunk who have the same time and the same channels are one.
When there are more groups than may be written at once, some are released with an earlier one: they are decided afresh then, and held again.
"""

from collections.abc import Iterator, Mapping, Set
from typing import NamedTuple

import msgspec

from schemas import ids
from schemas.records import ExpandAudience, Notification
from streams.audience.own import Own, column, own_of

KIND = "hold"
"""Of the timers that release."""
BUDGET = 256 * 1024
"""Bytes of notifications in what one command's holds write: each hold's timer has one, and each of its statuses."""


class Until(NamedTuple):
    """When (epoch ms) people are released, and the channels they are held on."""

    release_at: int
    channels: tuple[str, ...]
    waits_for: str
    """Why: a reason of `policy.decision`."""


class Waiting(NamedTuple):
    """Columns of people who are held together."""

    users: list[str]
    offsets: list[int]


class Hold(NamedTuple):
    """People who are held; `command` is met when they are released, and has the hold's id."""

    until: Until
    command: ExpandAudience
    offsets: list[int]


def holds_of(command: ExpandAudience, mark: str, partition: int, groups: Mapping[Until, Waiting]) -> list[Hold]:
    """The holds of what a command came to, in order of their channels and times."""
    own = own_of(command.users, command.data)
    return [
        Hold(until, _release(command, mark, partition, until, waiting.users, own), waiting.offsets)
        for until, waiting in _merged(groups, limit_of(command.notification, max((len(until.channels) for until in groups), default=0)))
    ]


def limit_of(notification: Notification, channels: int) -> int:
    """How many holds one command may come to, beside one for each set of so many channels at most, and reason."""
    return max(1, BUDGET // (len(msgspec.msgpack.encode(notification)) * (1 + channels)))


def _release(command: ExpandAudience, mark: str, partition: int, until: Until, users: list[str], own: Own) -> ExpandAudience:
    hold, counted = ids.hold_id(command.notification.notification_id, partition, mark, *until), counted_of(command)
    return msgspec.structs.replace(
        command,
        users=users,
        expression="",
        cursor="",
        last=False,
        not_before=0,
        hold_id=hold,
        channels=list(until.channels),
        counted=[user in counted for user in users] if counted else [],
        tried="",
        data=column(own, users),
    )


def counted_of(command: ExpandAudience) -> Set[str]:
    """The users of a command for whom it was counted before."""
    return {user for user, counted in zip(command.users, command.counted, strict=False) if counted}


def _merged(groups: Mapping[Until, Waiting], limit: int) -> Iterator[tuple[Until, Waiting]]:
    """The groups; too many of them as runs of neighbours, each with the time of its first."""
    alike: dict[tuple[tuple[str, ...], str], list[Until]] = {}
    for until in sorted(groups):
        alike.setdefault((until.channels, until.waits_for), []).append(until)
    room = limit // len(alike) if alike else 0
    for untils in alike.values():
        length = -(-len(untils) // max(1, room))
        for start in range(0, len(untils), length):
            run = [groups[until] for until in untils[start : start + length]]
            users, offsets = [user for one in run for user in one.users], [offset for one in run for offset in one.offsets]
            yield untils[start], Waiting(users, offsets)
