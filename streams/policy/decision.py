"""The whole decision for one user: what the profile says of each channel, then local time, digests, quiet hours, caps, and lateness. Pure.

All but the first are of the person, not of a channel: they hold, take or refuse whatever could be sent, on all its channels alike.
"""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from schemas.records import Notification, Profile
from streams.audience.own import Own, told_to
from streams.digest.folding import Folding
from streams.digest.rules import Whose
from streams.digest.windows import terms_of
from streams.policy.caps import UNDER, Counters
from streams.policy.local import local_due
from streams.policy.policy import CategoryPolicy, Policy
from streams.policy.quiet import quiet_until, release_at
from streams.policy.rules import EXPIRED, SEND, reason_against
from streams.policy.table import GIVEN_UP, QUIET_UNTIL, SHEDS, reasons_of

(QUIET_HOURS,) = reasons_of(QUIET_UNTIL)
LOCAL_TIME = "local_time"
"""Whoever is held because it is for a later time of the day where they are."""
DEFERRED = "deferred"
"""The status of who is held. It is no end."""
(SHED,) = reasons_of(SHEDS)
(TRIED_ELSEWHERE,) = reasons_of(GIVEN_UP)


class Case(NamedTuple):
    """What is the same for everybody who is decided at once.

    `channels`: those of the notification that are asked for. `binds`: the policy's for the notification. `seed`: what spreads the releases
    of others away from these. `now`: epoch ms. `shed`: channels that would be too late. `own`: data of the recipients' own.
    `given_up`: users who were to be tried again, and are tried on another channel by now.
    """

    notification: Notification
    channels: Sequence[str]
    binds: CategoryPolicy
    policy: Policy
    seed: str
    now: int
    shed: Collection[str] = ()
    own: Own = {}
    given_up: Collection[str] = ()


class Decision(NamedTuple):
    """The reason against each channel of the case; those with SEND are sent to, or held together until `release_at` (epoch ms).

    Or they are in a digest, which has that id; empty: they were told of it before.
    """

    reasons: list[str]
    release_at: int | None
    waits_for: str = QUIET_HOURS
    digest_id: str | None = None


def decide(user: str, profile: Profile | None, case: Case, counters: Counters | None, folding: Folding | None = None) -> Decision:
    """Decide; count in `counters` who is to be sent to, and take into `folding` who is told in a digest.

    `counters`: those of the user's bucket at the case's time. None: caps are not asked and nothing is counted, as for what is critical, and
    for a further channel or attempt of what was counted. `folding`: None when nothing is digested.
    """
    notification, channels, binds, policy, seed, now, shed, own, given_up = case
    if user in given_up:
        return Decision([TRIED_ELSEWHERE] * len(channels), None)
    reasons = [reason_against(profile, channel, notification, binds, now) for channel in channels]
    if notification.withheld:
        reasons = [notification.withheld.get(channel, reason) for channel, reason in zip(channels, reasons, strict=True)]
    if profile is None or SEND not in reasons:
        return Decision(reasons, None)
    if notification.local_minute is not None and (then := _local_due(profile, notification)) > now:
        late = notification.expires_at is not None and then >= notification.expires_at
        return Decision(_refused(reasons, EXPIRED), None) if late else Decision(reasons, then, LOCAL_TIME)
    if folding is not None and (terms := terms_of(profile, binds, policy)) is not None:
        whose = Whose(user, notification.category, notification.digest_key)
        if (digest := folding.arrived(whose, told_to(user, notification, own), terms)) is not None:
            return Decision(reasons, None, digest_id=digest)
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


def _local_due(profile: Profile, about: Notification) -> int:
    assert about.local_minute is not None
    return local_due(profile.time_zone, about.local_minute, max(about.occurred_at, about.not_before or 0))


def _refused(reasons: list[str], reason: str) -> list[str]:
    return [reason if each == SEND else each for each in reasons]
