"""Quiet hours: until when a user is not to be disturbed, and when what waited for that is released. Pure.

A window is in minutes of the wall clock where the user is; it may pass midnight, and one whose start is its end is none. **It is quiet as
long as the wall clock shows a time inside the window**, its start included, its end not. The release is the first instant at which it does
not. So
- clocks set forward over the window's end: released at that instant (02:00 becomes 03:00, and 02:30 was the end). Over all of the window:
  no quiet that day. Over its start: quiet from that instant.
- clocks set back over the window's end: an hour that comes twice is inside the window twice. It may be quiet, then not, then quiet again;
  who is released in between and still waits when it is quiet again is held again.
- a later `now` never has an earlier release.

The zone is the user's at the decision; whoever moves while something is held is decided afresh on release. A zone that the tz database does
not know counts as UTC: better some hours off than no quiet at all.
"""

from datetime import UTC, datetime
from typing import NamedTuple
from zlib import crc32

from schemas.records import QuietHours
from streams.policy.zones import ahead_ms, set_at

MINUTE_MS = 60_000
DAY_MS = 86_400_000
_SPANS = 65_536
"""Zones and windows that are remembered, at some hundred bytes each."""


class _Span(NamedTuple):
    """From `since` to `upto` the wall clock shows only times inside the window, or (not `quiet`) none."""

    since: int
    upto: int
    quiet: bool


_spans: dict[tuple[str, int, int], _Span] = {}


def quiet_until(zone: str, window: QuietHours | None, now: int) -> int | None:
    """The first instant (epoch ms) after `now` at which it is not quiet; None: it is not quiet now.

    Whole chunks are asked with one `now`, so the stretch of time an answer holds for is remembered by zone and window.
    """
    if window is None:
        return None
    key = (zone, window.start_minute, window.end_minute)
    span = _spans.get(key)
    if span is None or not span[0] <= now < span[1]:
        if len(_spans) >= _SPANS:
            _spans.clear()
        span = _spans[key] = _span(*key, now)
    return span[1] if span[2] else None


def in_words(at: int) -> str:
    """A time (epoch ms) as it is told: ISO 8601 in UTC, to the second."""
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="seconds")


def release_at(until: int, window: QuietHours, spread_ms: int, seed: str, expires_at: int | None) -> int | None:
    """When what was held `until` the end of a window is released (epoch ms); None: it would expire before, and is suppressed.

    Those with other seeds are released at other whole seconds of the next `spread_ms`; of fewer when it expires, or is quiet again, before.
    """
    if expires_at is not None and until >= expires_at:
        return None
    awake_ms = DAY_MS - (window.end_minute - window.start_minute) * MINUTE_MS % DAY_MS
    room_ms = min(spread_ms, awake_ms, expires_at - until if expires_at is not None else spread_ms)
    return until + crc32(seed.encode()) % max(1, room_ms // 1000) * 1000


def _span(zone: str, start_minute: int, end_minute: int, now: int) -> _Span:
    """From `now` to where it begins or ends to be quiet."""
    start, end = start_minute * MINUTE_MS, end_minute * MINUTE_MS
    if (end - start) % DAY_MS == 0:
        return _Span(now, now + DAY_MS, False)
    at, offset = now, ahead_ms(zone, now)
    quiet = _inside(start, end, at + offset)
    while True:
        edge = at + ((end if quiet else start) - at - offset) % DAY_MS  # by the clock as it is set now
        if ahead_ms(zone, edge) == offset:
            return _Span(now, edge, quiet)
        at = set_at(zone, at, edge)
        offset = ahead_ms(zone, at)
        if _inside(start, end, at + offset) != quiet:
            return _Span(now, at, quiet)


def _inside(start: int, end: int, wall: int) -> bool:
    return (wall - start) % DAY_MS < (end - start) % DAY_MS
