"""When a digest's window ends. Pure.

It is worked out from when it began, and anew whenever the window is looked at: profile and policy are those of that moment. So who moves to
another zone, chooses another hour, or changes their quiet hours while something waits gets it by what they wish now.

- Daily: when the wall clock where the user is next *passes* the hour: the instant from which it shows one of the 12 hours from it on. A
  clock that is set forward over the hour passes it at that instant; one that is set back over it passes it twice.
- Else: `window_ms` after it began; and when it is quiet then, when that ends: a night has one digest, not one in five minutes that all
  wait for the morning.

Daily ones and those that waited for a morning are spread like what quiet hours held (`quiet.release_at`).
"""

from typing import NamedTuple

from schemas.records import Profile, QuietHours
from streams.policy.policy import CategoryPolicy, DigestPolicy, Policy
from streams.policy.quiet import quiet_until, release_at

_HALF_DAY = 720
_DAY = 1440


class Terms(NamedTuple):
    """What one user's digests of a category go by at one moment."""

    policy: DigestPolicy
    profile: Profile
    heeds_quiet: bool
    """Whether what is told waits for the end of quiet hours."""
    spread_ms: int

    @property
    def hour(self) -> int | None:
        """The hour at which the user gets a daily digest; None: by windows."""
        return self.profile.daily_digest if self.policy.daily else None

    @property
    def cools(self) -> bool:
        """Whether a window follows on what was told, in which all others wait."""
        return self.policy.first_now and self.hour is None


def terms_of(profile: Profile | None, binds: CategoryPolicy, policy: Policy) -> Terms | None:
    """The terms; None: nothing is digested (any more), because the category has none or there is no such user."""
    if profile is None or binds.digest is None:
        return None
    return Terms(binds.digest, profile, binds.quiet_hours and binds.defers, policy.spread_ms)


def ends_at(terms: Terms, began: int) -> int:
    """When a window ends that began at a time (epoch ms)."""
    profile = terms.profile
    if terms.hour is not None:
        before = QuietHours((terms.hour * 60 + _HALF_DAY) % _DAY, terms.hour * 60)
        return _spread(next_pass(profile.time_zone, terms.hour, began), before, terms)
    end = began + terms.policy.window_ms
    until = _quiet_until(terms, end)
    return end if until is None or profile.quiet_hours is None else _spread(until, profile.quiet_hours, terms)


def is_first_now(terms: Terms, now: int) -> bool:
    """Whether the first is told at once; in quiet hours it would only wait elsewhere."""
    return terms.cools and _quiet_until(terms, now) is None


def next_pass(zone: str, hour: int, after: int) -> int:
    """The first instant (epoch ms) after `after` at which the wall clock passes an hour (0-23)."""
    start, opposite = hour * 60, (hour * 60 + _HALF_DAY) % _DAY
    past = quiet_until(zone, QuietHours(start, opposite), after)
    before = after if past is None else past
    until = quiet_until(zone, QuietHours(opposite, start), before)
    assert until is not None, "what is not in one half of the day is in the other"
    return until


def _quiet_until(terms: Terms, at: int) -> int | None:
    return quiet_until(terms.profile.time_zone, terms.profile.quiet_hours, at) if terms.heeds_quiet else None


def _spread(until: int, window: QuietHours, terms: Terms) -> int:
    released = release_at(until, window, terms.spread_ms, terms.profile.user_id, None)
    return until if released is None else released
