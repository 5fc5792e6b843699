"""Who is sent again, and why the others are not. Pure.

Only who has an end is: who waits will have one. What else may stand against it now (quiet hours, caps, a pause, lateness) is for the step
that decides them afresh.
"""

from collections.abc import Container, Mapping
from typing import NamedTuple

from ops.replay.model import UNKNOWN, Chosen, Key, Person
from ops.replay.words import (
    ALREADY_SENT,
    BATCH_GONE,
    GO,
    HEARD_SENT,
    HEARD_SINCE,
    NOT_RESENT,
    OTHER_REASON,
    OTHER_STATUS,
    ROUTE_WENT_ON,
    TOLD_ELSEWHERE,
    became,
)
from schemas.records import Notification, Profile
from streams.policy.policy import Policy, Route, UnknownCategory
from streams.policy.rules import CANCELLED, SEND, reason_against
from streams.routing.rules import route_of


class Known(NamedTuple):
    """What there is now. `cancelled`: notifications; `profiles`: by user; `elsewhere`: notification and user of who was told on a channel
    before; `batches`: those that are still on the log, by id. `now`: epoch ms.
    """

    policy: Policy
    cancelled: Container[str]
    profiles: Mapping[str, Profile]
    elsewhere: Container[tuple[str, str]]
    batches: Container[str]
    now: int


def why_not(key: Key, person: Person, chosen: Chosen, known: Known) -> str:
    """The first reason not to send them again; GO: there is none."""
    return _of_status(person, chosen) or _of_policy(person, known.policy) or _of_now(key, person, known) or GO


def follows(notification: Notification, policy: Policy) -> Route | None:
    """The route of a notification that tries several channels one after the other; None: it does not."""
    try:
        route = route_of(notification, policy.of(notification))
    except UnknownCategory:
        return None
    return route if route.first and len(route.channels) > 1 else None


def _of_status(person: Person, chosen: Chosen) -> str:
    if person.later is not None:
        return became(person.later)
    if person.heard:
        return ALREADY_SENT if person.heard in HEARD_SENT else HEARD_SINCE
    if person.outcome.status != chosen.status:
        return OTHER_STATUS
    return "" if chosen.has_reason(person.outcome) else OTHER_REASON


def _of_policy(person: Person, policy: Policy) -> str:
    about = person.told.status.notification
    try:
        resends = policy.resends_unknown(about)
    except UnknownCategory as error:
        return error.reason
    if person.outcome.status == UNKNOWN and not resends:
        return NOT_RESENT
    # who is decided on an earlier channel begins their route anew, and would be tried on the next one twice
    route = follows(about, policy)
    return ROUTE_WENT_ON if route is not None and person.told.status.channel != route.channels[-1] else ""


def _of_now(key: Key, person: Person, known: Known) -> str:
    notification, channel, user = key
    about = person.told.status.notification
    if (notification, user) in known.elsewhere:
        return TOLD_ELSEWHERE
    if notification in known.cancelled:
        return CANCELLED
    reason = reason_against(known.profiles.get(user), channel, about, known.policy.of(about), known.now)
    if reason != SEND:
        return reason
    return "" if person.told.status.batch_id in known.batches else BATCH_GONE
