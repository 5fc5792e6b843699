"""Which partitions have to expand a request and when, and whether the request was seen before. Pure."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from schemas import ids
from schemas.errors import RecordRefused
from schemas.partition import partition_of
from schemas.records import Audience, ExpandAudience, Notification, NotificationRequested, Output, SetTimer
from schemas.topics import DAY_MS
from streams.audience.own import Own, bytes_of, column, own_of
from streams.digest.state import USERS_DIGESTED
from streams.planner.overrides import faults
from streams.policy.table import STATUS_OF
from streams.profiles.rules import check_user

USERS_PER_COMMAND = 1000
MAX_OWN_BYTES = 4096
"""Of the data of one recipient's own."""
OWN_BYTES_PER_COMMAND = 262_144
"""Of all recipients' own data in one command: it is written again for each channel, and has room in a record beside the rest."""
MAX_NOTIFICATION_BYTES = 65_536
MAX_AHEAD_MS = 60 * DAY_MS
"""How far ahead of its acceptance a request may be scheduled: that it was planned (`SCHEDULE_KEPT_MS`), its control and its header are
known for a month beyond.
"""
MINUTES_PER_DAY = 1440
_YOUNGER = ("local_minute", "digest_key", "actor", "withheld", "overrides")
_OF_A_PART = ("part", "users_in_all")
MAX_KEY_BYTES = 256
SCHEDULE = "schedule"
"""Kind of the timers of commands."""


class IdempotencyConflict(RecordRefused):
    """The same idempotency key with another content."""

    reason = "idempotency_conflict"


class AudienceInvalid(RecordRefused):
    """A request whose audience can't be used."""

    reason = "audience_invalid"


class RequestUnfit(RecordRefused):
    """A request that can't be planned: a channel nobody serves, a notification that is too large, a time that can't be."""

    reason = "request_unfit"


class Listing(msgspec.Struct, frozen=True):
    """How far a list of users that comes in parts is planned. `after`: the last user. `chunks`: the next number, by partition."""

    parts: int = 0
    users: int = 0
    after: str = ""
    chunks: dict[int, int] = {}


class Seen(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is remembered of a request: where it came first, and a digest of what it asked for.

    `listing`: of a list in parts; with a part as it was before that part.
    """

    offset: int
    digest: bytes
    listing: Listing | None = None


def digest_of(request: NotificationRequested) -> bytes:
    """16 bytes that two requests share when they ask for the same. Times and the rules' version do not count: who asks again asks later.

    What a notification could not say at first counts where it is said; a request without has the digest it had before.
    """
    told = msgspec.structs.replace(request.notification, occurred_at=0, accepted_at=0, expires_at=None)
    content = msgspec.to_builtins(msgspec.structs.replace(request, notification=told, rules_version=""), order="deterministic")
    del content["notification"]["not_before"]
    for name in _YOUNGER:
        if (value := content["notification"].pop(name)) not in (None, "", {}):
            content[name] = value
    if not content["audience"]["data"]:
        del content["audience"]["data"]
    for name in _OF_A_PART:
        if not content[name]:
            del content[name]
    return hashlib.blake2b(msgspec.msgpack.encode(content), digest_size=16).digest()


def check(request: NotificationRequested, channels: Sequence[str]) -> None:
    """Raises RequestUnfit for channels other than these, for a notification over 64 KiB (it travels in each record about it), for overrides
    that can't be (`planner.overrides`), for data of recipients' own that is not parallel to them or over 4 KiB for one, and for a schedule
    that can't be kept.

    Raises UserInvalid for a user id that can't be used.
    """
    for user in request.audience.users:
        check_user(user)
    wanted = request.notification.channels
    if not set(wanted) <= set(channels):
        raise RequestUnfit(f"channels {wanted}: some of {', '.join(channels)}, or none for those of policy")
    _check_overrides(request.notification)
    size = len(msgspec.msgpack.encode(request.notification))
    if size > MAX_NOTIFICATION_BYTES:
        raise RequestUnfit(f"the notification has {size} bytes; the limit is {MAX_NOTIFICATION_BYTES}")
    _check_own(request.audience)
    _check_schedule(request.notification)
    _check_digest(request.notification)


def _check_overrides(asked: Notification) -> None:
    if asked.overrides is None:
        return
    for where, what in faults(asked.overrides, digested=bool(asked.digest_key)):
        raise RequestUnfit(f"{'.'.join(filter(None, ('overrides', where)))}: {what}")


def _check_own(audience: Audience) -> None:
    if audience.data and len(audience.data) != len(audience.users):
        raise RequestUnfit(f"data of {len(audience.data)} recipients beside {len(audience.users)} users")
    for user, own in zip(audience.users, audience.data, strict=True) if audience.data else ():
        if (size := bytes_of(own)) > MAX_OWN_BYTES:
            raise RequestUnfit(f"the data of user {user!r} have {size} bytes; the limit is {MAX_OWN_BYTES}")


def _check_schedule(asked: Notification) -> None:
    ahead = (asked.not_before or 0) - asked.accepted_at
    if ahead > MAX_AHEAD_MS:
        raise RequestUnfit(f"not_before is {ahead / DAY_MS:.1f} days ahead; the limit is {MAX_AHEAD_MS // DAY_MS}")
    if asked.local_minute is not None and not 0 <= asked.local_minute < MINUTES_PER_DAY:
        raise RequestUnfit(f"local_minute {asked.local_minute}: 0 to {MINUTES_PER_DAY - 1}")
    if asked.expires_at is not None and asked.not_before is not None and asked.expires_at <= asked.not_before:
        raise RequestUnfit(f"it expires at {asked.expires_at}, and nobody is told before {asked.not_before}")


def _check_digest(asked: Notification) -> None:
    for name in ("digest_key", "actor"):
        size = len(getattr(asked, name).encode())
        if size > MAX_KEY_BYTES:
            raise RequestUnfit(f"{name} has {size} bytes; the limit is {MAX_KEY_BYTES}")
    if strange := sorted(set(asked.withheld.values()) - set(STATUS_OF)):
        raise RequestUnfit(f"withheld for {', '.join(strange)[:200]}: there is no such reason (docs/decisions.md has them)")


def due_of(asked: Notification) -> int | None:
    """When the commands of a notification are due (epoch ms); None: at once.

    By the request alone, without a clock: planned again, it is planned the same.
    """
    later = asked.not_before is not None and asked.not_before > asked.accepted_at
    return asked.not_before if later else None


def at_its_time(command: ExpandAudience, due: int, write: Output) -> SetTimer:
    """The timer that writes a command (`write`) when it is due."""
    timer = ids.schedule_id(command.notification.notification_id, write.partition, command.chunk)
    return SetTimer(timer, due, SCHEDULE, write)


def is_repeat(seen: Seen | None, request: NotificationRequested, offset: int) -> bool:
    """Whether the request was planned before, from another offset. Raises IdempotencyConflict when that one asked for something else."""
    if seen is None or seen.offset == offset:
        return False
    if seen.digest != digest_of(request):
        notification = request.notification.notification_id
        raise IdempotencyConflict(
            f"notification {notification}: offset {seen.offset} used key {request.idempotency_key!r} for another content"
        )
    return True


def expiring(request: NotificationRequested, expires_at: int | None) -> NotificationRequested:
    """The request, with the time (epoch ms) from which on it is too late for it; None: never."""
    return msgspec.structs.replace(request, notification=msgspec.structs.replace(request.notification, expires_at=expires_at))


def plan(request: NotificationRequested, partitions: int) -> list[tuple[int, ExpandAudience]]:
    """(partition, command) for each partition that takes part, in order. Raises AudienceInvalid when nobody is asked for.

    Users and an expression add up. Then all partitions take part, and a command carries both; in one partition at most 1000 may be named.
    """
    if request.audience.expression:
        return list(_scans(request, partitions))
    if not request.audience.users:
        raise AudienceInvalid("an audience needs users or an expression")
    return list(_explicit(request, partitions))


def _scans(request: NotificationRequested, partitions: int) -> Iterator[tuple[int, ExpandAudience]]:
    homes = homes_of(request.audience.users, partitions)
    most = max(map(len, homes.values()), default=0)
    if most > USERS_PER_COMMAND:
        raise AudienceInvalid(f"{most} users of one partition are named beside an expression; the limit is {USERS_PER_COMMAND}")
    notification, expression, own = request.notification, request.audience.expression, _own(request)
    for partition in range(partitions):
        users = homes.get(partition, [])
        data = column(own, users)
        if (size := sum(map(bytes_of, data))) > OWN_BYTES_PER_COMMAND:
            said = f"{size} bytes of data for users of one partition are beside an expression"
            raise AudienceInvalid(f"{said}; the limit is {OWN_BYTES_PER_COMMAND}")
        yield partition, ExpandAudience(notification=notification, users=users, expression=expression, partitions=partitions, data=data)


def _explicit(request: NotificationRequested, partitions: int) -> Iterator[tuple[int, ExpandAudience]]:
    homes = homes_of(request.audience.users, partitions)
    for partition, commands in commands_of(request, homes, len(homes)).items():
        for command in commands:
            yield partition, command


def commands_of(
    request: NotificationRequested,
    homes: Mapping[int, Sequence[str]],
    partitions: int,
    chunks: Mapping[int, int] = {},
    *,
    last: bool = True,
) -> dict[int, list[ExpandAudience]]:
    """The commands for users by partition, numbered from `chunks` on; one for nobody. `last`: no other will follow them."""
    most = USERS_DIGESTED if request.notification.digest_key else USERS_PER_COMMAND
    own, made = _own(request), dict[int, list[ExpandAudience]]()
    for partition, users in sorted(homes.items()):
        pieces = _pieces(users, own, most)
        made[partition] = [
            ExpandAudience(
                notification=request.notification,
                users=some,
                chunk=chunk,
                partitions=partitions,
                last=last and some is pieces[-1],
                data=column(own, some),
            )
            for chunk, some in enumerate(pieces, chunks.get(partition, 0))
        ]
    return made


def _own(request: NotificationRequested) -> Own:
    return own_of(request.audience.users, request.audience.data)


def _pieces(users: Sequence[str], own: Own, most: int) -> list[list[str]]:
    """The users of one command each: so many at most, with so many bytes of their own data."""
    pieces, size = [list[str]()], 0
    for user in users:
        mine = bytes_of(own[user]) if user in own else 0
        if len(pieces[-1]) == most or size + mine > OWN_BYTES_PER_COMMAND:
            pieces.append([])
            size = 0
        pieces[-1].append(user)
        size += mine
    return pieces


def homes_of(users: Sequence[str], partitions: int) -> dict[int, list[str]]:
    """Users by partition, each once."""
    homes: dict[int, list[str]] = {}
    for user in dict.fromkeys(users):
        homes.setdefault(partition_of(user, partitions), []).append(user)
    return homes
