"""A status batch as writes: its place in the timeline, and what its users will read in their history and inbox."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from projections.base import Position
from projections.cassandra import statements
from projections.cassandra.blobs import Recipients, found, pack, pick, recipients_of
from projections.cassandra.entries import MILESTONES, About, Key, Told, details, written_us
from projections.cassandra.parts import parts_of
from projections.cassandra.policy import Policy, Write, first_wins, seconds_left
from projections.checks import storable
from schemas.partition import bucket_of
from schemas.records import StatusBatch

IN_APP = "in_app"
SHOWN = ("sent", "delivered")


def status(batch: StatusBatch, position: Position, policy: Policy, now: int) -> Iterator[Write]:
    """Everything one status batch writes; nothing when its time has passed."""
    ttl = seconds_left(batch.at, policy.history_ttl_ms, now)
    if ttl <= 0 or not batch.users:
        return
    yield _seen_in(batch, position, ttl)
    for part in parts_of(batch):
        yield from _part(part, position, policy, now, ttl)


def _part(batch: StatusBatch, position: Position, policy: Policy, now: int, ttl: int) -> Iterator[Write]:
    columns = recipients_of(batch)
    yield _event(batch, columns, position, ttl)
    lines: list[int] = []
    if len(batch.users) < policy.blob_users:
        lines = list(range(len(batch.users)))
    else:
        for bucket, indices in by_bucket(batch.users).items():
            if len(indices) < policy.bucket_users:
                lines += indices
            else:
                yield _outcomes(batch, bucket, pick(columns, indices), ttl)
                for i in indices if batch.data else ():  # a bucket has no room for what is one's own; the inbox takes a row before it
                    yield from _shown(batch, columns, i, policy, now)
    for i in lines:
        yield from _of_user(batch, columns, i, policy, now, ttl)


def by_bucket(users: Sequence[str]) -> dict[int, list[int]]:
    """The indices of the users of each bucket."""
    groups: dict[int, list[int]] = {}
    for i, user in enumerate(users):
        groups.setdefault(bucket_of(user), []).append(i)
    return groups


def month_of(created_at: int) -> int:
    """The month of a time in UTC, as 202601."""
    day = datetime.fromtimestamp(created_at / 1000, UTC)
    return day.year * 100 + day.month


def about(batch: StatusBatch) -> About:
    """What every line of this batch says of the notification."""
    told = batch.notification
    return About(told.event_type, told.campaign, told.category, told.priority.value, told.template_id, told.template_version)


def told_of(batch: StatusBatch, columns: Recipients, i: int) -> Told:
    """What the batch says of its i-th user."""
    it = found(columns, i)
    return Told(
        it.status, it.reason, it.detail, batch.at, batch.status_id, batch.provider, it.provider_message_id, batch.attempt,
        it.profile_offset, batch.policy_version,
    )  # fmt: skip


def _seen_in(batch: StatusBatch, position: Position, ttl: int) -> Write:
    accepted_at = batch.notification.accepted_at
    return Write(statements.PARTITION, (first_wins(accepted_at), ttl, {position.partition}, batch.notification.notification_id))


def _event(batch: StatusBatch, columns: Recipients, position: Position, ttl: int) -> Write:
    values = (
        batch.notification.notification_id, position.partition, batch.status_id, batch.at, batch.channel, batch.batch_id, batch.provider,
        batch.attempt, batch.policy_version, len(batch.users), tally(columns), batch.caused_by_topic, batch.caused_by_partition,
        batch.caused_by_offset, position.topic, position.offset, pack(columns), batch.at * 1000, ttl,
    )  # fmt: skip
    return Write(statements.EVENT, values)


def tally(columns: Recipients) -> dict[str, int]:
    """How many users met each status: by `status`, or `status:reason` where there is a reason."""
    counts: Counter[str] = Counter()
    for k, number in Counter(columns.outcome_of).items():
        status, reason, _ = columns.outcomes[k]
        counts[f"{status}:{reason}" if reason else status] += number
    return dict(counts)


def _outcomes(batch: StatusBatch, bucket: int, columns: Recipients, ttl: int) -> Write:
    told = batch.notification
    values = (
        bucket, month_of(told.accepted_at), told.accepted_at, told.notification_id, batch.channel, batch.status_id, *about(batch),
        storable(told.expires_at), batch.provider, batch.attempt, batch.policy_version, batch.at, len(columns.users), pack(columns),
        batch.at * 1000, ttl,
    )  # fmt: skip
    return Write(statements.OUTCOMES, values)


def _of_user(batch: StatusBatch, columns: Recipients, i: int, policy: Policy, now: int, ttl: int) -> Iterator[Write]:
    told = batch.notification
    key = Key(columns.users[i], told.accepted_at, told.notification_id, batch.channel)
    it = told_of(batch, columns, i)
    yield line(key, about(batch), it, ttl)
    yield from _shown(batch, columns, i, policy, now)


def _shown(batch: StatusBatch, columns: Recipients, i: int, policy: Policy, now: int) -> Iterator[Write]:
    """The user's message in the inbox, if it was sent there."""
    inbox_ttl = seconds_left(batch.at, policy.inbox_ttl_ms, now)
    if batch.channel == IN_APP and found(columns, i).status in SHOWN and inbox_ttl > 0:
        yield _inbox(batch, columns.users[i], batch.data[i] if batch.data else {}, inbox_ttl)


def line(key: Key, about: About, told: Told, ttl: int) -> Write:
    """One status of one user as cells of the user's line."""
    known = details(told)
    milestone = told.at if told.status in MILESTONES else {told.status: told.at}
    us = written_us(told.at, told.status, told.status_id)
    return Write(statements.history(told.status), (us, ttl, *about, *map(known.get, statements.DETAILS), milestone, *key))


def _inbox(batch: StatusBatch, user: str, own: dict[str, str], ttl: int) -> Write:
    told = batch.notification
    values = (
        user, told.accepted_at, told.notification_id, told.template_id, told.template_version, told.category, {**told.data, **own},
        storable(told.expires_at), batch.at, batch.at * 1000, ttl,
    )  # fmt: skip
    return Write(statements.INBOX, values)
