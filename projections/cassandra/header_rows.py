"""What was asked for, and what became of the audience, as writes."""

from collections.abc import Iterator

from projections.base import Position
from projections.cassandra import statements
from projections.cassandra.policy import Policy, Write, first_wins, seconds_left
from projections.checks import storable, users_named
from projections.overrides import in_words
from schemas.records import AudienceExpanded, NotificationRequested


def requested(record: NotificationRequested, position: Position, policy: Policy, now: int) -> Iterator[Write]:
    """The header. A request that was repeated does not replace the first; the first part of a list says how many all parts name."""
    asked, audience = record.notification, record.audience
    ttl = seconds_left(asked.accepted_at, policy.history_ttl_ms, now)
    if ttl <= 0 or record.part:
        return
    columns = (
        asked.notification_id, asked.event_type, asked.source, asked.campaign, asked.template_id, asked.template_version, asked.category,
        asked.priority.value, asked.channels, asked.data, asked.occurred_at, asked.accepted_at, storable(asked.expires_at),
        storable(asked.not_before), asked.local_minute, users_named(record), audience.expression, record.idempotency_key,
        record.rules_version, in_words(asked.overrides) or None, *position,
    )  # fmt: skip
    yield Write(statements.NOTIFICATION, (*columns, first_wins(asked.accepted_at), ttl))


def expanded(record: AudienceExpanded, position: Position, policy: Policy, now: int) -> Iterator[Write]:
    """One chunk of the audience; of people who were held and are released nothing: they are in their chunk already."""
    ttl = seconds_left(record.at, policy.history_ttl_ms, now)
    if ttl <= 0 or record.hold_id:
        return
    columns = (
        record.notification_id, record.partition, record.chunk, record.partitions, record.last, record.users, record.queued,
        record.suppressed, record.at, record.fanout_offset, position.offset,
    )  # fmt: skip
    yield Write(statements.EXPANSION, (*columns, record.at * 1000, ttl))
