"""Delivery at a local time: when it is that time where a recipient is. Pure.

A notification for a minute of the day is due **at the first instant, `not_before` or later, at which the wall clock shows that minute.** So
- in the middle of that minute it is due at once, and not tomorrow.
- clocks set back over the minute: it is shown twice that day; the first that is not too early counts.
- clocks set forward over it: it is not shown that day, and due at the instant they are set (02:00 becomes 03:00, and 02:30 was asked for:
  due at 03:00). But for a day that is left out as a whole (Apia, 30 December 2011): its minutes are shown the day after.

The zone is the recipient's when it is decided; one that the tz database does not know counts as UTC.
"""

from streams.policy.zones import ahead_ms, set_at

MINUTE_MS = 60_000
DAY_MS = 1440 * MINUTE_MS
LONGEST_DAY_MS = DAY_MS + 180 * MINUTE_MS
"""From a minute of the day to the next one of that name, where clocks are set back furthest (Casey: three hours)."""


def local_due(zone: str, minute: int, not_before: int) -> int:
    """When a minute of the day (0-1439) comes in a zone, from `not_before` on; both times epoch ms."""
    wanted = minute * MINUTE_MS
    at, ahead = not_before, ahead_ms(zone, not_before)
    while (at + ahead - wanted) % DAY_MS >= MINUTE_MS:
        shown = at + (wanted - at - ahead) % DAY_MS  # by the clock as it is set now
        if ahead_ms(zone, shown) == ahead:
            return shown
        at = set_at(zone, at, shown)
        before, ahead = ahead, ahead_ms(zone, at)
        if (wanted - at - before) % DAY_MS < ahead - before < DAY_MS:
            return at
    return at


def all_due(occurred_at: int, not_before: int | None, local_minute: int | None) -> int:
    """By when everybody's time has come (epoch ms): what may be too late later is counted from here."""
    since = max(occurred_at, not_before or 0)
    return since if local_minute is None else since + LONGEST_DAY_MS
