"""When the next messages may be handed to a provider account, so that its limit holds. Pure.

Messages are spaced evenly: n of them push the next ones n intervals away, and time that was not used is lost. So in no second there are
more than a second's worth and one request, and requests are kept small beside that (`most`). A worker has the share of the account's limit
that it has of the partitions, so the sum of all workers is never over it, and nobody need be asked.

**Adaptive.** When a provider says that it is too much, the rate falls to `DOWN` of what it was, once a second at most, and nothing is sent
for as long as it asked; then it rises again by `UP` of the limit a second.
"""

import msgspec

SHARE = 0.97
"""Of the limit that is used: requests take unequal times to arrive, and none may be over it there."""
DOWN, UP, LEAST = 0.7, 0.02, 0.05
SECOND_MS = 1_000.0
PARTS = 50
"""Requests a second at the limit, at least: a request of more messages would be a burst."""


class Pace(msgspec.Struct, frozen=True, gc=False):
    """Of one account in one worker. `free_at`: when the next message may go. `factor`: of the limit, since `changed`. Times: epoch ms."""

    free_at: float = 0.0
    factor: float = 1.0
    changed: float = 0.0


def taken(pace: Pace, count: int, per_s: float | None, now: float) -> tuple[Pace, float]:
    """Messages are taken for sending: the pace after it, and how long they have to wait (ms). `per_s` None: it has no limit of its own."""
    begins = max(pace.free_at, now)
    if per_s is None:
        return pace, begins - now
    interval = SECOND_MS / (per_s * SHARE * factor_at(pace, now))
    return msgspec.structs.replace(pace, free_at=begins + count * interval), begins - now


def throttled(pace: Pace, retry_after_ms: int, now: float) -> Pace:
    """After the provider said that it was too much."""
    free_at = max(pace.free_at, now + retry_after_ms)
    if now - pace.changed < SECOND_MS and pace.factor < 1.0:
        return msgspec.structs.replace(pace, free_at=free_at)
    return Pace(free_at, max(LEAST, factor_at(pace, now) * DOWN), now)


def factor_at(pace: Pace, now: float) -> float:
    """What part of the limit is used at a time."""
    return min(1.0, pace.factor + UP * max(0.0, now - pace.changed) / SECOND_MS)


def most(per_s: float | None, size: int) -> int:
    """How many messages go together at most, of `size` that would fit."""
    return size if per_s is None else max(1, min(size, int(per_s / PARTS)))
