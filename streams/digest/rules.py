"""What becomes of one user's notifications with one digest key: told now, or held until their window ends and told as one. Pure.

A state is changed by what arrives on the user's lane, in its order (ADR 0014):

- **A notification arrives.** Nothing waits and policy says `first: now`: it is told at once, and a window follows in which all others wait.
  Else it is a member of the window, which it begins when there is none. What would expire before the window's end can't wait and is told at
  once. A member has its end there and then: `digested`, with the id of the digest, which is a notification of its own with its own end.
- **A window ends** when its timer's record is met, whatever the clock says: what arrives before that, however late, is a member, and what
  arrives after it is not. Or when it has as many members as policy says; its timer's record then finds another window and does nothing.
- **The user was seen** (opened the app, read the inbox) after the last member came: the window's digest is made at once, and told
  in the inbox only. Who was seen before, or in the same ms, is told of them all when the window ends.
- **A member was cancelled**: the digest is made without it. The last one: it is made, to be told as cancelled, because members name it.
- **The user is gone**: it is made, to be decided like what is sent to anybody who is not known, and says only how many.

Every digest that a member names is made once; one that nobody names is never made. **A repetition changes nothing**: a notification is
known while it waits, and for `REMEMBERED_MS` after it came; a timer's record is known by the window it names, a sighting by its time. The
same holds for what these rules ask for: the timer of a window and the digest have names of their own.
"""

from typing import NamedTuple

import msgspec

from schemas.ids import digest_id
from schemas.records import Notification
from streams.digest.content import CANCELLED, ENDED, GONE, SEEN, made_of
from streams.digest.state import State, emptied, is_known, joined, remembered, without
from streams.digest.windows import Terms, ends_at, is_first_now

REMEMBERED_MS = 300_000
NOW, HELD, HAD = "now", "held", "had"
"""What becomes of a notification that arrives: decide it now; it is in a digest; it came before."""


class Whose(NamedTuple):
    """Of which user, category and key a state is."""

    user: str
    category: str
    key: str


class Timer(NamedTuple):
    """A window's timer is to be set (epoch ms), or (None) taken back. Its record names the window."""

    window: str
    due: int | None


class Made(NamedTuple):
    """A digest to be decided afresh, and why it is made: `content.reason_on` says on which channels it is not to be told."""

    notification: Notification
    why: str


class Next(NamedTuple):
    """What follows: the state, None when nothing is to be kept; and what is to be written, in one commit with it."""

    state: State | None
    timers: tuple[Timer, ...] = ()
    made: Made | None = None
    answer: str = ""
    digest_id: str = ""
    """HELD: in which digest."""


def arrived(state: State | None, whose: Whose, notification: Notification, actor: str, terms: Terms, now: int) -> Next:
    """After a notification arrived that could be sent on some channel. `now`: epoch ms. `actor`: who did what it tells of, or empty."""
    name, expires_at = notification.notification_id, notification.expires_at
    if state is not None and is_known(state, name):
        return Next(state, answer=HAD)
    if state is None or state.is_idle:
        return _first(state, whose, notification, actor, terms, now)
    due = _due(state, terms)
    if expires_at is not None and expires_at <= due:
        return Next(remembered(state, name, now), answer=NOW)
    return _held(_moved(joined(state, notification, actor, now), due), whose, terms, now)


def fired(state: State | None, whose: Whose, window: str, terms: Terms | None, now: int) -> Next:
    """After the record of a window's timer was met. `terms`: None when nothing is digested any more, which ends it."""
    if state is None or state.window != window:
        return Next(state)
    due = _due(state, terms)
    if due > now:  # it was moved, and the timer that fired is no more
        return _set(state, due)
    return _closed(state, whose, ENDED, terms, now) if state.is_open else _rested(state, (), now)


def seen(state: State | None, whose: Whose, at: int, terms: Terms | None, now: int) -> Next:
    """After it was heard that the user was seen `at` a time (epoch ms)."""
    if state is None or not state.is_open or at <= state.last_at:
        return Next(state)
    return _closed(state, whose, SEEN, terms, now)


def cancelled(state: State | None, whose: Whose, notification_id: str, terms: Terms | None, now: int) -> Next:
    """After a notification was cancelled. One that was counted only (`State.more`) stays so."""
    if state is None or all(member.notification_id != notification_id for member in state.members):
        return Next(state)
    left = without(state, notification_id)
    return Next(left) if left.count else _closed(left, whose, CANCELLED, terms, now)


def gone(state: State | None, whose: Whose, now: int) -> Next:
    """After the user's profile was deleted."""
    if state is None:
        return Next(None)
    made = _made(state, whose, GONE, now) if state.is_open else None
    return Next(None, (Timer(state.window, None),), made)


def _first(state: State | None, whose: Whose, notification: Notification, actor: str, terms: Terms, now: int) -> Next:
    """Nothing waits, nor has to: a window begins."""
    name, expires_at = notification.notification_id, notification.expires_at
    cools = is_first_now(terms, now)
    begun = State(name, now, 0, state.had if state else (), cools=cools)
    timers = (Timer(state.window, None),) if state else ()
    if cools or (expires_at is not None and expires_at <= ends_at(terms, now)):
        return _begun(remembered(begun, name, now), timers, terms)._replace(answer=NOW)
    return _held(_begun(joined(begun, notification, actor, now), timers, terms), whose, terms, now)


def _held(after: Next, whose: Whose, terms: Terms, now: int) -> Next:
    """It is a member, and perhaps the last."""
    state = after.state
    assert state is not None
    assert state.first is not None, "it has joined"
    named = digest_id(*whose, state.first.notification_id)
    if terms.hour is None and terms.policy.count is not None and state.count >= terms.policy.count:
        after = _closed(state, whose, ENDED, terms, now)
    return after._replace(answer=HELD, digest_id=named)


def _closed(state: State, whose: Whose, why: str, terms: Terms | None, now: int) -> Next:
    """The digest is made. Who was not disturbed by it waits for the end of the same window, when that follows on what was told."""
    made = _made(state, whose, why, now)
    if why != ENDED and state.cools:
        return Next(emptied(state), made=made)
    cools = terms is not None and terms.cools and why == ENDED
    rest = State(made.notification.notification_id, now, 0, state.had, last_at=state.last_at, cools=cools)
    timers = (Timer(state.window, None),)
    return (_begun(rest, timers, terms) if cools else _rested(rest, timers, now))._replace(made=made)


def _made(state: State, whose: Whose, why: str, now: int) -> Made:
    return Made(made_of(state, *whose, why, now), why)


def _begun(state: State, timers: tuple[Timer, ...], terms: Terms | None) -> Next:
    """A window begins, after these timers."""
    after = _set(state, _due(state, terms))
    return after._replace(timers=timers + after.timers)


def _rested(state: State, timers: tuple[Timer, ...], now: int) -> Next:
    """Nothing waits, nor is to wait: what came is known for a while, then nothing is kept."""
    idle = msgspec.structs.replace(state, cools=False)
    due = _due(idle, None)
    if due <= now:
        return Next(None, timers)
    after = _set(idle, due)
    return after._replace(timers=timers + after.timers)


def _due(state: State, terms: Terms | None) -> int:
    """When a window is over, by the terms of now."""
    if state.is_idle:
        return state.last_at + REMEMBERED_MS
    return state.began if terms is None else ends_at(terms, state.began)


def _set(state: State, due: int) -> Next:
    return Next(msgspec.structs.replace(state, due=due), (Timer(state.window, due),))


def _moved(state: State, due: int) -> Next:
    """The timer is set anew if it is to be due at another time than it was."""
    return Next(state) if due == state.due else _set(state, due)
