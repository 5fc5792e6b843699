"""Who of a finished batch was in quiet hours by then, to be decided afresh by the step that owns what people are due. Pure."""

from schemas import ids
from schemas.records import DeliverBatch, ExpandAudience, LedgerEntry
from streams.audience.own import column, own_of
from streams.delivery.ended import counted_on_of
from streams.policy.decision import DEFERRED


def handed_back_of(batch: DeliverBatch, entry: LedgerEntry) -> ExpandAudience | None:
    """The same command whenever it is asked for, with a hold's id made of the batch's; None: nobody.

    Who was handed over on this channel alone is given back what was counted (`ended`), and is counted again when it is time. Others may
    have been told on another channel, or were handed back before: it stays counted for them, once.
    """
    rows = [row for row, number in enumerate(entry.outcome_of) if entry.outcomes[number].status == DEFERRED]
    if not rows:
        return None
    counted_on, users = counted_on_of(batch), [batch.users[row] for row in rows]
    return ExpandAudience(
        notification=batch.notification,
        users=users,
        data=column(own_of(batch.users, batch.data), users),
        last=False,
        partitions=batch.partitions,
        hold_id=ids.handed_back_id(batch.batch_id),
        channels=[batch.channel],
        counted=[counted_on[row] != 1 for row in rows],
    )
