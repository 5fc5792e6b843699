"""What a replay is asked for, and whom it finds. Pure."""

from collections import Counter
from typing import NamedTuple

import msgspec

from schemas.records import Outcome, StatusBatch
from streams.delivery.retries import RETRIED

FAILED, UNKNOWN = "failed", "unknown"
MAY_PASS = RETRIED | {"template_error"}
"""Reasons of `failed` that are not the recipient's, so that it may go better now. Others are sent again when they are named."""
Key = tuple[str, str, str]
"""Notification, channel, user."""


class Chosen(msgspec.Struct, frozen=True, kw_only=True):
    """Those who were told `status` from `since` to `until` (epoch ms), on what else is named; empty: on any.

    `reasons`: empty: those that may pass, for `failed`; any, for `unknown`.
    """

    since: int
    until: int
    status: str = FAILED
    notification: str = ""
    channel: str = ""
    provider: str = ""
    category: str = ""
    reasons: frozenset[str] = frozenset()

    def is_about(self, told: StatusBatch) -> bool:
        """Whether a status is of a notification and channel that were asked for."""
        about = told.notification
        wanted = ((self.notification, about.notification_id), (self.channel, told.channel), (self.category, about.category))
        return all(name in ("", found) for name, found in wanted)

    def has_reason(self, outcome: Outcome) -> bool:
        """Whether those of an outcome may be sent again, as far as its reason goes."""
        allowed = self.reasons or (MAY_PASS if outcome.status == FAILED else ())
        return not allowed or outcome.reason in allowed


class Line(NamedTuple):
    """What is counted together: why they are not sent again (`GO`: they are), and what they are of. `reason`: of what they were told."""

    why: str
    notification: str
    channel: str
    provider: str
    reason: str


Lines = Counter[Line]
"""Recipients."""


class Told(NamedTuple):
    """A status, and where it is in its partition."""

    status: StatusBatch
    offset: int


class Person(msgspec.Struct, gc=False):
    """A recipient who failed, or may have been sent to: in row `row` of `told`. `later`: what was decided after that, `heard`: said by a
    provider.
    """

    told: Told
    row: int
    later: Outcome | None = None
    heard: str = ""

    @property
    def outcome(self) -> Outcome:
        """What they were told."""
        return self.told.status.outcomes[self.told.status.outcome_of[self.row]]


def provider_of(status: StatusBatch, row: int) -> str:
    """Who was called for one recipient; empty: nobody."""
    return status.providers[status.provider_of[row]] if status.provider_of else status.provider
