"""What the picture shows, from what was heard. Pure. Times are seconds since the play began."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from ops.cli.tally import Counts
from ops.demo.heard import Point
from schemas.records import StatusBatch

CRITICAL = "critical"
PUSH = "push"


class Latency(NamedTuple):
    """One push to one user: when its row was committed (s), how long until the provider had it (ms), and whether it was urgent."""

    at_s: float
    ms: int
    urgent: bool


class Pictured(msgspec.Struct, kw_only=True):
    """`stages`: by name, recipients in each `bin_s` seconds. `sale`, `restart`: (begin, end), None when it did not happen."""

    title: str
    funnel: Counts
    stages: dict[str, list[float]]
    bin_s: float
    latencies: list[Latency]
    sale: tuple[float, float] | None
    restart: tuple[float, float] | None


def rates(points: Iterable[Point], start_ms: int, bins: int, bin_s: float) -> list[float]:
    """Recipients per second, by bin."""
    found = [0.0] * bins
    for at, recipients in points:
        index = int((at - start_ms) / 1000 / bin_s)
        if 0 <= index < bins:
            found[index] += recipients / bin_s
    return found


def growth(points: Sequence[Point]) -> list[Point]:
    """What each sample of a running total added, spread over the time since the sample before."""
    found: list[Point] = []
    for before, now in zip(points, points[1:], strict=False):
        steps = max(1, (now.at - before.at) // 50)
        found += [Point(before.at + i * (now.at - before.at) // steps, (now.recipients - before.recipients) // steps) for i in range(steps)]
    return found


def latencies(batches: Iterable[StatusBatch], start_ms: int) -> list[Latency]:
    """Of every push to a single user that was sent."""
    return [
        Latency(
            (batch.notification.occurred_at - start_ms) / 1000,
            max(1, batch.at - batch.notification.occurred_at),
            batch.notification.priority == CRITICAL,
        )
        for batch in batches
        if batch.channel == PUSH and len(batch.users) == 1 and batch.outcomes[0].status == "sent"
    ]


def quantile(values: Sequence[float], share: float) -> float:
    """The nearest-rank quantile; 0 of nothing."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def span(bounds: tuple[float, float] | None, start_s: float) -> tuple[float, float] | None:
    """A (begin, end) of the wall clock as seconds since the play began."""
    return (bounds[0] - start_s, bounds[1] - start_s) if bounds else None
