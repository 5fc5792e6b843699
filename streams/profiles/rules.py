"""How a change becomes a profile. Pure."""

import msgspec

from schemas.errors import RecordRefused
from schemas.partition import partition_of
from schemas.records import Profile, ProfileChanged

DEFAULT_CHANNELS = ("push", "email", "in_app")
_PATCHED = (
    "channels",
    "muted_categories",
    "email",
    "phone",
    "phone_verified",
    "devices",
    "language",
    "time_zone",
    "quiet_hours",
    "frequency_cap",
    "tags",
)


MAX_USER_ID_BYTES = 256


class UserInvalid(RecordRefused):
    """A user id that can't be used: an empty one ends no scan, a long one does not fit a batch of recipients."""

    reason = "user_invalid"


class WrongPartitionError(RecordRefused):
    """A user of another partition: their state is not here."""

    reason = "wrong_partition"


def fold(profile: Profile | None, change: ProfileChanged, offset: int) -> Profile | None:
    """The profile after `change`, which came at `offset` of notify.profile-events; None: the user is gone.

    What was applied already is ignored, and the profile comes back as it is: an older change of the same source, and one that a crash
    brings again, which must not undo what another source said after it.
    """
    if profile and _was_applied(profile, change, offset):
        return profile
    if change.deleted:
        return None
    base = profile or Profile(user_id=change.user_id, channels=list(DEFAULT_CHANNELS), updated_at=0, applied_offset=-1)
    patch = {name: value for name in _PATCHED if (value := getattr(change, name)) is not None}
    positions = {**base.source_positions, change.source: change.source_position}
    updated_at = max(base.updated_at, change.occurred_at)
    return msgspec.structs.replace(base, **patch, updated_at=updated_at, applied_offset=offset, source_positions=positions)


def _was_applied(profile: Profile, change: ProfileChanged, offset: int) -> bool:
    """Two changes of a source may share a position (a snapshot's row and the change after it): then the offset tells them apart."""
    reached = profile.source_positions.get(change.source)
    if reached is None or change.source_position > reached:
        return False
    return change.source_position < reached or offset < profile.applied_offset


def check_user(user_id: str) -> None:
    """Raises UserInvalid unless the id has 1 to 256 bytes."""
    size = len(user_id.encode())
    if not 0 < size <= MAX_USER_ID_BYTES:
        raise UserInvalid(f"user id {user_id[:40]!r} has {size} bytes: 1 to {MAX_USER_ID_BYTES}")


def check_partition(user_id: str, partition: int, partitions: int) -> None:
    """Raises WrongPartitionError when the user does not live in this partition."""
    home = partition_of(user_id, partitions)
    if home != partition:
        raise WrongPartitionError(f"user {user_id} lives in partition {home}, not {partition}: key the record by user_id")
