"""The policy, as data: what binds in each category, and what is tried for it. Pure; `loader` reads it from a file."""

from collections.abc import Callable

import msgspec

from schemas.errors import RecordRefused
from schemas.records import Notification, Priority
from streams.policy.local import all_due

CATEGORIES = ("transactional", "engagement", "promotional", "system")
"""Those that every policy has; it may have others."""
CHECKS = ("mutes", "quiet_hours", "hourly_limit", "daily_limit", "category_limit", "frequency_cap")
"""What a category chooses to be bound by. Nothing else is a choice: see `table`."""
_UNBOUND = dict.fromkeys(CHECKS, False)


class UnknownCategory(RecordRefused):
    """A notification of a category the policy does not know."""

    reason = "unknown_category"


class Retry(msgspec.Struct, frozen=True):
    """How long what was certainly not sent is tried again (ms), the first wait between two attempts, and the longest."""

    for_ms: int
    first_ms: int
    most_ms: int


class Route(msgspec.Struct, frozen=True):
    """Channels in order: all of them, or (`first`) the next one only when one fails, or has not delivered within `after_ms`."""

    channels: tuple[str, ...]
    first: bool = False
    after_ms: int | None = None


class DigestPolicy(msgspec.Struct, frozen=True):
    """When what has one digest key becomes one notification: `window_ms` after it began, or when it has `count` members.

    `first_now`: the first is told at once, and what follows waits. `daily`: who chose an hour gets one then, and only then.
    """

    window_ms: int
    count: int | None = None
    first_now: bool = False
    daily: bool = False


class CategoryPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """What binds a notification of one category: the CHECKS by name, and what goes with them."""

    name: str
    mutes: bool
    quiet_hours: bool
    hourly_limit: bool
    daily_limit: bool
    category_limit: bool
    frequency_cap: bool
    defers: bool
    """In quiet hours: held until they end; otherwise suppressed."""
    a_day: int
    counts: bool = True
    """Whether it adds to what the user was told this hour and day."""
    expires_after_ms: int | None
    resend_unknown: bool
    retry: Retry
    routes: dict[Priority, Route]
    digest: DigestPolicy | None = None
    """For notifications with a digest key; None: they are told one by one."""
    shed_over_ms: int | None = None
    """Of low priority, it is shed when it would be later than that; None: never."""


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """All categories, the limits a user has over all of them, and a version that names exactly this content."""

    version: str = ""
    an_hour: int
    a_day: int
    spread_ms: int
    """What quiet hours held is released over so long after their end."""
    critical_retry: Retry
    categories: dict[str, CategoryPolicy]

    def of(self, notification: Notification) -> CategoryPolicy:
        """What binds for a notification. Raises UnknownCategory.

        A critical one is bound by none of the CHECKS and counts nowhere. That is code and not data: the urgent lane has no counters
        (ADR 0011), and no file shall keep a login code from its user.
        """
        try:
            category = self.categories[notification.category]
        except KeyError:
            known = ", ".join(sorted(self.categories))
            raise UnknownCategory(f"category {notification.category!r} is not in the policy ({known})") from None
        if notification.priority != Priority.CRITICAL:
            return category
        return msgspec.structs.replace(
            category, **_UNBOUND, counts=False, resend_unknown=True, retry=self.critical_retry, digest=None, shed_over_ms=None
        )

    def resends_unknown(self, notification: Notification) -> bool:
        """Whether an attempt of unknown outcome is made again: a second code is better than none, a second advertisement is not."""
        return self.of(notification).resend_unknown

    def expires_at(self, notification: Notification) -> int | None:
        """When it is too late for a notification (epoch ms; None: never): its own time, or its category's after all were due."""
        if notification.expires_at is not None:
            return notification.expires_at
        after_ms = self.of(notification).expires_after_ms
        if after_ms is None:
            return None
        return all_due(notification.occurred_at, notification.not_before, notification.local_minute) + after_ms


InForce = Callable[[], Policy]
"""Gives the policy that binds now; whoever decides asks once for each record."""
