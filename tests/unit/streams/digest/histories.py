"""Generated histories of digests, played: what comes again, kills, timers that are late; compared with an oracle that knows all of it."""

from dataclasses import dataclass, field

import msgspec

from streams.digest.rules import HAD, NOW, Next, Whose, arrived, cancelled, fired, gone, seen
from streams.digest.state import packed, unpacked
from streams.digest.windows import next_pass
from tests.generated import play_all
from tests.unit.streams import make
from tests.unit.streams.digest.drawn import DAY_MS, SEEN_AGO, WHOSE, WINDOW_MS, Day, History, Input, days, histories, scanned_pass
from tests.unit.streams.digest.oracle import Digest, Oracle


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
            if input_.kind == "timer" and self.history.hour is not None:
                continue  # it is a look at where the user is now
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
        due = [(max(self.now, at + self.history.late_ms), place) for place, at in self.timers.items()]
        return min((each for each in due if not self.history.comes_before(until, each[0])), default=None)

    def _next(self, input_: Input, now: int) -> Next:
        state, terms = unpacked(self.rows.get(input_.whose)), self.history.terms_at(now)
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
            about = played.now - SEEN_AGO[drawn.which % len(SEEN_AGO)]
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


def play_day(day: Day) -> None:
    """Raises AssertionError when the next pass of the hour is another than the wall shows."""
    assert next_pass(*day) == scanned_pass(*day)


def run(number: int, *, derandomize: bool) -> int:
    """Play that many; and of days with an hour one of ten."""
    played = play_all(days, play_day, -(-number // 10), derandomize=derandomize)
    return played + play_all(histories, play, number, derandomize=derandomize)
