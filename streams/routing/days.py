"""How many messages of a UTC day an account may still be sent, by one partition of one role. Pure.

The limit is cut into whole messages by partition, so nobody need be asked. What is taken counts from then on, whether or not it arrives;
what is taken in the last `LATE_MS` of a day may arrive in the next one, and counts in both.
"""

import msgspec

DAY_MS = 86_400_000
LATE_MS = 60_000
"""Longer than anything takes from its intent to the provider."""


class Used(msgspec.Struct, frozen=True, array_like=True):
    """Messages taken in a day (days since the epoch), and how many of them late."""

    day: int = 0
    count: int = 0
    late: int = 0


def used_at(used: Used, now: int) -> Used:
    """The same at `now` (epoch ms)."""
    day = now // DAY_MS
    if used.day >= day:
        return used
    return Used(day, used.late if used.day == day - 1 else 0)


def taken(used: Used, wanted: int, quota: int, now: int) -> tuple[Used, int]:
    """What is used when messages are taken, and how many are: as many as there are left."""
    used = used_at(used, now)
    granted = max(0, min(wanted, quota - used.count))
    late = granted if until_next_ms(now) <= LATE_MS else 0
    return Used(used.day, used.count + granted, used.late + late), granted


def given_back(used: Used, count: int, day: int) -> Used:
    """What is used when some that were taken on a day were certainly not sent. What was late stays so."""
    return Used(used.day, max(used.late, used.count - count), used.late) if used.day == day else used


def more(one: Used, other: Used) -> Used:
    """The later of two, of one day the larger."""
    return max(one, other, key=lambda used: (used.day, used.count, used.late))


def until_next_ms(now: int) -> int:
    """Until the next day begins."""
    return DAY_MS - now % DAY_MS
