"""A list of users that one request has no room for comes as several, part by part. Pure.

The users are in ascending order over all parts. So whoever is named twice stands beside their double, and is found by remembering one user.
"""

from itertools import pairwise

import msgspec

from schemas.records import Audience, ExpandAudience, NotificationRequested
from streams.planner.rules import AudienceInvalid, IdempotencyConflict, Listing, RequestUnfit, Seen, commands_of, digest_of, homes_of


def in_parts(request: NotificationRequested) -> bool:
    """Whether a request is a part of a list."""
    return bool(request.part or request.users_in_all)


def part_key(key: bytes, part: int) -> bytes:
    """Where a part of a notification is remembered; `key`: of the notification."""
    return key + b"\0" + str(part).encode()


def listing_of(known: Seen | None, own: Seen | None, request: NotificationRequested) -> Listing:
    """How far a list is planned before this part of it. `known`: of the list; `own`: of this very record, when it was planned before.

    Raises IdempotencyConflict when the list is of another notification, or the notification was asked for without parts.
    """
    if known is not None and (known.listing is None or known.digest != _digest_of_all(request)):
        said = f"part {request.part} of notification {request.notification.notification_id}"
        raise IdempotencyConflict(f"{said}: offset {known.offset} used key {request.idempotency_key!r} for another content")
    if own is not None and own.listing is not None:
        return own.listing
    return known.listing if known is not None and known.listing is not None else Listing()


def seen_of(known: Seen | None, request: NotificationRequested, offset: int, after: Listing) -> Seen:
    """What is remembered of the list with this part, which is at `offset`."""
    return Seen(known.offset if known is not None else offset, _digest_of_all(request), after)


def plan_part(request: NotificationRequested, listing: Listing, partitions: int) -> tuple[list[tuple[int, ExpandAudience]], Listing]:
    """(partition, command) of a part, in order, and the list with it. All partitions take part in a list; its last part ends it in each.

    Raises RequestUnfit for a part that is not the next, or names more than all parts should; AudienceInvalid for a list that is not in
    ascending order, names nobody, or has an expression beside it.
    """
    _check(request, listing)
    users = listing.users + len(request.audience.users)
    ends = users == request.users_in_all
    homes = homes_of(request.audience.users, partitions)
    if ends:
        homes = {partition: homes.get(partition, []) for partition in range(partitions)}
    made = commands_of(request, homes, partitions, listing.chunks, last=ends)
    chunks = listing.chunks | {partition: commands[-1].chunk + 1 for partition, commands in made.items()}
    after = Listing(listing.parts + 1, users, request.audience.users[-1], chunks)
    return [(partition, command) for partition, commands in made.items() for command in commands], after


def _check(request: NotificationRequested, listing: Listing) -> None:
    users, said = request.audience.users, f"part {request.part} of a list"
    if request.part != listing.parts:
        raise RequestUnfit(f"{said}: part {listing.parts} is the next; this one may be replayed when those before it are planned")
    if not users or request.audience.expression:
        raise AudienceInvalid(f"{said}: it names users, and has no expression")
    for before, user in pairwise((listing.after, *users)):
        if user <= before:
            raise AudienceInvalid(f"{said}: {user!r} comes after {before!r}; users are in ascending order over all parts, each once")
    if listing.users + len(users) > request.users_in_all:
        raise RequestUnfit(f"{said}: {listing.users + len(users)} users are named by now; users_in_all is {request.users_in_all}")


def _digest_of_all(request: NotificationRequested) -> bytes:
    """Of what the parts of a list share."""
    return digest_of(msgspec.structs.replace(request, audience=Audience(), part=0))
