"""When messages may be put on the wire to a provider account, so that its limit holds, and how many may be on their way there. Pure.

- **No second has more than the limit.** What went is remembered for a second and `REACH_MS`, and no such time has more than a second's
  worth. So whatever is late before this, and however late the process wakes up, no second at the provider has more, as long as requests
  take no more than `REACH_MS` longer to arrive than others. What is answered later than the fastest may have arrived as much later, and is
  remembered for as much longer, as is what was not answered yet: so a connection that took its time, or a provider that stood still, makes
  no second too full either.
- **Evenly.** n messages push the next ones n intervals away. Who was kept from sending may catch up for `LATE_MS`; older time is lost.
- **The wire is not idle while anything waits**: what is to be on it within `AHEAD_MS` is let through to be read and intended.

A worker has the share of the account's limit that it has of the partitions, so the sum of all workers is never over it, and nobody need be
asked.

**Adaptive.** When a provider says that it is too much, the rate falls to `DOWN` of what it was, once a second at most, and nothing is sent
for as long as it asked; then it rises again by `UP` of the limit a second.
"""

from bisect import bisect_left
from heapq import heappop, heappush, nsmallest
from itertools import accumulate

import msgspec

REACH_MS = 5.0
SLOWER, FASTER, MUCH_FASTER = 1.001, 0.98, 0.9
"""By what `fastest` follows a request that took longer, or less, or less than half: one in twenty is as fast, and a few mean nothing."""
LATE_MS = 300.0
AHEAD_MS = 300.0
DOWN, UP, LEAST = 0.7, 0.02, 0.05
SECOND_MS = 1_000.0
PARTS = 50
"""Requests a second at the limit, at least: a request of more messages would be a burst."""
SLICES = 10
"""Intents a second at the limit, at least."""


class Went(msgspec.Struct, order=True):
    """A request that was put on the wire at `sent`: `count` messages that count `until` then, and to `ends` at least. Times: epoch ms.

    `late`: how much later than the fastest it was answered (ms); less than 0: it was not yet.
    """

    until: float
    count: int
    sent: float
    ends: float
    late: float = -1.0


class Pace(msgspec.Struct):
    """Of one account in one worker. `due`: when the next may go. `not_before`: what the provider asked for. `factor`: of the limit, since
    `changed`. `went`: a heap of what counts; `recent`: how much that is; `last`: when something went. Times: epoch ms. `fastest`: how long
    the fastest requests take (ms); 0: nobody knows.
    """

    due: float = 0.0
    not_before: float = 0.0
    factor: float = 1.0
    changed: float = 0.0
    went: list[Went] = msgspec.field(default_factory=list)
    recent: int = 0
    last: float = 0.0
    fastest: float = 0.0


def wait_ms(pace: Pace, count: int, per_s: float | None, now: float) -> float:
    """How long `count` messages have to wait before they are put on the wire. `per_s` None: the account has no limit of its own."""
    asked = pace.not_before - now
    if per_s is None:
        return max(0.0, asked)
    _forget(pace, now)
    return max(0.0, asked, pace.due - now, _clear(pace, pace.recent + count - _window(per_s)[1]) - now)


def sent(pace: Pace, count: int, per_s: float | None, now: float) -> Went | None:
    """Messages are put on the wire. None: there is no limit to count them for."""
    if per_s is None:
        return None
    window, most_in_it = _window(per_s)
    pace.due = max(pace.due, now - LATE_MS) + count * window / most_in_it / factor_at(pace, now)
    pace.last = now
    went = Went(now + window, count, now, now + window)
    _count(pace, went)
    return went


def answered(pace: Pace, went: Went, took: float, now: float) -> None:
    """Their request was answered, or given up, after so many ms."""
    _forget(pace, now)
    went.late = _late(pace, took)
    pace.fastest = _followed(pace.fastest, took)
    if went.until <= now < went.ends + went.late:  # it was forgotten
        went.until = went.ends + went.late
        _count(pace, went)


def throttled(pace: Pace, retry_after_ms: int, now: float) -> None:
    """The provider said that it was too much."""
    pace.not_before = max(pace.not_before, now + retry_after_ms)
    if now - pace.changed >= SECOND_MS or pace.factor >= 1.0:
        pace.factor, pace.changed = max(LEAST, factor_at(pace, now) * DOWN), now


def factor_at(pace: Pace, now: float) -> float:
    """What part of the limit is used at a time."""
    return min(1.0, pace.factor + UP * max(0.0, now - pace.changed) / SECOND_MS)


def request_size(per_s: float | None, size: int) -> int:
    """How many messages go in one request at most, of `size` that would fit: few are left of a second for which there is no request."""
    if per_s is None:
        return size
    most = max(1, min(size, int(per_s / PARTS)))
    return min(range(most, (most - 1) // 2, -1), key=lambda count: int(per_s) % count)


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


def _late(pace: Pace, took: float) -> float:
    """How much later than the fastest what takes so long is (ms)."""
    return max(0.0, took - pace.fastest) if pace.fastest else 0.0


def _followed(fastest: float, took: float) -> float:
    """How long the fastest requests take, by one that took so long (ms)."""
    if not fastest:
        return took
    return fastest * (SLOWER if took > fastest else FASTER if took > fastest / 2 else MUCH_FASTER)


def _count(pace: Pace, went: Went) -> None:
    """It counts from now on."""
    heappush(pace.went, went)
    pace.recent += went.count


def _forget(pace: Pace, now: float) -> None:
    """What counts no more; all, where the clock was set back."""
    if pace.last > now:
        pace.due, pace.last, pace.recent = now, now, 0
        pace.went.clear()
    while pace.went and pace.went[0].until <= now:
        gone = heappop(pace.went)
        pace.recent -= gone.count
        late = _late(pace, now - gone.sent) if gone.late < 0 else gone.late
        if gone.ends + late > now:
            gone.until = gone.ends + late
            _count(pace, gone)


def _clear(pace: Pace, over: int) -> float:
    """When so many messages count no more, as far as can be said (epoch ms)."""
    if over <= 0 or not pace.went:
        return 0.0
    if pace.went[0].count >= over:  # nearly always
        return pace.went[0].until
    ends = nsmallest(over, pace.went)
    enough = bisect_left(list(accumulate(one.count for one in ends)), over)
    return ends[min(enough, len(ends) - 1)].until
