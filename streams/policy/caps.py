"""Caps: how much a user was told in this hour and this day, packed by bucket. Pure.

Windows are fixed, in UTC: the hour and the day that a decision falls in (ADR 0011). So across the boundary of two windows up to twice a cap
can come within one window's length. When another window begins, the counts of the last one drop out by themselves, also when a clock was
set back.

**A notification counts once for a user, however many channels it takes: a person is told once.**
- It counts at the decision, when any channel is to be sent: for the hour, the day, and its category's day. Critical ones never count. All
  others do, also those that are not bound by a limit: ten orders in an hour are reason enough not to tell of a sale.
- A user who is held (quiet hours) is not counted. What is held is one thing with all its channels, and counts when it is decided afresh on
  release.
- A further channel or attempt of what was counted (fallback, retry) is neither bound by caps nor counted again.
- It is given back when no channel is left on which it was or may be sent (`is_given_back`), with the time of the decision that counted it.
  One channel that fails while another is sent, is under way, or may have been sent (`unknown`) gives nothing back.
"""

from collections.abc import Iterable

import msgspec

from streams.policy.policy import CategoryPolicy, Policy
from streams.policy.table import OVER, reasons_of

HOUR_MS = 3_600_000
DAY_HOURS = 24
UNDER = ""
HOURLY_LIMIT, DAILY_LIMIT, CATEGORY_LIMIT, FREQUENCY_CAP = reasons_of(OVER)
NOT_TOLD = frozenset({"suppressed", "failed", "expired", "cancelled", "shed"})


class _Packed(msgspec.Struct, array_like=True, gc=False):
    """The hour (since the epoch), and columns by user: told in the hour, in its day, and in the day by category."""

    hour: int
    users: list[str]
    hours: list[int]
    days: list[int]
    categories: dict[str, list[int]]


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Packed).decode


class Counters:
    """What the users of one bucket were told in the hour and the day of a decision."""

    def __init__(self, packed: bytes | None, now: int) -> None:
        """`packed`: what `pack` gave at any time before, None: nothing. `now`: of the decision, epoch ms."""
        self._hour = now // HOUR_MS
        old = _decode(packed) if packed is not None else None
        if old is None or old.hour // DAY_HOURS != self._hour // DAY_HOURS:
            old = _Packed(self._hour, [], [], [], {})
        self._users, self._days, self._categories = old.users, old.days, old.categories
        self._hours = old.hours if old.hour == self._hour else [0] * len(old.users)
        self._rows = dict(zip(old.users, range(len(old.users)), strict=True))
        self.changed = False
        """Whether anything was counted or given back."""

    def pack(self) -> bytes | None:
        """As bytes; None: nothing is counted. Users who were given everything back are not in it."""
        if 0 in self._days:
            self._forget_those_who_were_told_nothing()
        if not self._users:
            return None
        return _encode(_Packed(self._hour, self._users, self._hours, self._days, self._categories))

    def over(self, user: str, binds: CategoryPolicy, policy: Policy, cap: int) -> str:
        """The first limit a user has reached of those that bind, as the reason not to send; UNDER (""): none.

        `cap`: the user's own, notifications an hour.
        """
        row = self._rows.get(user)
        hour, day = (self._hours[row], self._days[row]) if row is not None else (0, 0)
        if binds.hourly_limit and hour >= policy.an_hour:
            return HOURLY_LIMIT
        if binds.daily_limit and day >= policy.a_day:
            return DAILY_LIMIT
        if binds.category_limit and self._of_category(binds.name, row) >= binds.a_day:
            return CATEGORY_LIMIT
        return FREQUENCY_CAP if binds.frequency_cap and hour >= cap else UNDER

    def count(self, user: str, category: str) -> None:
        """One notification more."""
        self.changed = True
        row = self._rows.get(user)
        if row is None:
            row = self._add(user)
        self._hours[row] += 1
        self._days[row] += 1
        column = self._categories.get(category)
        if column is None:
            column = self._categories[category] = [0] * len(self._users)
        column[row] += 1

    def give_back(self, user: str, category: str, counted_at: int) -> None:
        """One less of what was counted at a time (epoch ms) in this hour, and in this day; nothing for other windows. Never below 0."""
        row, hour = self._rows.get(user), counted_at // HOUR_MS
        column = self._categories.get(category)
        if row is None or column is None or is_over(counted_at, self._hour * HOUR_MS) or not column[row]:
            return
        self.changed = True
        self._days[row] -= 1
        column[row] -= 1
        if hour == self._hour and self._hours[row]:
            self._hours[row] -= 1

    def _of_category(self, category: str, row: int | None) -> int:
        column = self._categories.get(category)
        return column[row] if column is not None and row is not None else 0

    def _add(self, user: str) -> int:
        row = self._rows[user] = len(self._users)
        self._users.append(user)
        self._hours.append(0)
        self._days.append(0)
        for column in self._categories.values():
            column.append(0)
        return row

    def _forget_those_who_were_told_nothing(self) -> None:
        told = [row for row, day in enumerate(self._days) if day]
        self._users = [self._users[row] for row in told]
        self._hours = [self._hours[row] for row in told]
        self._days = [self._days[row] for row in told]
        self._categories = {name: [column[row] for row in told] for name, column in self._categories.items()}
        self._rows = {user: row for row, user in enumerate(self._users)}


def is_over(counted_at: int, now: int) -> bool:
    """Whether all windows of what was counted at a time are over: nothing of it can be given back. Both epoch ms."""
    return counted_at // HOUR_MS // DAY_HOURS != now // HOUR_MS // DAY_HOURS


def is_given_back(statuses: Iterable[str]) -> bool:
    """Whether a count is given back; `statuses`: the latest of each channel the notification was counted for, for that user."""
    return NOT_TOLD.issuperset(statuses)
