"""Whether a provider account may be asked: not while it is down, by one request when it may be back, by more and more when it is. Pure.

- **Closed**: asked. After `FAILURES` requests in a row that came to nothing, or one that says our settings are wrong, it opens.
- **Open**: nobody asks, and what waits stays on the log. It is over after a cool-down, which doubles from `COOL_MS` to `COOLEST_MS`
  each time it opens again, with jitter: workers do not come back together.
- **Half-open**: one request. Comes it to nothing, it is open again; else it is closed, but
- **at first** few requests are under way at once, twice as many after each that succeeds, until there are `ENOUGH`: who has just come
  back is not run over by all that has waited.

A request came to nothing when none of its messages was taken or refused: unavailable, or no answer. What is throttled says that somebody is
there (`limits` waits for that).
"""

import msgspec

FAILURES = 10
COOL_MS, COOLEST_MS = 1_000, 5_000
ENOUGH = 64


class Breaker(msgspec.Struct, frozen=True, gc=False):
    """Of one account. `failed`: requests in a row that came to nothing. `until`: until when it is open (epoch ms); 0: it is closed.

    `opened`: how often in a row. `at_once`: requests that may be under way; None: as many as there are.
    """

    failed: int = 0
    until: int = 0
    opened: int = 0
    at_once: int | None = None


def room(breaker: Breaker, now: int) -> int | None:
    """How many requests may be under way at `now` (epoch ms); 0: none; None: as many as there are."""
    if not breaker.until:
        return breaker.at_once
    return 1 if now >= breaker.until else 0


def succeeded(breaker: Breaker) -> Breaker:
    """After a request of which something was taken, refused or throttled."""
    if breaker.at_once is None and not breaker.until:
        return breaker if not breaker.failed else Breaker()
    more = 2 * (breaker.at_once or 1)
    return Breaker() if more > ENOUGH else Breaker(opened=breaker.opened, at_once=more)


def came_to_nothing(breaker: Breaker, now: int, draw: float, *, config: bool = False) -> Breaker:
    """After one of which nothing was, at `now` (epoch ms). `draw`: of [0, 1), jitter. `config`: our settings are at fault."""
    if breaker.until > now:
        return breaker  # it was under way when it opened
    failed = breaker.failed + 1
    returning = breaker.until > 0 or breaker.at_once is not None
    if not config and not returning and failed < FAILURES:
        return msgspec.structs.replace(breaker, failed=failed)
    cool_ms = min(COOLEST_MS, COOL_MS << min(breaker.opened, 16))
    return Breaker(failed=failed, until=now + round(cool_ms * (0.5 + draw / 2)), opened=breaker.opened + 1)
