"""Who of a finished batch was certainly not told, to be given back what was counted for them. Pure."""

from collections.abc import Sequence

from schemas.records import DeliverBatch, LedgerEntry, SendsEnded
from streams.policy.caps import is_given_back
from streams.policy.decision import DEFERRED


def ended_of(batch: DeliverBatch, entry: LedgerEntry) -> SendsEnded | None:
    """The same record whenever it is asked for; None: all were or may have been told, or it did not count.

    Of those who are handed back (`handed_back`) it is told of who has no other channel.
    """
    statuses, counted_on = [outcome.status for outcome in entry.outcomes], counted_on_of(batch)
    if not any(_gives_back(status, 1) for status in statuses):  # nearly always
        return None
    rows = [row for row, number in enumerate(entry.outcome_of) if _gives_back(statuses[number], counted_on[row])]
    if not rows:
        return None
    return SendsEnded(
        batch.notification.notification_id,
        batch.fanout_offset,
        batch.notification.category,
        batch.channel,
        [batch.users[row] for row in rows],
        [counted_on[row] for row in rows],
        batch.decided_at,
    )


def counted_on_of(batch: DeliverBatch) -> Sequence[int]:
    """By recipient: on how many channels they were handed over by the decision that counted it; 0: that one did not."""
    return batch.counted_on if len(batch.counted_on) == len(batch.users) else [0] * len(batch.users)


def _gives_back(status: str, counted_on: int) -> bool:
    return counted_on > 0 and (is_given_back([status]) or (status == DEFERRED and counted_on == 1))
