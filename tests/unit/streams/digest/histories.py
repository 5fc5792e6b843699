"""Generated histories of digests: users with several keys, late timers, what comes again, kills; and an oracle that knows all of it.

The oracle never keeps a state. Of each window it asks, input by input, whether that one ends it, counting anew from the window's beginning.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec
from hypothesis import strategies as st

from schemas.ids import digest_id
from streams.digest.rules import HAD, NOW, Next, Whose, arrived, cancelled, fired, gone, seen
from streams.digest.state import SHOWN, packed, unpacked
from streams.digest.windows import Terms, next_pass
from streams.policy.policy import DigestPolicy
from tests.generated import numbers, play_all
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
_SEEN_AGO = (0, 0, 0, 1, 1_000, 40_000)
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
    """`late_ms`: how late timers are. `ties`: whether what arrives at the very time of a timer is met before its record."""

    policy: DigestPolicy
    hour: int | None
    late_ms: int
    ties: bool
    drawn: list[Drawn]

    @property
    def terms(self) -> Terms:
        return Terms(self.policy, make.profile(daily_digest=self.hour, time_zone="Europe/Berlin"), False, 0)

    @property
    def cools(self) -> bool:
        return self.policy.first_now and self.hour is None

    def comes_before(self, at: int, timer: int) -> bool:
        """Whether what arrives at a time is met before the record of a timer that is written at another."""
        return at < timer or (at == timer and self.ties)

    def end_of(self, began: int) -> int:
        """When a window's timer is due."""
        return began + WINDOW_MS if self.hour is None else scanned_pass("Europe/Berlin", self.hour, began)


class Input(NamedTuple):
    """What was met at a time. `name`: the notification, or of a timer its window; `about`: seen when, or expires when (0: never)."""

    at: int
    kind: str
    whose: Whose
    name: str = ""
    actor: str = ""
    about: int = 0


class Digest(NamedTuple):
    """What a digest is, for both. `members`: by name, and empty when it is not to say them."""

    notification_id: str
    count: int
    members: tuple[str, ...]
    actors: str
    why: str
    at: int


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
    count, first, late, ties, daily = _taken(bits, 4, 2, 3, 2, 40)
    hour = None if daily else bits % 24
    policy = DigestPolicy(WINDOW_MS, (None, 2, 3, 5)[count], first == 1, hour is not None)
    return History(policy, hour, (0, 1, 5_000)[late], ties == 1, drawn)


histories = st.builds(_history, numbers, st.lists(st.builds(_drawn, numbers, numbers), min_size=6, max_size=SHOWN))


@dataclass
class Played:
    """The rules as a step calls them: the rows of its table, the timer service, and all that was written."""

    history: History
    now: int = make.NOW
    rows: dict[Whose, bytes] = field(default_factory=dict)
    timers: dict[tuple[Whose, str], int] = field(default_factory=dict)
    met: list[Input] = field(default_factory=list)
    known: list[Input] = field(default_factory=list)
    """Those of `met` that may come again: all but those about a user who is gone, of whom nothing is known."""
    answers: dict[str, str] = field(default_factory=dict)
    """By notification: NOW, or the digest it is in."""
    made: list[tuple[Whose, Digest]] = field(default_factory=list)

    def meet(self, input_: Input, killed: bool = False) -> None:
        """One input of the lane. Killed before its commit nothing of it was written, and it comes again."""
        if killed:
            self._next(input_, self.now - 1)
        after = self._next(input_, self.now)
        self.met.append(input_)
        self.known.append(input_)
        self._commit(input_.whose, after)
        if input_.kind == "arrives":
            self.answers[input_.name] = after.digest_id or after.answer
        if input_.kind == "gone":
            self.known = [each for each in self.known if each.whose != input_.whose]

    def again(self, number: int) -> None:
        """The last so many inputs once more, as far back as they are promised to be known: none of them may change anything."""
        for input_ in [each for each in self.known[-number:] if each.at > self.now - WINDOW_MS]:
            after, state = self._next(input_, self.now), unpacked(self.rows.get(input_.whose))
            if input_.kind == "timer" and state is not None and state.is_idle and after.state is None:
                continue  # when it is time it may be forgotten before its own timer says so
            assert (packed(after.state), after.made) == (self.rows.get(input_.whose), None), input_
            assert all(self.timers.get((input_.whose, window)) == due for window, due in after.timers), "it may set what is set"
            assert after.answer == (HAD if input_.kind == "arrives" else "")

    def pass_time(self, until: int) -> None:
        """Write the records of timers that are due by then, each to its lane; some of them twice."""
        while due := self._first_due(until):
            at, (whose, window) = due
            self.now = at
            del self.timers[whose, window]
            self.meet(Input(at, "timer", whose, window), killed=at % 3 == 0)
            self.again(at % 4)
        self.now = until

    def _first_due(self, until: int) -> tuple[int, tuple[Whose, str]] | None:
        due = [(at + self.history.late_ms, place) for place, at in self.timers.items()]
        return min((each for each in due if not self.history.comes_before(until, each[0])), default=None)

    def _next(self, input_: Input, now: int) -> Next:
        state, terms = unpacked(self.rows.get(input_.whose)), self.history.terms
        if input_.kind == "arrives":
            told = make.notification(notification_id=input_.name, data={"n": input_.name}, expires_at=input_.about or None)
            return arrived(state, input_.whose, told, input_.actor, terms, now)
        if input_.kind == "timer":
            return fired(state, input_.whose, input_.name, terms, now)
        if input_.kind == "seen":
            return seen(state, input_.whose, input_.about, terms, now)
        if input_.kind == "cancelled":
            return cancelled(state, input_.whose, input_.name, terms, now)
        return gone(state, input_.whose, now)

    def _commit(self, whose: Whose, after: Next) -> None:
        value = packed(after.state)
        if value is None:
            self.rows.pop(whose, None)
        else:
            self.rows[whose] = value
        for window, due in after.timers:
            self.timers.pop((whose, window), None)
            if due is not None:
                self.timers[whose, window] = due
        if after.made:
            told, why = after.made
            members = tuple(each["n"] for each in msgspec.json.decode(told.data.get("digest_members", "[]")))
            count, names = int(told.data["digest_count"]), told.data.get("digest_actors", "")
            self.made.append((whose, Digest(told.notification_id, count, members, names, why, self.now)))


class Oracle:
    """What becomes of all that arrived for one user and key."""

    def __init__(self, history: History, whose: Whose, inputs: Sequence[Input]) -> None:
        self._history, self._whose, self._inputs = history, whose, inputs
        self.answers: dict[str, str] = {}
        self.made: list[Digest] = []
        place, began = 0, None
        while place < len(inputs):
            here = inputs[place]
            if began is not None:
                place, began = self._window(place, began)
            elif here.kind == "arrives" and not history.cools and self._waits(here, here.at):
                began = here.at
            else:
                if here.kind == "arrives":
                    self.answers[here.name] = NOW
                    began = here.at if history.cools else None
                place += 1

    def _waits(self, input_: Input, began: int) -> bool:
        return not input_.about or input_.about > self._history.end_of(began)

    def _window(self, place: int, began: int) -> tuple[int, int | None]:
        """Where the next one goes on, and since when others wait then."""
        over = self._history.end_of(began) + self._history.late_ms
        for end in range(place, len(self._inputs) + 1):
            if end == len(self._inputs) or not self._history.comes_before(self._inputs[end].at, over):
                made = self._close(place, end, began, "ended", over)
                return end, over if made and self._history.cools else None
            at, why = self._inputs[end].at, self._why(place, end, began)
            if why:
                self._close(place, end + 1, began, why, at)
                since = {"ended": at, "gone": None}.get(why, began)
                return end + 1, since if self._history.cools else None
        raise AssertionError("every window has an end")

    def _why(self, place: int, end: int, began: int) -> str:
        """Whether the input at `end` ends the window, and why."""
        last = self._inputs[end]
        before, after = self._left(place, end, began), self._left(place, end + 1, began)
        if last.kind == "gone":
            return "gone"
        if last.kind == "arrives" and self._history.hour is None and len(after) > len(before) and len(after) == self._history.policy.count:
            return "ended"
        if last.kind == "cancelled" and before and not after:
            return "cancelled"
        came = [each.at for each in self._inputs[place:end] if each.kind == "arrives"]
        return "seen" if last.kind == "seen" and before and last.about > max(came) else ""

    def _came(self, place: int, end: int, began: int) -> list[Input]:
        return [each for each in self._inputs[place:end] if each.kind == "arrives" and self._waits(each, began)]

    def _left(self, place: int, end: int, began: int) -> list[Input]:
        off = {each.name for each in self._inputs[place:end] if each.kind == "cancelled"}
        return [each for each in self._came(place, end, began) if each.name not in off]

    def _close(self, place: int, end: int, began: int, why: str, at: int) -> bool:
        """Note what came of all that came; whether there is a digest of it."""
        came, left = self._came(place, end, began), self._left(place, end, began)
        for each in self._inputs[place:end]:
            if each.kind == "arrives" and each not in came:
                self.answers[each.name] = NOW
        if not came:
            return False
        name = digest_id(*self._whose, came[0].name)
        self.answers |= {each.name: name for each in came}
        says = left if why in ("ended", "seen") else []
        self.made.append(Digest(name, len(left), tuple(each.name for each in says), _said([each.actor for each in says]), why, at))
        return True


def _said(actors: Sequence[str]) -> str:
    names: list[str] = []
    for name in reversed(actors):
        if name and name not in names:
            names.append(name)
    others = f"{len(names) - 2} other" + "s" * (len(names) > 3)
    return (
        ["", *names][len(names)]
        if len(names) < 2
        else f"{names[0]} and {names[1]}"
        if len(names) == 2
        else f"{names[0]}, {names[1]} and {others}"
    )


def play(history: History) -> None:
    """Raises AssertionError at the first difference."""
    played = Played(history)
    for number, drawn in enumerate(history.drawn):
        played.pass_time(played.now + drawn.wait_ms)
        if drawn.kind == "again":
            played.again(drawn.which + 1)
            continue
        names = [each.name for each in played.met if each.kind == "arrives" and each.whose == drawn.whose]
        name, about = f"n-{number}", 0
        if drawn.kind == "arrives":
            about = played.now + drawn.expires if drawn.expires else 0
        elif drawn.kind == "seen":
            about = played.now - _SEEN_AGO[drawn.which % len(_SEEN_AGO)]
        elif drawn.kind == "cancelled":
            name = names[-1 - drawn.which % len(names)] if names else "n-none"
        played.meet(Input(played.now, drawn.kind, drawn.whose, name, drawn.actor, about), drawn.killed)
    played.pass_time(played.now + 5 * DAY_MS)
    _compare(played)


def _compare(played: Played) -> None:
    assert not played.rows, "nothing is kept for ever"
    assert not played.timers
    for whose in WHOSE:
        mine = [each for each in played.met if each.whose == whose and each.kind != "timer"]
        oracle = Oracle(played.history, whose, mine)
        assert [digest for other, digest in played.made if other == whose] == oracle.made
        assert {each.name: played.answers[each.name] for each in mine if each.kind == "arrives"} == oracle.answers
        named = {each for each in oracle.answers.values() if each != NOW}
        assert sorted(named) == sorted(digest.notification_id for digest in oracle.made), "each that is named is made, once"


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


def play_day(day: Day) -> None:
    """Raises AssertionError when the next pass of the hour is another than the wall shows."""
    assert next_pass(*day) == scanned_pass(*day)


def run(number: int, *, derandomize: bool) -> int:
    """Play that many; and of days with an hour one of ten."""
    played = play_all(days, play_day, -(-number // 10), derandomize=derandomize)
    return played + play_all(histories, play, number, derandomize=derandomize)
