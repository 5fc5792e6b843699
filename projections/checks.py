"""Whether a decoded record can be rows at all: what passes here never makes a store refuse a whole batch."""

from projections.errors import Unprojectable
from schemas.records import AudienceExpanded, Notification, NotificationRequested, Record, StatusBatch

MAX_ID_BYTES = 1024
"""Far below Cassandra's 64 KiB for a key, far above any id."""
MIN_TIME_MS = 0
MAX_TIME_MS = 4_102_444_800_000
"""2100-01-01. A later write time could never be overwritten in Cassandra."""


def check(record: Record) -> None:
    """Raises Unprojectable, saying which field and why."""
    if isinstance(record, StatusBatch):
        _status_batch(record)
    elif isinstance(record, NotificationRequested):
        _notification(record.notification)
    elif isinstance(record, AudienceExpanded):
        _id("notification_id", record.notification_id)
        _time("at", record.at)


def _status_batch(batch: StatusBatch) -> None:
    _notification(batch.notification)
    _id("status_id", batch.status_id)
    _id("channel", batch.channel)
    _time("at", batch.at)
    users = len(batch.users)
    _parallel("outcome_of", len(batch.outcome_of), users)
    _parallel("profile_offsets", len(batch.profile_offsets), users)
    if batch.provider_message_ids:
        _parallel("provider_message_ids", len(batch.provider_message_ids), users)
    if batch.data:
        _parallel("data", len(batch.data), users)
    if users and not 0 <= min(batch.outcome_of) <= max(batch.outcome_of) < len(batch.outcomes):
        raise Unprojectable(f"outcome_of points outside the {len(batch.outcomes)} outcomes")
    if batch.provider_of:
        _parallel("provider_of", len(batch.provider_of), users)
        if not 0 <= min(batch.provider_of) <= max(batch.provider_of) < len(batch.providers):
            raise Unprojectable(f"provider_of points outside the {len(batch.providers)} providers")
    for outcome in batch.outcomes:
        _id("outcomes.status", outcome.status)
    for user in batch.users:
        _id("users", user)


def _notification(notification: Notification) -> None:
    _id("notification_id", notification.notification_id)
    _time("accepted_at", notification.accepted_at)
    _time("occurred_at", notification.occurred_at)
    for name in ("expires_at", "not_before"):
        at = getattr(notification, name)
        if at is not None and at < MIN_TIME_MS:
            raise Unprojectable(f"{name} is {at}: before 1970")


def storable(at: int | None) -> int | None:
    """`expires_at` or `not_before`, cut to the year 2100: callers write 9999-12-31 for never."""
    return at if at is None else min(at, MAX_TIME_MS)


def users_named(request: NotificationRequested) -> int:
    """How many users a request names one by one, with all other parts of its list."""
    return max(request.users_in_all, 0) or len(request.audience.users)


def _parallel(name: str, length: int, users: int) -> None:
    if length != users:
        raise Unprojectable(f"{name} has {length} entries for {users} users")


def _id(name: str, value: str) -> None:
    # characters first: counting bytes of every user id costs more than it is worth
    if not value or (len(value) > MAX_ID_BYTES // 4 and len(value.encode()) > MAX_ID_BYTES):
        raise Unprojectable(f"{name} is {'empty' if not value else f'longer than {MAX_ID_BYTES} bytes'}")


def _time(name: str, value: int) -> None:
    if not MIN_TIME_MS <= value < MAX_TIME_MS:
        raise Unprojectable(f"{name} is {value}: not a time in ms between 1970 and 2100")
