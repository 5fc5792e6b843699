"""What is drawn for histories of digests: users with several keys who may move, late timers, and what happens, when."""

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from streams.digest.rules import Whose
from streams.digest.state import SHOWN
from streams.digest.windows import Terms
from streams.policy.policy import DigestPolicy
from tests.generated import numbers
from tests.unit.streams import make
from tests.unit.streams.policy.quiet_histories import ODD, ZONES, next_change

MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
WINDOW_MS = 300_000
WHOSE = tuple(Whose(user, "engagement", key) for user in ("ann", "bob") for key in ("likes", "posts"))
ACTORS = ("Ann", "Bo", "Cy", "")
SINCE_MS = 3 * 365 * DAY_MS
"""From then on every zone is whole minutes from UTC."""
_WAITS = (0, 0, 1, 1_000, 1_000, 30_000, 30_000, 100_000, WINDOW_MS - 1, WINDOW_MS, WINDOW_MS + 1, 700_000)
_EXPIRES = (0, 0, 0, 0, 0, 0, 0, 0, 1_000, WINDOW_MS, WINDOW_MS + 1, 700_000)
SEEN_AGO = (0, 0, 0, 1, 1_000, 40_000)
_KINDS = ("arrives",) * 9 + ("seen",) * 3 + ("cancelled", "cancelled", "again", "again", "again", "gone")


class Drawn(NamedTuple):
    """After `wait_ms` something happens; `killed`: what it comes to is worked out twice, and the first time not written."""

    wait_ms: int
    kind: str
    whose: Whose
    actor: str
    expires: int
    which: int
    killed: bool


@dataclass(frozen=True)
class History:
    """`late_ms`: how late timers are. `ties`: whether what arrives at the very time of a timer is met before its record.

    `moves`: after how long the users go from Berlin to a zone; only where they get one a day.
    """

    policy: DigestPolicy
    hour: int | None
    moves: tuple[int, str]
    late_ms: int
    ties: bool
    drawn: list[Drawn]

    def zone_at(self, at: int) -> str:
        """Where the users are."""
        after_ms, zone = self.moves
        return zone if at >= make.NOW + after_ms else "Europe/Berlin"

    def terms_at(self, at: int) -> Terms:
        """What is known of the users at a time."""
        return Terms(self.policy, make.profile(daily_digest=self.hour, time_zone=self.zone_at(at)), False, 0)

    @property
    def cools(self) -> bool:
        return self.policy.first_now and self.hour is None

    def comes_before(self, at: int, timer: int) -> bool:
        """Whether what arrives at a time is met before the record of a timer that is written at another."""
        return at < timer or (at == timer and self.ties)

    def end_of(self, began: int, at: int) -> int:
        """When a window's timer is due, as it looks at a time."""
        return began + WINDOW_MS if self.hour is None else scanned_pass(self.zone_at(at), self.hour, began)


class Input(NamedTuple):
    """What was met at a time. `name`: the notification, or of a timer its window; `about`: seen when, or expires when (0: never)."""

    at: int
    kind: str
    whose: Whose
    name: str = ""
    actor: str = ""
    about: int = 0


@lru_cache(1000)
def scanned_pass(zone: str, hour: int, after: int) -> int:
    """The oracle of daily ones: looks at the wall each minute, until it shows one of the 12 hours from that hour on, and did not before."""

    def past(at: int) -> bool:
        return (datetime.fromtimestamp(at // 1000, ZoneInfo(zone)).hour - hour) % 24 < 12

    at = after // MINUTE_MS * MINUTE_MS + MINUTE_MS
    while not past(at) or past(at - MINUTE_MS):
        at += MINUTE_MS
    return at


def _taken(number: int, *sizes: int) -> list[int]:
    parts = []
    for size in sizes:
        number, part = divmod(number, size)
        parts.append(part)
    return parts


def _drawn(one: int, other: int) -> Drawn:
    wait, kind, whose, killed = _taken(one, len(_WAITS), len(_KINDS), 2 * len(WHOSE), 8)
    actor, expires, which = _taken(other, len(ACTORS), len(_EXPIRES), 16)
    return Drawn(_WAITS[wait], _KINDS[kind], WHOSE[max(0, whose - len(WHOSE))], ACTORS[actor], _EXPIRES[expires], which, killed == 0)


def _history(bits: int, drawn: list[Drawn]) -> History:
    count, first, late, ties, daily = _taken(bits, 4, 2, 3, 2, 20)
    hour = None if daily else bits % 24
    policy = DigestPolicy(WINDOW_MS, (None, 2, 3, 5)[count], first == 1, hour is not None)
    moves = bits % 97 * HOUR_MS // 2, ("Asia/Tokyo", "America/Los_Angeles", "Asia/Kathmandu")[bits % 3]
    drawn = drawn if hour is None else [each._replace(wait_ms=each.wait_ms * 40) for each in drawn]
    return History(policy, hour, moves, (0, 1, 5_000)[late], ties == 1, drawn)


histories = st.builds(_history, numbers, st.lists(st.builds(_drawn, numbers, numbers), min_size=6, max_size=SHOWN))


class Day(NamedTuple):
    """An hour of the day, asked for in a zone near a time at which its clock may be set."""

    zone: str
    hour: int
    after: int


def _day(zone: str, bits: int, other: int) -> Day:
    change = next_change(zone, SINCE_MS + bits * HOUR_MS % (60 * 365 * DAY_MS))
    at = change if change is not None else SINCE_MS + bits * HOUR_MS
    return Day(zone, other % 24, at + other // 24 * 997 % (4 * DAY_MS) - 2 * DAY_MS)


days = st.builds(_day, st.sampled_from((*ZONES, *ODD * 20)), numbers, numbers)
