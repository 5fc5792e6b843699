"""Who of a finished batch was certainly not told, to be given back what was counted for them. Pure."""

from schemas.records import DeliverBatch, LedgerEntry, SendsEnded
from streams.policy.caps import is_given_back


def ended_of(batch: DeliverBatch, entry: LedgerEntry) -> SendsEnded | None:
    """The same record whenever it is asked for; None: all were or may have been told, or it did not count (critical, an older record)."""
    if len(batch.counted_on) != len(batch.users):
        return None
    not_told = [is_given_back([outcome.status]) for outcome in entry.outcomes]
    rows = [row for row, number in enumerate(entry.outcome_of) if not_told[number]]
    if not rows:
        return None
    return SendsEnded(
        batch.notification.notification_id,
        batch.fanout_offset,
        batch.notification.category,
        batch.channel,
        [batch.users[row] for row in rows],
        [batch.counted_on[row] for row in rows],
        batch.decided_at,
    )
