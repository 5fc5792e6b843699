"""Every reason not to send, in the order in which it is asked; the first that speaks against it decides. Pure.

`docs/decisions.md` is made from this (`python -m streams.policy.page`), and so are the statuses and the order that the rules use.
"""

from typing import NamedTuple

ALWAYS = "always"
NOT_CRITICAL = "all but critical"
DECISION = "at the decision"
BOTH = "both"

REASON_AGAINST = "rules.reason_against"
QUIET_UNTIL = "quiet.quiet_until"
OVER = "caps.Counters.over"
CONTROL = "control.controlled"
SEEN = "content.reason_on"
SHEDS = "shedding.sheds"
GIVEN_UP = "tries.given_up"


class Check(NamedTuple):
    """One reason, and what stands behind it."""

    reason: str
    status: str
    """The end it comes to."""
    binds: str
    """ALWAYS, NOT_CRITICAL, or one of `policy.CHECKS`: then a category's policy chooses, and critical ones are free of it."""
    asked: str
    """DECISION (and again on each release of what was held), or BOTH: right before the send too."""
    rule: str
    """Which function says so; empty: none yet."""
    awaits: str
    """What has to come before anybody gets this reason; empty: it is produced."""
    says: str


TABLE = (
    Check("cancelled", "cancelled", ALWAYS, BOTH, CONTROL, "", "It was called off before it was sent."),
    Check("tried_elsewhere", "failed", ALWAYS, DECISION, GIVEN_UP, "", "Another channel was tried before it could be tried again."),
    Check("seen", "suppressed", NOT_CRITICAL, DECISION, SEEN, "", "It is a digest of what the user saw in the app meanwhile."),
    Check("expired", "expired", ALWAYS, BOTH, REASON_AGAINST, "", "It was too late to be of use."),
    Check("erased", "suppressed", ALWAYS, BOTH, "", "erasure (a later issue)", "The user had all their data erased."),
    Check("user_unknown", "suppressed", ALWAYS, BOTH, REASON_AGAINST, "", "There is no profile of this user."),
    Check("channel_disabled", "suppressed", ALWAYS, BOTH, REASON_AGAINST, "", "The user has this channel turned off."),
    Check("unsubscribed", "suppressed", ALWAYS, BOTH, REASON_AGAINST, "", "The user unsubscribed from mails of this category."),
    Check("category_muted", "suppressed", "mutes", BOTH, REASON_AGAINST, "", "The user has muted this category."),
    Check("phone_not_verified", "suppressed", ALWAYS, BOTH, REASON_AGAINST, "", "The user has not agreed to SMS to this phone."),
    Check("no_address", "suppressed", ALWAYS, BOTH, REASON_AGAINST, "", "This channel has no device or address of the user."),
    Check("address_suppressed", "suppressed", ALWAYS, BOTH, REASON_AGAINST, "", "Each address there is bounced, complained or is dead."),
    Check("quiet_hours", "suppressed", "quiet_hours", BOTH, QUIET_UNTIL, "", "The user had quiet hours, and it could not wait."),
    Check("hourly_limit", "suppressed", "hourly_limit", DECISION, OVER, "", "The user was told enough this hour."),
    Check("daily_limit", "suppressed", "daily_limit", DECISION, OVER, "", "The user was told enough this day."),
    Check("category_limit", "suppressed", "category_limit", DECISION, OVER, "", "The user was told enough of its category this day."),
    Check("frequency_cap", "suppressed", "frequency_cap", DECISION, OVER, "", "The user was told as often as they want this hour."),
    Check("shed", "shed", NOT_CRITICAL, DECISION, SHEDS, "", "It would have been later than it is worth."),
)

STATUS_OF = {check.reason: check.status for check in TABLE}


def reasons_of(rule: str) -> tuple[str, ...]:
    """The reasons a rule gives, in their order."""
    return tuple(check.reason for check in TABLE if check.rule == rule)
