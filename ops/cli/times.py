"""Times as people read and write them. Pure."""

from datetime import UTC, datetime

from ops.cli.errors import BadRequest

UNITS_MS = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


def moment(option: str, text: str, now: int) -> int:
    """`90m` before `now` (epoch ms), or an ISO 8601 time (UTC unless it says otherwise), as epoch ms. Raises BadRequest."""
    if text[:-1].isdecimal() and text[-1:] in UNITS_MS:
        return now - int(text[:-1]) * UNITS_MS[text[-1]]
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadRequest(f"{option} {text}: a time like 2026-01-31T12:00, or a span like 90m, 2h, 1d") from error
    return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)


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
