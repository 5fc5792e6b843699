"""Why somebody is not sent to again, in a word; policy's reasons are words of it, too. Pure."""

from schemas.records import Outcome
from streams.policy.decision import DEFERRED, TRIED_ELSEWHERE

GO = "go"
ALREADY_SENT = "already_sent"
UNDER_WAY = "under_way"
TOLD_ELSEWHERE = "told_elsewhere"
ROUTE_WENT_ON = "route_went_on"
HEARD_SINCE = "heard_since"
OTHER_STATUS = "other_status"
OTHER_REASON = "other_reason"
NOT_RESENT = "not_resent_by_policy"
BATCH_GONE = "batch_gone"

SAID = {
    GO: "is decided afresh, and sent",
    ALREADY_SENT: "was sent",
    UNDER_WAY: "waits: held, tried again by timers, or replayed",
    TOLD_ELSEWHERE: "another channel of its route has told them, or may have",
    ROUTE_WENT_ON: "its route has gone on to the next channel",
    HEARD_SINCE: "the provider, or an operator, said something later",
    OTHER_STATUS: "the other of failed and unknown: --status",
    OTHER_REASON: "will not pass by itself: --reason names it",
    NOT_RESENT: "policy does not resend what may have been sent in that category",
    BATCH_GONE: "its batch is no longer on the log",
}
"""In full, of those that are no reason of policy or status."""
HEARD_SENT = frozenset({"accepted", "delivered", "opened", "clicked", "complained"})


def became(later: Outcome) -> str:
    """Of somebody of whom that was told last."""
    if later.status == "sent":
        return ALREADY_SENT
    if later.status == DEFERRED:
        return UNDER_WAY
    return ROUTE_WENT_ON if later.reason == TRIED_ELSEWHERE else later.status
