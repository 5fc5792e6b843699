"""How a change becomes a profile. Pure.

What is right: the profile is what its changes make of it in the order of the log, each without what is old. Something is old when its own
source has said it, or something newer of the same field or element, before. Sources are not compared with each other: the last to speak
counts. A deletion ends all that was said before it; afterwards the source that deleted may bring the user back, and any other only with
something of a later time than the deletion (docs/adr/0013).
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import msgspec

from schemas.errors import RecordRefused
from schemas.partition import partition_of
from schemas.records import Device, Profile, ProfileChanged
from streams.profiles.positions import Part, Positions, floor, newest, newest_of_all, noted, reached

DEFAULT_CHANNELS = ("push", "email", "in_app")
FIELDS = (
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
    "daily_digest",
    "chat",
)
"""Those that a change says as a whole."""
MAX_USER_ID_BYTES = 256


class UserInvalid(RecordRefused):
    """A user id that can't be used: an empty one ends no scan, a long one does not fit a batch of recipients."""

    reason = "user_invalid"


class WrongPartitionError(RecordRefused):
    """A user of another partition: their state is not here."""

    reason = "wrong_partition"


class Remains(msgspec.Struct, frozen=True, array_like=True):
    """What is left of a user who was deleted: nothing of theirs, only what tells old changes from new ones."""

    deleted: dict[str, int]
    """Who deleted them, and when (epoch ms)."""
    positions: dict[str, int]
    """The newest change of each source, at the deletion."""


class User(NamedTuple):
    """All that is known of a user: the profile of one who is there, the remains of one who was deleted, both of one who came back."""

    profile: Profile | None = None
    remains: Remains | None = None

    @property
    def positions(self) -> Positions:
        """What each source has said (streams.profiles.positions)."""
        if self.profile:
            return self.profile.source_positions
        return self.remains.positions if self.remains else {}


def fold(user: User, change: ProfileChanged, offset: int) -> User:
    """The user after `change`, which came at `offset` of notify.profile-events; the same object when it says nothing new."""
    if not _is_new(user.positions, change):
        return user
    if change.deleted:
        return user if _is_of_a_former_life(user.remains, change) else _deleted(user, change)
    news = [part for part in parts_of(change) if change.source_position > reached(user.positions, change.source, part)]
    positions = noted(user.positions, change.source, change.source_position, news, whole=change.whole)
    if user.profile is None and user.remains and not _brings_back(user.remains, change):
        return User(None, msgspec.structs.replace(user.remains, positions=newest_of_all(positions)))
    base = user.profile or _new(change.user_id)
    made = msgspec.structs.replace(
        base,
        **_values(base, news),
        updated_at=max(base.updated_at, change.occurred_at),
        applied_offset=max(base.applied_offset, offset),
        source_positions=positions,
    )
    return User(made, user.remains)


def parts_of(change: ProfileChanged) -> list[Part]:
    """All that a change says. Where it contradicts itself a value counts before a reset, and of an element what leads to fewer messages."""
    said = {name: _DEFAULTS[name] for name in change.reset}
    said |= {name: value for name in FIELDS if (value := getattr(change, name)) is not None}
    elements: dict[tuple[str, str], Any] = {("devices", device.token): device for device in change.add_devices}
    elements |= {("devices", token): None for token in change.remove_devices}
    elements |= {("suppressed", address): None for address in change.unsuppress}
    elements |= {("suppressed", address): why for address, why in change.suppress.items()}
    elements |= {("unsubscribed", category): None for category in change.resubscribe}
    elements |= {("unsubscribed", category): category for category in change.unsubscribe}
    return [Part(name, None, value) for name, value in said.items()] + [Part(*where, value) for where, value in elements.items()]


def _is_of_a_former_life(remains: Remains | None, change: ProfileChanged) -> bool:
    """Whether another source had deleted the user when this was said."""
    return remains is not None and any(change.occurred_at <= at for source, at in remains.deleted.items() if source != change.source)


def _is_new(positions: Positions, change: ProfileChanged) -> bool:
    """Whether any of it counts. A deletion is of everything: it is old when its source has said anything newer."""
    if change.source_position > newest(positions, change.source):
        return True
    if change.deleted:
        return False
    of_all = change.whole and change.source_position > floor(positions, change.source)
    return of_all or any(change.source_position > reached(positions, change.source, part) for part in parts_of(change))


def _deleted(user: User, change: ProfileChanged) -> User:
    deleted = dict(user.remains.deleted) if user.remains else {}
    deleted[change.source] = max(deleted.get(change.source, change.occurred_at), change.occurred_at)
    return User(None, Remains(deleted, newest_of_all(user.positions) | {change.source: change.source_position}))


def _brings_back(remains: Remains, change: ProfileChanged) -> bool:
    """Something must be given: what resets, takes away or suppresses makes nobody. But an empty row is one, where a row was deleted."""
    if _is_of_a_former_life(remains, change):
        return False
    gives = bool(change.add_devices) or any(getattr(change, name) is not None for name in FIELDS)
    return gives or (change.whole and change.source in remains.deleted)


def _new(user_id: str) -> Profile:
    return Profile(user_id=user_id, channels=list(DEFAULT_CHANNELS), updated_at=0, applied_offset=-1)


_DEFAULTS: dict[str, Any] = msgspec.structs.asdict(_new(""))


def _values(profile: Profile, news: Iterable[Part]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for part in news:
        if part.element is None:
            values[part.field] = part.value
        else:
            before = values.get(part.field, getattr(profile, part.field))
            values[part.field] = _ELEMENTS[part.field](before, part.element, part.value)
    return values


def _devices(before: list[Device], token: str, device: Device | None) -> list[Device]:
    if device in before:
        return before
    return [each for each in before if each.token != token] + ([device] if device else [])


def _suppressed(before: dict[str, str], address: str, why: str | None) -> dict[str, str]:
    others = {each: its for each, its in before.items() if each != address}
    return {**others, address: why} if why is not None else others


def _unsubscribed(before: list[str], category: str, on: str | None) -> list[str]:
    return sorted({*before, category} if on else {*before} - {category})


_ELEMENTS: dict[str, Callable[[Any, str, Any], Any]] = {"devices": _devices, "suppressed": _suppressed, "unsubscribed": _unsubscribed}


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
