"""Users of a notification that tries its channels one after the other: what becomes of their rows, and who is tried where next. Pure.

The first command is decided on the route's first channel, and every further channel is a *try*: a command of its own, with an id of its
own, that is decided like any other on that channel alone. A row says which channel a user is at; it is there from the first
decision until the user is handed to the last channel, or it is over (`streams.routing.rules`).
"""

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

import msgspec

from schemas import ids
from schemas.records import ChannelEnded, ChannelOverdue, DeliverBatch, ExpandAudience, Notification, StatusBatch
from streams.audience.own import Own, column, own_of
from streams.policy.policy import Policy, Route
from streams.routing.rules import Next, Tried, begun, fired, handed, route_of, told


class Followed(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A row. `counted`: its caps were (a person is told once, on however many channels). `partitions`: as in its commands."""

    tried: Tried
    counted: bool
    partitions: int
    data: dict[str, str] = {}
    """The user's own."""


Rows = Mapping[str, Followed]
"""By user."""


class After(NamedTuple):
    """The rows that change (None: no more), the commands of the tries, and by time (epoch ms) who has until then on this channel."""

    rows: dict[str, Followed | None]
    tries: list[ExpandAudience]
    waiting: dict[int, list[str]]


def first_route(command: ExpandAudience, policy: Policy) -> Route | None:
    """The route of a command whose notification tries its channels one after the other. Raises UnknownCategory."""
    route = route_of(command.notification, policy.of(command.notification))
    return route if route.first else None


def channels_of(command: ExpandAudience, route: Route) -> tuple[str, ...]:
    """The channels a command is decided on: its own, else the first of a route that tries one after the other, else all of the route."""
    return tuple(dict.fromkeys(command.channels or (route.channels[:1] if route.first else route.channels)))


def uncounted(command: ExpandAudience, route: Route, users: Iterable[str], rows: Rows) -> set[str]:
    """Whom caps have not counted for the notification. Who has no row, and is on a further channel, was handed to another before."""
    fresh = _begins(command, route)
    return {user for user in users if (not rows[user].counted if user in rows else fresh)}


def given_up(command: ExpandAudience, route: Route, users: Iterable[str], rows: Rows) -> set[str]:
    """Who was to be tried again on this channel, and was delivered to, or is tried on another, by now. Of the last channel nobody is: who
    was handed to it has no row.
    """
    channels = channels_of(command, route)
    if not command.attempts or channels == route.channels[-1:]:
        return set()
    return {user for user in users if user not in rows or (rows[user].tried.channel,) != channels}


def decided(
    command: ExpandAudience,
    route: Route,
    batches: Collection[DeliverBatch],
    statuses: Collection[StatusBatch],
    rows: Rows,
    partition: int,
    now: int,
) -> After:
    """After a command was decided, at `now` (epoch ms): who was handed over has some time, who was refused is tried on the next channel."""
    (channel,) = channels_of(command, route)
    fresh = begun(route, command.notification.expires_at) if _begins(command, route) else None
    after, own = _Collected(command.notification, channel, rows), own_of(command.users, command.data)
    for user in [user for batch in batches for user in batch.users]:
        state = _at(channel, user, rows, fresh)
        if state is not None:
            due = handed(state, now)
            after.keep(user, None if due is None else Followed(state, counted=True, partitions=command.partitions, data=own.get(user, {})))
            if due is not None:
                after.waiting.setdefault(due, []).append(user)
    for status in statuses:
        for user, number in zip(status.users, status.outcome_of, strict=True):
            state = _at(channel, user, rows, fresh)
            if state is not None:
                row = rows.get(user) or Followed(state, counted=False, partitions=command.partitions, data=own.get(user, {}))
                after.move(user, row, told(state, channel, status.outcomes[number], now))
    return after.result(partition)


def ended(record: ChannelEnded, rows: Rows, partition: int, now: int) -> After:
    """After delivery told what became of some."""
    after = _Collected(record.notification, record.channel, rows)
    for user, number in zip(record.users, record.outcome_of, strict=True):
        if user in rows:
            after.move(user, rows[user], told(rows[user].tried, record.channel, record.outcomes[number], now))
    return after.result(partition)


def overdue(record: ChannelOverdue, rows: Rows, partition: int, now: int) -> After:
    """After the time of a channel."""
    after = _Collected(record.notification, record.channel, rows)
    for user in record.users:
        if user in rows:
            after.move(user, rows[user], fired(rows[user].tried, record.channel, now))
    return after.result(partition)


class _Collected:
    """What the users of one record come to."""

    def __init__(self, notification: Notification, channel: str, known: Rows) -> None:
        self._notification, self._channel, self._known = notification, channel, known
        self._rows: dict[str, Followed | None] = {}
        self._tries: dict[tuple[str, int], dict[str, dict[str, str]]] = {}
        """Users and data of their own, by the next channel."""
        self.waiting: dict[int, list[str]] = {}

    def keep(self, user: str, row: Followed | None) -> None:
        if row != self._known.get(user):
            self._rows[user] = row

    def move(self, user: str, row: Followed, after: Next) -> None:
        if after.state == row.tried:
            return  # also of who is held, and has none yet: it begins with the release
        self.keep(user, msgspec.structs.replace(row, tried=after.state) if after.state is not None else None)
        if after.try_:
            self._tries.setdefault((after.try_, row.partitions), {})[user] = row.data

    def result(self, partition: int) -> After:
        tries = [self._try(partition, channel, partitions, users) for (channel, partitions), users in self._tries.items()]
        return After(self._rows, tries, self.waiting)

    def _try(self, partition: int, channel: str, partitions: int, own: Own) -> ExpandAudience:
        about, users = self._notification, list(own)
        return ExpandAudience(
            notification=about,
            users=users,
            data=column(own, users),
            last=False,
            partitions=partitions,
            hold_id=ids.try_id(about.notification_id, partition, channel, users),
            channels=[channel],
            tried=self._channel,
        )


def _begins(command: ExpandAudience, route: Route) -> bool:
    return not command.tried and not command.attempts and channels_of(command, route) == route.channels[:1]


def _at(channel: str, user: str, rows: Rows, fresh: Tried | None) -> Tried | None:
    """Where a user is who is decided on a channel; None: not followed (any more)."""
    if user not in rows:
        return fresh
    return rows[user].tried if rows[user].tried.channel == channel else None
