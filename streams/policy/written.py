"""A policy as it is written in a file: its names and types. What they mean is said in default.yaml. Pure."""

import re
from typing import Annotated, Any

import msgspec

UNITS_MS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000}
"""Of lengths of time, the longest first."""
_SPAN = re.compile(r"([1-9][0-9]{0,5})([smhd])")
Count = Annotated[int, msgspec.Meta(ge=0)]


class Span:
    """A length of time: 90s, 5m, 6h, 7d."""

    def __init__(self, ms: int) -> None:
        self.ms = ms


class _Written(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A part of the file, by the names it has there."""


class WrittenRetry(_Written, frozen=True):
    during: Span = msgspec.field(name="for")
    first: Span
    most: Span


class WrittenRoute(_Written, frozen=True):
    every: list[str] = msgspec.field(name="all", default_factory=list)
    first: list[str] = []
    after: Span | None = None


class WrittenRoutes(_Written, frozen=True):
    critical: WrittenRoute | None = None
    high: WrittenRoute | None = None
    normal: WrittenRoute | None = None
    low: WrittenRoute | None = None
    others: WrittenRoute | None = None


class WrittenDigest(_Written, frozen=True):
    window: Span
    count: Annotated[int, msgspec.Meta(ge=2)] | None = None
    first: str = "wait"
    daily: bool = False


class WrittenCategory(_Written, frozen=True, kw_only=True):
    binds: list[str]
    in_quiet_hours: str | None = None
    a_day: Count
    expires_after: Span | None = None
    resend_unknown: bool
    retry: WrittenRetry
    channels: WrittenRoutes
    digest: WrittenDigest | None = None
    shed_over: Span | None = None


class WrittenUser(_Written, frozen=True):
    an_hour: Count
    a_day: Count


class WrittenCritical(_Written, frozen=True):
    retry: WrittenRetry


class WrittenFile(_Written, frozen=True):
    user: WrittenUser
    release_within: Span
    critical: WrittenCritical
    categories: dict[str, Any]


def span(kind: type, raw: object) -> Span:
    """A Span from text, for msgspec. Raises ValueError."""
    found = _SPAN.fullmatch(raw) if isinstance(raw, str) else None
    if kind is not Span or found is None:
        raise ValueError(f"Expected a length of time such as 90s, 5m, 6h or 7d, got {raw!r}")
    return Span(int(found[1]) * UNITS_MS[found[2]])
