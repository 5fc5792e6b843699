"""Deterministic ids: the same input has the same id, so doing anything twice writes the same thing twice (UUIDv5, RFC 9562 section 5.5)."""

from collections.abc import Sequence
from uuid import UUID, uuid5

_NAMESPACE = UUID("6f1c1b0e-8d0b-5e0c-9a53-ca1111000001")


def notification_id(source: str, idempotency_key: str) -> str:
    """The notification of one idempotency key of one source."""
    return _derive("notification", source, idempotency_key)


def batch_id(notification: str, partition: int, mark: int | str, channel: str) -> str:
    """The deliver batch of one chunk (by its number), or of one release (by its hold's id), of one partition of a notification."""
    return _derive("batch", notification, str(partition), str(mark), channel)


def hold_id(notification: str, partition: int, mark: int | str, release_at: int, channels: Sequence[str], waits_for: str) -> str:
    """Those of one chunk, or of one release, who are held on these channels until then (epoch ms); and the timer that releases them."""
    return _derive("hold", notification, str(partition), str(mark), str(release_at), waits_for, *channels)


def handed_back_id(batch: str) -> str:
    """The hold of those of a batch whom delivery hands back to be decided afresh."""
    return _derive("handed back", batch)


def retry_id(batch: str) -> str:
    """The hold, and the timer, of those of a batch whom delivery tries again."""
    return _derive("retry", batch)


def replay_id(batch: str, times: int) -> str:
    """The hold of those of a batch whom a replay reopens; `times`: how often others of it were reopened before."""
    return _derive("replay", batch, str(times))


def try_id(notification: str, partition: int, channel: str, users: Sequence[str]) -> str:
    """Those who are tried on a further channel together: each is tried once on each."""
    return _derive("try", notification, str(partition), channel, *users)


def overdue_id(notification: str, partition: int, mark: int | str, due: int) -> str:
    """The timer of those whom one command handed to a channel that has until then (epoch ms) to deliver."""
    return _derive("overdue", notification, str(partition), str(mark), str(due))


def status_id(cause: str, kind: str) -> str:
    """A status batch of one kind, caused by `cause` (a batch id, or a chunk's)."""
    return _derive("status", cause, kind)


def deferred_id(hold: str, channel: str) -> str:
    """The status batch of those who are held, on one of the channels of their hold."""
    return status_id(hold, f"deferred/{channel}")


def turn_id(notification: str, partition: int, mark: str) -> str:
    """The timer of a command that waits for its turn at the rate of its campaign."""
    return _derive("turn", notification, str(partition), mark)


def digest_id(user_id: str, category: str, key: str, first: str) -> str:
    """The notification that a window of a digest becomes; `first`: the notification that is its first member."""
    return _derive("digest", user_id, category, key, first)


def window_timer_id(user_id: str, category: str, key: str, window: str) -> str:
    """The timer at whose end a digest's window ends."""
    return _derive("window", user_id, category, key, window)


def schedule_id(notification: str, partition: int, chunk: int) -> str:
    """The timer of a command of a notification that is scheduled."""
    return _derive("schedule", notification, str(partition), str(chunk))


def message_id(notification: str, user_id: str, channel: str, address: str) -> str:
    """One message to one address: the idempotency key providers see."""
    return _derive("message", notification, user_id, channel, address)


def _derive(*parts: str) -> str:
    # a length before each part: ("ab","c") and ("a","bc") differ
    return str(uuid5(_NAMESPACE, "".join(f"{len(part)}:{part}" for part in parts)))
