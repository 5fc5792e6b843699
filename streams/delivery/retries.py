"""When those are tried again whom a provider could certainly not take, and how it ends when there is no time left. Pure.

The waits are exponential with full jitter (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/), no shorter than a
provider asked for, and end with what policy allows or when the notification expires, whichever is first. The last try is before that end.
Who waits for the next day of an account does so until it begins, or the notification expires.
"""

import msgspec

from schemas.coded import coded
from schemas.records import DeliverBatch, LedgerEntry, Outcome
from streams.delivery.ledger import finished
from streams.policy.decision import DEFERRED
from streams.policy.policy import Retry
from streams.policy.quiet import in_words
from streams.policy.rules import EXPIRED, outcome_of

UNAVAILABLE, THROTTLED, MISCONFIGURED = "provider_unavailable", "provider_throttled", "provider_misconfigured"
DAY_OVER = "the limit of the day is reached"
"""Detail of who is `THROTTLED` by the day's limit of our own."""
SPREAD_MS = 15 * 60_000
"""After the next day has begun they are tried again within this time: not all at once."""
RETRIED = frozenset({UNAVAILABLE, THROTTLED, MISCONFIGURED})
"""Reasons of who was certainly not sent to."""
BEFORE_MS = 1_000
"""The last try is so long before it expires."""
MAX_DETAIL = 200


def ended(entry: LedgerEntry, batch: DeliverBatch, retry: Retry, now: int, draw: float) -> LedgerEntry:
    """The entry of a batch whose last result is known, at `now` (epoch ms).

    Whom the provider could not take is `deferred` until `retry_at`; or, when there is no time left, has failed, or expired.
    `draw`: of [0, 1), what the wait depends on.
    """
    entry = finished(entry, now)
    if not any(map(_is_retried, entry.outcomes)):
        return msgspec.structs.replace(entry, retry_at=None)
    due = _due(entry, batch, retry, now, draw) if batch.partitions else None
    distinct, outcome_of = _replaced(entry, batch, retry, due, now)
    return msgspec.structs.replace(entry, retry_at=due, outcomes=distinct, outcome_of=outcome_of)


def waits_for_a_day(entry: LedgerEntry) -> bool:
    """Whether the limit of a day is what some wait for: that is no try, and takes nothing from the time there is for tries."""
    return any(outcome.reason == THROTTLED and outcome.detail.endswith(DAY_OVER) for outcome in entry.outcomes)


def _due(entry: LedgerEntry, batch: DeliverBatch, retry: Retry, now: int, draw: float) -> int | None:
    not_before = entry.retry_at or 0
    if not waits_for_a_day(entry):
        return due_of(retry, batch, now, draw, not_before=not_before)
    expires_at = batch.notification.expires_at
    if expires_at is None:
        return not_before + round(draw * SPREAD_MS)
    left = expires_at - BEFORE_MS - not_before
    return not_before + round(draw * min(left, SPREAD_MS)) if left >= retry.first_ms else None


def due_of(retry: Retry, batch: DeliverBatch, now: int, draw: float, *, not_before: int = 0) -> int | None:
    """When the next try is (epoch ms); None: there is no time for another."""
    end = _end(retry, batch, now)
    wait = min(retry.most_ms, retry.first_ms << min(batch.attempts, 32))
    due = max(now + round(draw * wait), not_before)
    if due <= end:
        return due
    left = end - max(now, not_before)
    return end - round(draw * left) if left >= retry.first_ms else None


def _end(retry: Retry, batch: DeliverBatch, now: int) -> int:
    """The latest time of a try."""
    end = (batch.tried_since or now) + retry.for_ms
    expires_at = batch.notification.expires_at
    return end if expires_at is None else min(end, expires_at - BEFORE_MS)


def _replaced(entry: LedgerEntry, batch: DeliverBatch, retry: Retry, due: int | None, now: int) -> tuple[list[Outcome], list[int]]:
    expires_at = batch.notification.expires_at
    expires = expires_at is not None and (waits_for_a_day(entry) or _end(retry, batch, now) == expires_at - BEFORE_MS)
    ends = [_end_of(outcome, due, expires=expires) if _is_retried(outcome) else outcome for outcome in entry.outcomes]
    return coded(ends[number] for number in entry.outcome_of)


def _end_of(outcome: Outcome, due: int | None, *, expires: bool) -> Outcome:
    if due is not None:
        return Outcome(DEFERRED, outcome.reason, f"{in_words(due)} {outcome.detail}"[:MAX_DETAIL])
    if not expires:
        return outcome
    return msgspec.structs.replace(outcome_of(EXPIRED), detail=f"{outcome.reason} until then: {outcome.detail}"[:MAX_DETAIL])


def _is_retried(outcome: Outcome) -> bool:
    return outcome.status == "failed" and outcome.reason in RETRIED
