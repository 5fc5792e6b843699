"""What the audience step is told of a batch whose users may be tried on another channel. Pure."""

from schemas.coded import rows_of
from schemas.records import ChannelEnded, DeliverBatch, StatusBatch
from streams.routing.rules import matters


def ended_of(batch: DeliverBatch, status: StatusBatch) -> ChannelEnded | None:
    """Those of a finished batch whose status leads on to the next channel, or ends it; None: nobody. The same whenever it is told again."""
    if not batch.followed:
        return None
    told = {number for number, outcome in enumerate(status.outcomes) if matters(batch.channel, outcome)}
    rows = [row for row, number in enumerate(status.outcome_of) if number in told]
    if not rows:
        return None
    outcomes, outcome_of = rows_of(status.outcomes, status.outcome_of, rows)
    return ChannelEnded(
        notification=batch.notification,
        channel=batch.channel,
        batch_id=batch.batch_id,
        users=[status.users[row] for row in rows],
        outcomes=outcomes,
        outcome_of=outcome_of,
        at=status.at,
    )
