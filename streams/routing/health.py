"""How well a provider does, and what share of its weight it is worth. Pure.

Answers are counted in windows: one ends after `WINDOW_MS` when it has `ENOUGH` answers, and after `PATIENCE_MS` in any case. At its end the
provider moves by levels, and each halves its weight:

- more than half bad (unavailable, throttled, no answer): two levels down; more than a fifth bad, or more than half slow: one;
- no more than a twentieth bad, and not slow; or not asked at all: one level up; between the two it stays.

So one that is dead has a 16th of its weight after 20 s, a 64th (`FLOOR`) after 30 s, and all of it 60 s after it works again, where it gets
20 messages in 10 s; where it gets fewer, after 2 min, 3 min and 6 min. It never has less than a 64th: somebody has to find out that it
works again. Only the ratio of weights counts, so when all are at the floor they share as configured.
"""

import msgspec

WINDOW_MS, PATIENCE_MS = 10_000, 60_000
ENOUGH = 20
FLOOR = 6
_BAD, _DEAD, _SLOW, _GOOD = 0.2, 0.5, 0.5, 0.05


class Health(msgspec.Struct, frozen=True, gc=False):
    """Of one provider. `level`: how often its weight is halved; of the window since `began` (epoch ms): how many answers, bad, slow."""

    level: int = 0
    began: int = 0
    answers: int = 0
    bad: int = 0
    slow: int = 0


def answered(health: Health, *, bad: int, slow: int, now: int, answers: int = 1) -> Health:
    """After so many answers, or none in time: how many of them are bad, and slow (took longer than the provider should)."""
    current = at(health, now)
    return msgspec.structs.replace(current, answers=current.answers + answers, bad=current.bad + bad, slow=current.slow + slow)


def at(health: Health, now: int) -> Health:
    """The health at a time (epoch ms): windows that are over by then have moved it."""
    if not health.began:
        return msgspec.structs.replace(health, began=now)
    while now >= (end := _end(health)):
        health = Health(min(FLOOR, max(0, health.level + _moves(health))), end if health.answers < ENOUGH else now)
        if health == Health(0, health.began):
            return Health(0, now)
    return health


def weight(configured: float, health: Health) -> float:
    """What a provider is worth now; 0 only when it is configured so."""
    return configured * 2.0**-health.level


def _end(health: Health) -> int:
    return health.began + (WINDOW_MS if health.answers >= ENOUGH else PATIENCE_MS)


def _moves(health: Health) -> int:
    """Levels down, or up (-1)."""
    bad, slow = health.bad / max(1, health.answers), health.slow / max(1, health.answers)
    if bad > _DEAD:
        return 2
    if bad > _BAD or slow > _SLOW:
        return 1
    return -1 if bad <= _GOOD else 0
