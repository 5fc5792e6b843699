"""How long whoever could not be asked is left alone: as the provider says, or twice as long each time, with jitter."""

import random

from providers.feedback.polled import PageRefused

FIRST_S = 1.0


def wait_s(error: Exception, failures: int, longest_s: float) -> float:
    """Return the seconds to wait after so many failures in a row, 1 or more. `longest_s`: of what is told, and of the backoff."""
    told = error.wait_ms / 1000 if isinstance(error, PageRefused) else 0.0
    backoff = min(longest_s, FIRST_S * 2 ** min(failures - 1, 20))
    return min(longest_s, told) + random.uniform(backoff / 2, backoff)
