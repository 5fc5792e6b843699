"""Who of a finished batch is to be decided afresh by the step that owns what people are due: now, or when it is time to try again. Pure.

Who was in quiet hours by then is handed back at once. Whom the provider could not take is handed back by a timer, when they are tried
again. Both are the same whenever they are asked for, with ids that are made of the batch's.
"""

from msgspec.structs import replace

from schemas import ids
from schemas.records import DeliverBatch, ExpandAudience, LedgerEntry
from streams.audience.own import column, own_of
from streams.delivery.ended import counted_on_of
from streams.delivery.retries import RETRIED, waits_for_a_day
from streams.policy.decision import DEFERRED

RETRY = "retry"
"""Kind of the timers of those who are tried again."""


def handed_back_of(batch: DeliverBatch, entry: LedgerEntry) -> ExpandAudience | None:
    """The command for those who had come into quiet hours; None: nobody."""
    return command_of(batch, _rows(entry, retried=False), ids.handed_back_id(batch.batch_id))


def retry_of(batch: DeliverBatch, entry: LedgerEntry) -> ExpandAudience | None:
    """The command, to be met at the entry's `retry_at`, for those who are tried again; None: nobody."""
    command = command_of(batch, _rows(entry, retried=True), ids.retry_id(batch.batch_id))
    if command is None:
        return None
    since = 0 if waits_for_a_day(entry) else batch.tried_since or entry.finished_at or 0
    return replace(command, attempts=batch.attempts + 1, tried_since=since)


def _rows(entry: LedgerEntry, *, retried: bool) -> list[int]:
    deferred = {number: outcome.reason for number, outcome in enumerate(entry.outcomes) if outcome.status == DEFERRED}
    wanted = {number for number, reason in deferred.items() if (reason in RETRIED) == retried}
    return [row for row, number in enumerate(entry.outcome_of) if number in wanted]


def command_of(batch: DeliverBatch, rows: list[int], hold: str) -> ExpandAudience | None:
    """The command to decide those rows afresh, on the channel of the batch; None: there are none.

    Who was handed over on this channel alone is given back what was counted (`ended`), and is counted again when it is time. Others may
    have been told on another channel, or were handed back before: it stays counted for them, once.
    """
    if not rows:
        return None
    counted_on, users = counted_on_of(batch), [batch.users[row] for row in rows]
    return ExpandAudience(
        notification=batch.notification,
        users=users,
        data=column(own_of(batch.users, batch.data), users),
        last=False,
        partitions=batch.partitions,
        hold_id=hold,
        channels=[batch.channel],
        counted=[counted_on[row] != 1 for row in rows],
        attempts=batch.attempts,
        tried_since=batch.tried_since,
    )
