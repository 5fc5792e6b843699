"""Which channels a notification takes, and which comes next when one fails or does not deliver in time. Pure.

A route `all` takes every channel at once. A route `first` takes one, and what follows is kept as the state of one user's notification:

- **Failed for good**: `failed`, `bounced`, or `suppressed` for a reason of that channel alone (no address, turned off, ...), also when it
  is told so at the decision. The next is tried at once. `suppressed` for a reason of the person (muted, caps, quiet hours), `expired`,
  `cancelled` and `shed` are true of every channel: over.
- **Not delivered within `after`** of being handed over: the next is tried. `sent` and `unknown` are no delivery and no failure; without
  `after` nothing follows on them. What the inbox took is delivered.
- **Delivered** (or opened, clicked, complained of) on any channel that was tried: over, nothing more is tried.
- **Late.** A channel that was given up may still deliver: what was handed to the next one is not taken back, so a user may be told on one
  channel more than was needed, never on two, and never twice on one. What a channel that was given up says otherwise changes nothing.
- A channel that was not tried has no status: nobody was handed to it.

Whoever is tried next is decided afresh, on that channel. **A repetition changes nothing**: a status is of a channel, a timer's record names
the one it was set for, and each channel is tried once; so no timer is taken back. When it is handed to the last, or it is over, nothing is
kept. So a notification begins once: by the command that is decided once (its chunk, its `hold_id`).
"""

from typing import NamedTuple

import msgspec

from schemas.records import Notification, Outcome
from streams.policy.policy import CategoryPolicy, Route

DELIVERED = frozenset({"delivered", "opened", "clicked", "complained"})
FAILED = frozenset({"failed", "bounced"})
OVER = frozenset({"expired", "cancelled", "shed", "digested"})
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


class Next(NamedTuple):
    """What is kept (None: nothing), and the channel that is to be tried now (empty: none)."""

    state: Tried | None
    try_: str = ""


def route_of(notification: Notification, binds: CategoryPolicy) -> Route:
    """The channels it takes: all those it names itself; when it names none, what policy says for its category and priority."""
    return Route(tuple(notification.channels)) if notification.channels else binds.routes[notification.priority]


def begun(route: Route, expires_at: int | None) -> Tried:
    """The state when the first channel of a `first` route is tried. `expires_at`: epoch ms; None: never."""
    return Tried(route.channels, 0, route.after_ms, expires_at)


def handed(state: Tried, now: int) -> int | None:
    """When the timer of the channel that is tried is due (epoch ms), now that the user is handed to it; None: it is the last, and nothing
    need be known of it any more.
    """
    if state.at + 1 == len(state.channels):
        return None
    return now + (FOLLOWED_MS if state.after_ms is None else state.after_ms)


def told(state: Tried | None, channel: str, outcome: Outcome, now: int) -> Next:
    """After a status on a channel was met. `now`: epoch ms."""
    if state is None or channel not in state.channels[: state.at + 1]:
        return Next(state)
    if _is_delivered(channel, outcome):
        return Next(None)
    if channel != state.channel:
        return Next(state)
    if _is_over(outcome):
        return Next(None)
    return _next(state, now) if _is_failed(outcome) else Next(state)


def fired(state: Tried | None, channel: str, now: int) -> Next:
    """After the record of a channel's timer was met. `now`: epoch ms."""
    if state is None or channel != state.channel:
        return Next(state)
    return Next(None) if state.after_ms is None else _next(state, now)


def matters(channel: str, outcome: Outcome) -> bool:
    """Whether a status can change anything."""
    return _is_delivered(channel, outcome) or _is_failed(outcome) or _is_over(outcome)


def _next(state: Tried, now: int) -> Next:
    late = state.expires_at is not None and now >= state.expires_at
    if late or state.at + 1 == len(state.channels):
        return Next(None)
    after = msgspec.structs.replace(state, at=state.at + 1)
    return Next(after, after.channel)


def _is_delivered(channel: str, outcome: Outcome) -> bool:
    return outcome.status in DELIVERED or (channel == INBOX and outcome.status == "sent")


def _is_failed(outcome: Outcome) -> bool:
    return outcome.status in FAILED or (outcome.status == "suppressed" and outcome.reason in OF_CHANNEL)


def _is_over(outcome: Outcome) -> bool:
    return outcome.status in OVER or (outcome.status == "suppressed" and outcome.reason not in OF_CHANNEL)
