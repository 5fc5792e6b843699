"""The whole decision for one user: what the profile says of each channel, then quiet hours, caps, and lateness. Pure.

Quiet hours and caps are of the person, not of a channel: they hold or refuse whatever could be sent, on all its channels alike.
"""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from schemas.records import Notification, Profile
from streams.policy.caps import UNDER, Counters
from streams.policy.policy import CategoryPolicy, Policy
from streams.policy.quiet import quiet_until, release_at
from streams.policy.rules import SEND, reason_against
from streams.policy.table import QUIET_UNTIL, SHEDS, reasons_of

(QUIET_HOURS,) = reasons_of(QUIET_UNTIL)
(SHED,) = reasons_of(SHEDS)


class Case(NamedTuple):
    """What is the same for everybody who is decided at once.

    `channels`: those of the notification that are asked for. `binds`: the policy's for the notification. `seed`: what spreads the releases
    of others away from these. `now`: epoch ms. `shed`: channels that would be too late.
    """

    notification: Notification
    channels: Sequence[str]
    binds: CategoryPolicy
    policy: Policy
    seed: str
    now: int
    shed: Collection[str] = ()


class Decision(NamedTuple):
    """The reason against each channel of the case; those with SEND are sent to, or held together until `release_at` (epoch ms)."""

    reasons: list[str]
    release_at: int | None


def decide(user: str, profile: Profile | None, case: Case, counters: Counters | None) -> Decision:
    """Decide, and count in `counters` who is to be sent to.

    `counters`: those of the user's bucket at the case's time. None: caps are not asked and nothing is counted, as for what is critical, and
    for a further channel or attempt of what was counted.
    """
    notification, channels, binds, policy, seed, now, shed = case
    reasons = [reason_against(profile, channel, notification, binds, now) for channel in channels]
    if profile is None or SEND not in reasons:
        return Decision(reasons, None)
    if binds.quiet_hours and profile.quiet_hours is not None:
        until = quiet_until(profile.time_zone, profile.quiet_hours, now)
        if until is not None:
            due = release_at(until, profile.quiet_hours, policy.spread_ms, seed, notification.expires_at) if binds.defers else None
            return Decision(reasons, due) if due is not None else Decision(_refused(reasons, QUIET_HOURS), None)
    counting = counters if binds.counts else None
    over = counting.over(user, binds, policy, profile.frequency_cap) if counting is not None else UNDER
    if over != UNDER:
        return Decision(_refused(reasons, over), None)
    if shed:
        reasons = [SHED if reason == SEND and channel in shed else reason for channel, reason in zip(channels, reasons, strict=True)]
    if counting is not None and SEND in reasons:
        counting.count(user, binds.name)
    return Decision(reasons, None)


def _refused(reasons: list[str], reason: str) -> list[str]:
    return [reason if each == SEND else each for each in reasons]
