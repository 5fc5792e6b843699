"""Times as people read them. Pure."""

from datetime import UTC, datetime


def clock(at: int | None) -> str:
    """Epoch ms as `2026-01-31 12:00:00.123` in UTC; "-" for none."""
    if at is None:
        return "-"
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


def of_day(minute: int) -> str:
    """A minute of the day as `09:05`."""
    return f"{minute // 60:02}:{minute % 60:02}"


def age(ms: int) -> str:
    """A span as `850 ms`, `4.2 s`, `3 min`, `5 h` or `2 d`."""
    if ms < 1000:
        return f"{ms} ms"
    seconds = ms / 1000
    for limit, size, unit in ((60, 1, "s"), (3600, 60, "min"), (86_400, 3600, "h")):
        if seconds < limit:
            return f"{seconds / size:.1f} {unit}" if size == 1 else f"{seconds / size:.0f} {unit}"
    return f"{seconds / 86_400:.0f} d"
