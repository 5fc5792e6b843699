"""Generated histories of quiet hours: nights around a moment at which the clock is set, with an oracle that looks at each minute."""

import zoneinfo
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from schemas.records import QuietHours
from streams.policy.quiet import quiet_until, release_at
from tests.generated import numbers, play_all

MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
ZONES = sorted(zone for zone in zoneinfo.available_timezones() if not zone.startswith(("right/", "posix/", "localtime", "Factory")))
ODD = (
    "Australia/Lord_Howe", "Pacific/Kiritimati", "Africa/Casablanca", "Antarctica/Troll", "Pacific/Apia", "Europe/Dublin", "Asia/Gaza",
    "Asia/Pyongyang", "America/Caracas", "Africa/Monrovia", "America/Scoresbysund", "Asia/Kathmandu", "America/St_Johns",
)  # fmt: skip
"""Half an hour of summer, a day that was left out, no summer in Ramadan, two hours, a change of 30 minutes, seconds, ..."""
SINCE, UNTIL = datetime(1973, 1, 1, tzinfo=UTC), datetime(2037, 1, 1, tzinfo=UTC)
"""From 1973 on every zone is whole minutes from UTC, so that to look at each minute is enough."""
OLD = datetime(1900, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class History:
    """Asked about a window at `starts` and after each of these waits (ms; below 0: an older question). All times epoch ms."""

    zone: str
    starts: int
    window: QuietHours
    waits: list[int]
    spread_ms: int
    expires_after_ms: int | None


def ahead_of(zone: str, at: int) -> timedelta:
    return datetime.fromtimestamp(at // 1000, zoneinfo.ZoneInfo(zone)).utcoffset() or timedelta()


def next_change(zone: str, at: int) -> int | None:
    """When the clock is set next, in a year or so; no zone sets it twice within three days."""
    days, ahead = 3 * DAY_MS, ahead_of(zone, at)
    for high in range(at + days, at + 400 * DAY_MS, days):
        if ahead_of(zone, high) != ahead:
            low = high - days
            while high - low > 1000:
                middle = (low + high) // 2
                low, high = (middle, high) if ahead_of(zone, middle) == ahead_of(zone, low) else (low, middle)
            return high // 1000 * 1000
    return None


def wall_minute(zone: str, at: int) -> int:
    wall = datetime.fromtimestamp(at // 1000, zoneinfo.ZoneInfo(zone))
    return wall.hour * 60 + wall.minute


_SPREADS = (0, 1_000, 60_000, 900_000, 86_400_000)


def _history(zone: str, begin: datetime, hours: int, beside: int, ends: int, more: int) -> History:
    """Most are about the next change of the clock after so many hours: when it is asked, and both ends of the window, are near it."""
    at = int(begin.timestamp() * 1000) + hours * HOUR_MS
    near, beside = beside % 4 > 0, beside // 4
    start, end = ends // 1440 % 1440, ends % 1440
    change = next_change(zone, at)
    if change is not None:
        at, wall = change, wall_minute(zone, change)
        start = (wall + start % 240 - 120) % 1440 if start % 2 else start
        end = (wall + end % 240 - 120) % 1440 if end % 2 else end
    reach = 90 * MINUTE_MS if near else DAY_MS
    at += beside * 997 % (2 * reach) - reach
    more, spread = divmod(more, len(_SPREADS))
    more, waits = divmod(more, 3)
    expires_after_ms = None if more % 3 == 0 else more * 31 % (DAY_MS // 1000) * 1000
    return History(
        zone, at, QuietHours(start, end), [more * 7919 * n % DAY_MS - HOUR_MS for n in range(1, waits)], _SPREADS[spread], expires_after_ms
    )


def _drawn(zones: Sequence[str], begin: datetime, end: datetime) -> st.SearchStrategy[History]:
    hours = numbers.map(lambda number: number % ((end - begin) // timedelta(hours=1)))
    return st.builds(_history, st.sampled_from(zones), st.just(begin), hours, numbers, numbers, numbers)


histories = _drawn((*ZONES, *ODD * (len(ZONES) // len(ODD))), SINCE, UNTIL)
old_histories = _drawn(ZONES, OLD, SINCE)


def shows_inside(history: History, at: int) -> bool:
    """The oracle: whether the clock on the wall shows a time inside the window."""
    minute = wall_minute(history.zone, at)
    start, end = history.window.start_minute, history.window.end_minute
    return start <= minute < end if start <= end else minute >= start or minute < end


def first_outside(history: History, now: int, step_ms: int) -> int | None:
    """The oracle: looks at the wall every so many ms until it shows a time outside."""
    if not shows_inside(history, now):
        return None
    at = now // step_ms * step_ms + step_ms
    while shows_inside(history, at):
        at += step_ms
    return at


def play(history: History, step_ms: int = MINUTE_MS) -> None:
    """Ask, wait, ask again; then release. Raises AssertionError at the first difference."""
    at = history.starts
    for wait in (0, *history.waits):
        at += wait
        until = quiet_until(history.zone, history.window, at)
        assert until == first_outside(history, at, step_ms), f"asked at {at}"
        if until is not None:
            _release(history, until, at)
            at = until
            assert quiet_until(history.zone, history.window, until) is None
            assert quiet_until(history.zone, history.window, until - 1) == until


def _release(history: History, until: int, at: int) -> None:
    expires_at = None if history.expires_after_ms is None else at + history.expires_after_ms
    release = release_at(until, history.window, history.spread_ms, history.zone, expires_at)
    if release is None:
        assert expires_at is not None
        assert until >= expires_at
        return
    assert (release - until) % 1000 == 0
    assert until <= release <= until + history.spread_ms
    assert expires_at is None or release < expires_at
    assert release == release_at(until, history.window, history.spread_ms, history.zone, expires_at)


def run(number: int, *, derandomize: bool) -> int:
    """Play that many; one more of a hundred is of the years before 1973, and looked at second by second."""
    old = play_all(old_histories, lambda history: play(history, 1000), -(-number // 100), derandomize=derandomize)
    return old + play_all(histories, play, number, derandomize=derandomize)
