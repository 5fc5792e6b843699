"""When messages may be put on the wire to a provider account, so that its limit holds, and how many may be on their way there. Pure.

- **No second has more than the limit.** What went is remembered for a second and `REACH_MS`, and no such time has more than a second's
  worth. So whatever is late before this, and however late the process wakes up, no second at the provider has more, as long as requests
  take no more than `REACH_MS` longer to arrive than others.
- **Evenly.** n messages push the next ones n intervals away. Who was kept from sending may catch up for `LATE_MS`; older time is lost.
- **The wire is not idle while anything waits**: what is to be on it within `AHEAD_MS` is let through to be read and intended.

A worker has the share of the account's limit that it has of the partitions, so the sum of all workers is never over it, and nobody need be
asked.

**Adaptive.** When a provider says that it is too much, the rate falls to `DOWN` of what it was, once a second at most, and nothing is sent
for as long as it asked; then it rises again by `UP` of the limit a second.
"""

from collections import deque

import msgspec

REACH_MS = 20.0
LATE_MS = 300.0
AHEAD_MS = 300.0
DOWN, UP, LEAST = 0.7, 0.02, 0.05
SECOND_MS = 1_000.0
PARTS = 50
"""Requests a second at the limit, at least: a request of more messages would be a burst."""
SLICES = 10
"""Intents a second at the limit, at least."""


class Pace(msgspec.Struct):
    """Of one account in one worker. `due`: when the next may go. `not_before`: what the provider asked for. `factor`: of the limit, since
    `changed`. `went`: what was put on the wire, and when, no longer ago than it counts; `recent`: how much that is. Times: epoch ms.
    """

    due: float = 0.0
    not_before: float = 0.0
    factor: float = 1.0
    changed: float = 0.0
    went: deque[tuple[float, int]] = msgspec.field(default_factory=deque)
    recent: int = 0


def wait_ms(pace: Pace, count: int, per_s: float | None, now: float) -> float:
    """How long `count` messages have to wait before they are put on the wire. `per_s` None: the account has no limit of its own."""
    asked = pace.not_before - now
    if per_s is None:
        return max(0.0, asked)
    window, most_in_it = _window(per_s)
    _forget(pace, now, window)
    over, clear = pace.recent + count - most_in_it, 0.0
    for at, sent in pace.went:
        if over <= 0:
            break
        over, clear = over - sent, at + window - now
    return max(0.0, asked, pace.due - now, clear)


def sent(pace: Pace, count: int, per_s: float | None, now: float) -> None:
    """Messages are put on the wire."""
    if per_s is None:
        return
    window, most_in_it = _window(per_s)
    pace.due = max(pace.due, now - LATE_MS) + count * window / most_in_it / factor_at(pace, now)
    pace.went.append((now, count))
    pace.recent += count


def throttled(pace: Pace, retry_after_ms: int, now: float) -> None:
    """The provider said that it was too much."""
    pace.not_before = max(pace.not_before, now + retry_after_ms)
    if now - pace.changed >= SECOND_MS or pace.factor >= 1.0:
        pace.factor, pace.changed = max(LEAST, factor_at(pace, now) * DOWN), now


def factor_at(pace: Pace, now: float) -> float:
    """What part of the limit is used at a time."""
    return min(1.0, pace.factor + UP * max(0.0, now - pace.changed) / SECOND_MS)


def request_size(per_s: float | None, size: int) -> int:
    """How many messages go in one request at most, of `size` that would fit."""
    return size if per_s is None else max(1, min(size, int(per_s / PARTS)))


def slice_size(per_s: float | None, size: int) -> int:
    """How many messages go under one intent at most, of `size` that would."""
    return size if per_s is None else max(1, min(size, int(per_s / SLICES)))


def ahead_size(per_s: float | None, size: int) -> int:
    """How many messages may be on their way to the wire, of `size` that would; one always."""
    return size if per_s is None else max(1, min(size, int(per_s * AHEAD_MS / SECOND_MS)))


def has_room(per_s: float | None, ahead: int, count: int) -> bool:
    """Whether `count` more messages may be on their way to the wire, where `ahead` are."""
    return per_s is None or not ahead or ahead + count <= per_s * AHEAD_MS / SECOND_MS


def _window(per_s: float) -> tuple[float, int]:
    """For how long (ms) it counts what went, and the most that may have: a second's worth; of less than one a second, one."""
    most_in_it = max(1, int(per_s))
    return max(1.0, 1.0 / per_s) * SECOND_MS + REACH_MS, most_in_it


def _forget(pace: Pace, now: float, window: float) -> None:
    """What went so long ago that it counts no more; all, where the clock was set back."""
    went = pace.went
    if went and went[-1][0] > now:
        pace.due, pace.recent = now, 0
        went.clear()
    while went and went[0][0] + window <= now:
        pace.recent -= went.popleft()[1]
