"""The digests of some users, while one record is worked on: the rows it touches, and what follows, by the rules. Pure.

A member that was cancelled is taken out when its digest is looked at to be made; the cancel itself is met long before, by its campaign.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from schemas.records import Notification
from streams.digest.rules import HAD, HELD, Next, Whose, arrived, cancelled, fired, gone, seen
from streams.digest.state import State
from streams.digest.windows import Terms

IsCancelled = Callable[[str], bool]
"""Whether a notification, by its id, was cancelled."""


class Followed(NamedTuple):
    """What one row comes to."""

    whose: Whose
    before: State | None
    after: State | None
    nexts: list[Next]
    """In their order; each with its timers, and perhaps a digest."""


class Folding:
    """The rows of one record."""

    def __init__(self, rows: Mapping[Whose, State | None], is_cancelled: IsCancelled, now: int) -> None:
        """`rows`: those that it may touch. `now`: epoch ms."""
        self._before = rows
        self._rows = dict(rows)
        self._nexts: dict[Whose, list[Next]] = {}
        self._is_cancelled = is_cancelled
        self._now = now

    def arrived(self, whose: Whose, notification: Notification, terms: Terms) -> str | None:
        """In which digest a notification is; None: in none, it is told by itself. Empty: it came before, and was told of then."""
        state, most = self._rows[whose], terms.policy.count
        if state is not None and most is not None and state.count + 1 >= most:
            self._drop_cancelled(whose, terms)
        after = self._follow(whose, arrived(self._rows[whose], whose, notification, notification.actor, terms, self._now))
        return {HELD: after.digest_id, HAD: ""}.get(after.answer)

    def fired(self, whose: Whose, window: str, terms: Terms | None) -> None:
        """A window's timer fired."""
        state = self._rows[whose]
        if state is not None and state.window == window:
            self._drop_cancelled(whose, terms)
            self._follow(whose, fired(self._rows[whose], whose, window, terms, self._now))

    def seen(self, whose: Whose, at: int, terms: Terms | None) -> None:
        """The user was seen at a time (epoch ms)."""
        self._drop_cancelled(whose, terms)
        self._follow(whose, seen(self._rows[whose], whose, at, terms, self._now))

    def gone(self, whose: Whose) -> None:
        """The user is known no more."""
        self._follow(whose, gone(self._rows[whose], whose, self._now))

    def followed(self) -> Iterator[Followed]:
        """The rows that anything followed for."""
        for whose, nexts in self._nexts.items():
            yield Followed(whose, self._before[whose], self._rows[whose], nexts)

    def _follow(self, whose: Whose, after: Next) -> Next:
        if after.state != self._rows[whose] or after.timers or after.made:
            self._rows[whose] = after.state
            self._nexts.setdefault(whose, []).append(after)
        return after

    def _drop_cancelled(self, whose: Whose, terms: Terms | None) -> None:
        state = self._rows[whose]
        for member in state.members if state is not None else ():
            if self._is_cancelled(member.notification_id):
                self._follow(whose, cancelled(self._rows[whose], whose, member.notification_id, terms, self._now))
