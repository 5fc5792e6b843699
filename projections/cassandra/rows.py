"""Records to writes, purely: what a record means as rows in Cassandra. Time and policy are arguments."""

from collections.abc import Iterable, Iterator

from projections.base import Item
from projections.cassandra.header_rows import expanded, requested
from projections.cassandra.policy import Policy, Write
from projections.cassandra.status_rows import status
from schemas.records import AudienceExpanded, NotificationRequested, StatusBatch


def writes(items: Iterable[Item], policy: Policy, now: int) -> Iterator[Write]:
    """What `items` write, at `now` (epoch ms). Records of other types write nothing."""
    for record, position in items:
        match record:
            case StatusBatch():
                yield from status(record, position, policy, now)
            case NotificationRequested():
                yield from requested(record, position, policy, now)
            case AudienceExpanded():
                yield from expanded(record, position, policy, now)
