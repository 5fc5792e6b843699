"""What a replay writes: a status that reopens some of a batch, and the command to decide them afresh, which is made of that status. Pure.

Both bear an id made of the batch's and of how often others of it were reopened before. So of two replays that take people of one batch at
once the first status on the log counts, and both write the same command.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from ops.replay.model import Told
from schemas import ids
from schemas.coded import coded
from schemas.records import DeliverBatch, ExpandAudience, Outcome, StatusBatch
from schemas.topics import STATUS
from streams.delivery.handed_back import command_of
from streams.policy.decision import DEFERRED
from streams.policy.quiet import in_words

REPLAYED = "replayed"
MOST_TIMES = 10_000
"""Of one batch: it has a thousand users at most, and each replay of it takes one or more."""


def reopening_of(told: Told, rows: Sequence[int], times: int, replay: str, partition: int, now: int) -> StatusBatch:
    """The status that says that these rows of an earlier one have no end any more. `times`: the number of this replay of the batch."""
    before = told.status
    at = max(now, before.at + 1)  # whatever this clock says, it is the later state
    ends = [before.outcomes[before.outcome_of[row]] for row in rows]
    outcomes, outcome_of = coded(Outcome(DEFERRED, REPLAYED, f"{in_words(at)} replay {replay}: {end.status} {end.reason}") for end in ends)
    return StatusBatch(
        status_id=ids.deferred_id(ids.replay_id(before.batch_id, times), before.channel),
        notification=before.notification,
        channel=before.channel,
        batch_id=before.batch_id,
        users=[before.users[row] for row in rows],
        outcomes=outcomes,
        outcome_of=outcome_of,
        profile_offsets=[-1] * len(rows),
        at=at,
        caused_by_topic=STATUS,
        caused_by_partition=partition,
        caused_by_offset=told.offset,
    )


def command_for(reopening: StatusBatch, batch: DeliverBatch) -> ExpandAudience:
    """The command to decide those afresh, with a whole budget of retries: the same whoever makes it of that status."""
    reopened = set(reopening.users)
    rows = [row for row, user in enumerate(batch.users) if user in reopened]
    command = command_of(batch, rows, hold_of(reopening))
    assert command is not None
    return replace(command, attempts=0, tried_since=0)


def hold_of(reopening: StatusBatch) -> str:
    """The id of the command that follows it."""
    return ids.replay_id(reopening.batch_id, times_of(reopening))


def times_of(reopening: StatusBatch) -> int:
    """Which replay of its batch it is. Raises ValueError when it is none."""
    batch, channel, wanted = reopening.batch_id, reopening.channel, reopening.status_id
    for times in range(MOST_TIMES):
        if ids.deferred_id(ids.replay_id(batch, times), channel) == wanted:
            return times
    raise ValueError(f"status {wanted} is no replay of batch {batch}")
