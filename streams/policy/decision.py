"""The whole decision for one user: what the profile says of each channel, then quiet hours, then caps. Pure.

Quiet hours and caps are of the person, not of a channel: they hold or refuse whatever could be sent, on all its channels alike.
"""

from typing import NamedTuple

from schemas.records import Notification, Profile
from streams.policy.caps import UNDER, Counters
from streams.policy.policy import CategoryPolicy, Policy
from streams.policy.quiet import quiet_until
from streams.policy.rules import SEND, reason_against
from streams.policy.table import QUIET_UNTIL, reasons_of

(QUIET_HOURS,) = reasons_of(QUIET_UNTIL)


class Decision(NamedTuple):
    """The reason against each channel of the notification; those with SEND are sent to, or (`held_until`, epoch ms) held together."""

    reasons: list[str]
    held_until: int | None


def decide(
    user: str,
    profile: Profile | None,
    notification: Notification,
    binds: CategoryPolicy,
    policy: Policy,
    counters: Counters | None,
    now: int,
) -> Decision:
    """Decide, and count in `counters` who is to be sent to. `now`: epoch ms; `binds`: the policy's for the notification.

    `counters`: those of the user's bucket at `now`. None: caps are not asked and nothing is counted, as for what is critical, and for a
    further channel or attempt of what was counted.
    """
    reasons = [reason_against(profile, channel, notification, binds, now) for channel in notification.channels]
    if profile is None or SEND not in reasons:
        return Decision(reasons, None)
    if binds.quiet_hours and profile.quiet_hours is not None:
        until = quiet_until(profile.time_zone, profile.quiet_hours, now)
        if until is not None:
            waits = binds.defers and (notification.expires_at is None or until < notification.expires_at)
            return Decision(reasons, until) if waits else Decision(_refused(reasons, QUIET_HOURS), None)
    if counters is None or not binds.counts:
        return Decision(reasons, None)
    over = counters.over(user, binds, policy, profile.frequency_cap)
    if over != UNDER:
        return Decision(_refused(reasons, over), None)
    counters.count(user, binds.name)
    return Decision(reasons, None)


def _refused(reasons: list[str], reason: str) -> list[str]:
    return [reason if each == SEND else each for each in reasons]
