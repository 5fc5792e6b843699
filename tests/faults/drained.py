"""How well a limit was used while there was enough to send, and whether it held, by the seconds of the provider's own clock. Pure."""

from collections.abc import Mapping
from itertools import accumulate
from typing import NamedTuple

BACK, SKIPPED, ENOUGH = 0.5, 2, 0.9
"""It is back in the first second with half of the limit; the two seconds from there on, and the last tenth of all messages, when some
workers have nothing left, do not count (as in `bench.limits`)."""


class Drained(NamedTuple):
    """After a provider was healed. `used`: percent of the limit, in so many `seconds`; `back_s`: how long it took to begin."""

    back_s: int
    seconds: int
    mean: float
    used: float
    drained_s: int
    """From the healing until nine tenths of all that came then had come."""


def drained(received: Mapping[int, int], healed: int, per_s: int) -> Drained | None:
    """From messages by second, and the second in which the provider was healed. None: there were too few to tell."""
    last = max(received, default=0)
    counts = [received.get(second, 0) for second in range(healed + 1, last + 1)]
    back = next((number for number, count in enumerate(counts) if count >= BACK * per_s), None)
    if back is None:
        return None
    end = next(number for number, sum_ in enumerate(accumulate(counts)) if sum_ >= ENOUGH * sum(counts))
    whole = counts[back + SKIPPED : end]
    if not whole:
        return None
    mean = sum(whole) / len(whole)
    return Drained(back + 1, len(whole), round(mean, 1), round(100 * mean / per_s, 2), end + 1)


def over(asked: Mapping[int, int], per_s: int) -> dict[int, int]:
    """The seconds in which more was asked of the provider than its limit."""
    return {second: count for second, count in asked.items() if count > per_s}
