"""Generated local times: days around a moment at which the clock is set, with an oracle that looks at each minute."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from hypothesis import strategies as st

from streams.policy.local import DAY_MS, LONGEST_DAY_MS, MINUTE_MS, local_due
from tests.generated import numbers, play_all
from tests.unit.streams.policy.quiet_histories import HOUR_MS, ODD, SINCE, UNTIL, ZONES, ahead_of, next_change, wall_minute

FURTHEST_MS = DAY_MS + 7 * HOUR_MS
"""Vostok, 1994: set back by seven hours, the furthest since 1973."""
LATELY_MS = int(datetime.fromisoformat("1995-01-01T00:00Z").timestamp() * 1000)


@dataclass(frozen=True)
class History:
    """A minute of the day is asked for in a zone, from `not_before` (epoch ms) on."""

    zone: str
    minute: int
    not_before: int


def _history(zone: str, hours: int, beside: int, minute: int) -> History:
    """Most are about the next change of the clock after so many hours: both the question and the minute are near it."""
    at = int(SINCE.timestamp() * 1000) + hours * HOUR_MS
    near, beside, minute, kind = beside % 4 > 0, beside // 4, minute // 4 % 1440, minute % 4
    change = next_change(zone, at)
    if change is not None:
        at = change
        minute = (wall_minute(zone, change) + minute % 400 - 200) % 1440 if kind else minute
    reach = 3 * HOUR_MS if near else DAY_MS
    return History(zone, minute, at + beside * 997 % (2 * reach) - reach)


_hours = numbers.map(lambda number: number % ((UNTIL - SINCE) // timedelta(hours=1)))
histories = st.builds(_history, st.sampled_from((*ZONES, *ODD * (len(ZONES) // len(ODD)))), _hours, numbers, numbers)


def first_shown(history: History) -> int:
    """The oracle: looks at the wall now and at the beginning of each minute, and at what was left out since it last looked."""
    zone, at = history.zone, history.not_before
    if wall_minute(zone, at) == history.minute:
        return at
    while True:
        then, at = at, at // MINUTE_MS * MINUTE_MS + MINUTE_MS
        left_out = (ahead_of(zone, at) - ahead_of(zone, then)) // timedelta(minutes=1)
        now = wall_minute(zone, at)
        skipped = {(now - each) % 1440 for each in range(1, left_out + 1)} if left_out < 1440 else set()
        if history.minute in skipped or history.minute == now:
            return at


def play(history: History) -> None:
    """Raises AssertionError where the rule differs."""
    due = local_due(history.zone, history.minute, history.not_before)
    assert due == first_shown(history)
    assert history.not_before <= due <= history.not_before + (LONGEST_DAY_MS if history.not_before > LATELY_MS else FURTHEST_MS)
    assert local_due(history.zone, history.minute, due) == due or wall_minute(history.zone, due) != history.minute


def run(number: int, *, derandomize: bool) -> int:
    """Play that many."""
    return play_all(histories, play, number, derandomize=derandomize)
