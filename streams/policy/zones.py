"""The wall clock of a zone: how far it is ahead of UTC, and when it is set. Pure.

A zone that the tz database does not know counts as UTC: better some hours off than nothing at all.
"""

from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo


def ahead_ms(zone: str, at: int) -> int:
    """How far the wall clock is ahead of UTC at a time (epoch ms), in ms."""
    ahead = datetime.fromtimestamp(at // 1000, _zone(zone)).utcoffset()
    return 0 if ahead is None else (ahead.days * 86_400 + ahead.seconds) * 1000


def set_at(zone: str, before: int, after: int) -> int:
    """The instant between two (epoch ms), less than a day apart, from which the clock is set otherwise than `before`.

    No zone was ever set, or will be, twice within a day; the tz database has no two changes closer than four.
    """
    offset = ahead_ms(zone, before)
    low, high = before // 1000, -(-after // 1000)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if ahead_ms(zone, middle * 1000) == offset else (low, middle)
    return high * 1000


@lru_cache(4096)
def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        return UTC
