"""Generated histories of fallback: statuses in any order and again, late timers, kills; and an oracle that knows all of it.

The oracle keeps no state: it works out from the whole history which channels were tried, and when.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import NamedTuple

from hypothesis import strategies as st

from schemas.records import Outcome
from streams.policy.policy import Route
from streams.routing.rules import FOLLOWED_MS, Next, Tried, begun, fired, handed, told
from tests.generated import numbers, play_all
from tests.unit.streams.make import NOW

CHANNELS = ("push", "email", "sms", "in_app")
REFUSALS = ("", "", "", "no_address", "channel_disabled")
_STATUSES = """
queued; sent; sent; sent; delivered; opened; complained; failed rejected; failed provider_unavailable; bounced; unknown no_answer;
suppressed no_address; suppressed address_suppressed; suppressed category_muted; suppressed hourly_limit; expired expired;
cancelled cancelled; shed shed; deferred quiet_hours; something_new
"""
OUTCOMES = tuple(Outcome(*each.split()) for each in _STATUSES.split(";"))
FAILURES = ("failed", "bounced")
ARRIVALS = ("delivered", "opened", "complained")
ENDS = ("expired", "cancelled", "shed")
MINUTE_MS = 60_000
_WAITS = (0, 0, 1, 1, 1_000, 10_000, MINUTE_MS - 1, MINUTE_MS, MINUTE_MS + 1, 200_000, FOLLOWED_MS)
_AGAIN = 5


class Drawn(NamedTuple):
    """After `wait_ms` a status of a channel is met; or (`again`) the last so many inputs come once more. `killed`: worked out twice."""

    wait_ms: int
    channel: str
    outcome: Outcome
    again: int
    killed: bool


@dataclass(frozen=True)
class History:
    """`late_ms`: how late timers are. `ties`: what arrives at the very time of a timer is met before its record."""

    channels: tuple[str, ...]
    after_ms: int | None
    refused: dict[str, str]
    expires_at: int | None
    late_ms: int
    ties: bool
    drawn: list[Drawn]


class Met(NamedTuple):
    """A status that was met at a time."""

    at: int
    channel: str
    outcome: Outcome


def _taken(number: int, *sizes: int) -> list[int]:
    parts = []
    for size in sizes:
        number, part = divmod(number, size)
        parts.append(part)
    return parts


def _drawn(bits: int) -> Drawn:
    wait, channel, outcome, again, killed = _taken(bits, len(_WAITS), len(CHANNELS), len(OUTCOMES), 4 * _AGAIN, 4)
    return Drawn(_WAITS[wait], CHANNELS[channel], OUTCOMES[outcome], max(0, again - 3 * _AGAIN), killed == 0)


def _history(bits: int, other: int, drawn: list[Drawn]) -> History:
    first, number, after, late, ties, expires = _taken(bits, len(CHANNELS), len(CHANNELS), 4, 3, 2, 4)
    channels = (CHANNELS * 2)[first : first + number + 1]
    refused = {channel: REFUSALS[part] for channel, part in zip(channels, _taken(other, *[len(REFUSALS)] * len(channels)), strict=True)}
    expires_at = NOW + 2 * MINUTE_MS if expires == 0 else None
    return History(channels, None if after == 0 else MINUTE_MS, refused, expires_at, (0, 1, 5_000)[late], ties == 1, drawn)


histories = st.builds(_history, numbers, numbers, st.lists(numbers.map(_drawn), min_size=2, max_size=14))


@dataclass
class Played:
    """The rules as a step calls them: one row, the timer service, and which channels were tried when."""

    history: History
    now: int = NOW
    row: Tried | None = None
    timers: dict[str, int] = field(default_factory=dict)
    met: list[tuple[str, Outcome | None]] = field(default_factory=list)
    tried: list[tuple[str, int]] = field(default_factory=list)

    def begin(self) -> None:
        """Channels that refuse the user are told of at once."""
        history = self.history
        state = begun(Route(history.channels, first=True, after_ms=history.after_ms), history.expires_at)
        after = Next(state, state.channel)
        while after.state is not None and (reason := history.refused[after.try_]):
            after = told(after.state, after.try_, Outcome("suppressed", reason), self.now)
        self._commit(after)

    def meet(self, channel: str, outcome: Outcome | None, killed: bool) -> None:
        """A status, or (None) the record of a channel's timer. Killed before its commit it comes again."""
        if killed:
            self._next(channel, outcome, self.now - 1)
        if any(channel == other for other, _ in self.tried):  # no channel has a status before it is tried; if it had, it would mean nothing
            self.met.append((channel, outcome))
        self._commit(self._next(channel, outcome, self.now))

    def again(self, number: int) -> None:
        """The last inputs once more: what was tried is not tried again."""
        for channel, outcome in self.met[len(self.met) - number :]:
            after = self._next(channel, outcome, self.now)
            assert (after.state, after.try_) == (self.row, "")

    def pass_time(self, until: int) -> None:
        """Write the records of timers that are due by then."""
        while due := self._first_due(until):
            self.now, channel = due
            del self.timers[channel]
            self.meet(channel, None, killed=self.now % 2 == 0)
            self.again(min(2, len(self.met)))
        self.now = until

    def _first_due(self, until: int) -> tuple[int, str] | None:
        due = [(at + self.history.late_ms, channel) for channel, at in self.timers.items()]
        return min((each for each in due if each[0] < until or (each[0] == until and not self.history.ties)), default=None)

    def _next(self, channel: str, outcome: Outcome | None, now: int) -> Next:
        return fired(self.row, channel, now) if outcome is None else told(self.row, channel, outcome, now)

    def _commit(self, after: Next) -> None:
        self.row = after.state
        if after.state is not None and after.try_:
            self.tried.append((after.try_, self.now))
            due = handed(after.state, self.now)
            if due is None:
                self.row = None
            else:
                self.timers[after.try_] = due


def tried(history: History, met: Sequence[Met]) -> list[tuple[str, int]]:
    """The oracle: the channels that are tried, each with the time, by all that was ever met."""
    found: list[tuple[str, int]] = []
    at: int | None = NOW
    channels = list(history.channels)
    while channels and history.refused[channels[0]]:
        del channels[0]
    place = 0
    while channels and at is not None:
        found.append((channels.pop(0), at))
        at, place = _left(history, met, found, place)
    return found


def _left(history: History, met: Sequence[Met], found: list[tuple[str, int]], place: int) -> tuple[int | None, int]:
    """When the channel that was tried last is left for the next (None: never), and the first status that is met after that."""
    channel, since = found[-1]
    timer = since + (FOLLOWED_MS if history.after_ms is None else history.after_ms) + history.late_ms
    for number in range(place, len(met)):
        here = met[number]
        if here.at > timer or (here.at == timer and not history.ties):
            return _unless_expired(history, timer) if history.after_ms is not None else None, number
        if any(here.channel == other for other, _ in found) and _arrived(here):
            return None, number
        if here.channel == channel and _ended(here.outcome):
            return None, number
        if here.channel == channel and _failed(here.outcome):
            return _unless_expired(history, here.at), number + 1
    return (_unless_expired(history, timer) if history.after_ms is not None else None), len(met)


def _unless_expired(history: History, at: int) -> int | None:
    return None if history.expires_at is not None and at >= history.expires_at else at


def _arrived(here: Met) -> bool:
    return here.outcome.status in ARRIVALS or (here.channel, here.outcome.status) == ("in_app", "sent")


def _ended(outcome: Outcome) -> bool:
    return outcome.status in ENDS or outcome.reason in ("category_muted", "hourly_limit")


def _failed(outcome: Outcome) -> bool:
    return outcome.status in FAILURES or outcome.reason in ("no_address", "address_suppressed")


def play(history: History) -> None:
    """Raises AssertionError at the first difference."""
    played, met = Played(history), list[Met]()
    played.begin()
    passed = tuple(takewhile(history.refused.get, history.channels))
    for drawn in history.drawn:
        played.pass_time(played.now + drawn.wait_ms)
        if drawn.again:
            played.again(min(drawn.again, len(played.met)))
            continue
        if drawn.channel in passed:
            continue  # nobody was handed to it, so nothing more can be told of it
        met.append(Met(played.now, drawn.channel, drawn.outcome))
        played.meet(drawn.channel, drawn.outcome, drawn.killed)
    played.pass_time(played.now + 5 * FOLLOWED_MS)
    assert played.tried == tried(history, met)
    assert (played.row, played.timers) == (None, {}), "nothing is kept for ever"
    names = [channel for channel, _ in played.tried]
    assert len(names) == len(set(names)), "no channel twice"


def run(number: int, *, derandomize: bool) -> int:
    """Play that many."""
    return play_all(histories, play, number, derandomize=derandomize)
