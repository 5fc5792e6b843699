"""Makes records of the log small: one copy of what many have in common, and nothing that no judge looks at.

A million people are then some 3 GB: profiles and their events once, and for each campaign some 50 bytes by recipient and channel.
"""

from array import array
from collections.abc import Sequence
from typing import Any, TypeVar

from msgspec.structs import force_setattr

from schemas.records import DeliverBatch, LedgerEntry, Profile, ProfileChanged, ProfilesChanged, Record, StatusBatch

T = TypeVar("T")
COMMON = ("channels", "muted_categories", "tags")


class Lean:
    """Remembers what was seen. Records come back as they went in, with fewer objects behind them."""

    def __init__(self) -> None:
        self._users: dict[str, str] = {}
        self._others: dict[Any, Any] = {}

    def record(self, record: Record | None) -> Record | None:
        """The same record, made small in place."""
        if isinstance(record, StatusBatch):
            self._status(record)
        elif isinstance(record, DeliverBatch):
            self._batch(record)
            _drop(record, "counted_on")
        elif isinstance(record, LedgerEntry):
            _drop(record, "outcomes", "outcome_of", "provider_message_ids", "profile_offsets")
        elif isinstance(record, Profile):
            self._profile(record)
            force_setattr(record, "source_positions", {})
        elif isinstance(record, ProfilesChanged):
            for change in record.changes:
                self._profile(change)
        return record

    def key(self, key: bytes | None) -> bytes | None:
        """The same key, one copy of it."""
        return self._one(key)

    def _status(self, status: StatusBatch) -> None:
        self._batch(status)
        force_setattr(status, "outcome_of", array("H", status.outcome_of))
        _drop(status, "provider_message_ids")

    def _batch(self, batch: StatusBatch | DeliverBatch) -> None:
        users = self._users
        batch.users[:] = [users.setdefault(user, user) for user in batch.users]
        force_setattr(batch, "profile_offsets", array("q", batch.profile_offsets))
        force_setattr(batch, "channel", self._one(batch.channel))
        notification = batch.notification
        known = self._others.setdefault(notification.notification_id, notification)
        if known == notification:
            force_setattr(batch, "notification", known)

    def _profile(self, profile: Profile | ProfileChanged) -> None:
        force_setattr(profile, "user_id", self._users.setdefault(profile.user_id, profile.user_id))
        for name in COMMON:
            force_setattr(profile, name, self._alike(getattr(profile, name)))

    def _alike(self, values: Sequence[str] | None) -> Sequence[str] | None:
        """The first list that was equal to this one."""
        return None if values is None else self._others.setdefault((None, *values), values)

    def _one(self, value: T) -> T:
        return self._others.setdefault(value, value)  # type: ignore[no-any-return]


def _drop(record: Record, *names: str) -> None:
    for name in names:
        force_setattr(record, name, [])
