"""Which channels a notification takes, and which comes next when one fails or does not deliver in time. Pure.

A route `all` takes every channel at once. A route `first` takes one, and what follows is kept as the state of one user's notification:

- **Failed for good**: `failed`, `bounced`, or `suppressed` for a reason of that channel alone (no address, turned off, ...). The next is
  tried at once. `suppressed` for a reason of the person (muted, caps, quiet hours), `expired`, `cancelled` and `shed` are true of every
  channel: over.
- **Not delivered within `after`** of being handed over: the next is tried. `sent` and `unknown` are no delivery and no failure; without
  `after` nothing follows on them. What the inbox took is delivered.
- **Delivered** (or opened, clicked, complained of) on any channel that was tried: over, nothing more is tried.
- **Late.** A channel that was given up may still deliver: what was handed to the next one is not taken back, so a user may be told on one
  channel more than was needed, never on two, and never twice on one. What a channel that was given up says otherwise changes nothing.
- A channel that was not tried has no status: nobody was handed to it.

Whoever is tried next is decided afresh, on that channel. **A repetition changes nothing**: a status is of a channel, a timer's record names
the one it was set for, and each channel is tried once. When the last is tried, or it is over, nothing is kept. So a notification begins
once: by the command that is decided once (its chunk, its `hold_id`).
"""

from collections.abc import Mapping
from itertools import dropwhile
from typing import NamedTuple

import msgspec

from schemas.records import Notification, Outcome
from streams.policy.policy import CategoryPolicy, Route

DELIVERED = frozenset({"delivered", "opened", "clicked", "complained"})
FAILED = frozenset({"failed", "bounced"})
OVER = frozenset({"expired", "cancelled", "shed"})
OF_CHANNEL = frozenset({"channel_disabled", "no_address", "phone_not_verified", "address_suppressed", "unsubscribed"})
"""Reasons not to send that say nothing of other channels."""
INBOX = "in_app"
FOLLOWED_MS = 86_400_000
"""Without `after`: who bounces later than that is not tried elsewhere."""


class Tried(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One user's notification on a `first` route. `at`: which of the channels was tried last. `expires_at`: epoch ms; None: never."""

    channels: tuple[str, ...]
    at: int
    after_ms: int | None
    expires_at: int | None

    @property
    def channel(self) -> str:
        """The one that was tried last."""
        return self.channels[self.at]


class Timer(NamedTuple):
    """The timer of a channel is to be set (epoch ms), or (None) taken back. Its record names the channel."""

    channel: str
    due: int | None


class Next(NamedTuple):
    """What follows: the state, None when nothing is to be kept; the channel to be tried now, if any; and timers. All in one commit."""

    state: Tried | None
    try_: str = ""
    timers: tuple[Timer, ...] = ()


def route_of(notification: Notification, binds: CategoryPolicy) -> Route:
    """The channels it takes: all those it names itself; when it names none, what policy says for its category and priority."""
    return Route(tuple(notification.channels)) if notification.channels else binds.routes[notification.priority]


def begun(route: Route, refused: Mapping[str, str], expires_at: int | None, now: int) -> Next:
    """The first channel of a `first` route that is not refused. `refused`: reasons by channel (`rules.reason_against`). `now`: epoch ms.

    Those before it are told that they are refused; when all are, nothing is tried.
    """
    channels = tuple(dropwhile(refused.get, route.channels))
    return _tried(Tried(channels, 0, route.after_ms, expires_at), 0, now) if channels else Next(None)


def told(state: Tried | None, channel: str, outcome: Outcome, now: int) -> Next:
    """After a status on a channel was met."""
    if state is None or channel not in state.channels[: state.at + 1]:
        return Next(state)
    if _is_delivered(channel, outcome):
        return _over(state)
    if channel != state.channel:
        return Next(state)
    if _is_over(outcome):
        return _over(state)
    return _next(state, now) if _is_failed(outcome) else Next(state)


def fired(state: Tried | None, channel: str, now: int) -> Next:
    """After the record of a channel's timer was met."""
    if state is None or channel != state.channel:
        return Next(state)
    if state.after_ms is None:
        return Next(None)
    after = _next(state, now)
    return after._replace(timers=after.timers[1:])  # its own is no more


def _next(state: Tried, now: int) -> Next:
    if state.expires_at is not None and now >= state.expires_at:
        return _over(state)
    after = _tried(state, state.at + 1, now)
    return after._replace(timers=(Timer(state.channel, None), *after.timers))


def _tried(state: Tried, at: int, now: int) -> Next:
    """A channel is tried; of the last one nothing need be known."""
    channel = state.channels[at]
    if at + 1 == len(state.channels):
        return Next(None, channel)
    due = now + (FOLLOWED_MS if state.after_ms is None else state.after_ms)
    return Next(msgspec.structs.replace(state, at=at), channel, (Timer(channel, due),))


def _over(state: Tried) -> Next:
    return Next(None, timers=(Timer(state.channel, None),))


def _is_delivered(channel: str, outcome: Outcome) -> bool:
    return outcome.status in DELIVERED or (channel == INBOX and outcome.status == "sent")


def _is_failed(outcome: Outcome) -> bool:
    return outcome.status in FAILED or (outcome.status == "suppressed" and outcome.reason in OF_CHANNEL)


def _is_over(outcome: Outcome) -> bool:
    return outcome.status in OVER or (outcome.status == "suppressed" and outcome.reason not in OF_CHANNEL)
