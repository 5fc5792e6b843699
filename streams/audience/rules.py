"""Decides for one chunk of an audience: who is handed to delivery on which channel, and who is not and why. Pure."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from schemas import ids
from schemas.records import AudienceExpanded, DeliverBatch, ExpandAudience, Notification, Outcome, Profile, StatusBatch
from streams.audience.control import CANCELLED
from streams.policy.policy import CategoryPolicy, Policy
from streams.policy.rules import SEND, outcome_of, reason_against
from streams.profiles.stored import user_key


class Place(NamedTuple):
    """The command a chunk comes from, and when it is decided (epoch ms)."""

    topic: str
    partition: int
    offset: int
    now: int


class Person(NamedTuple):
    """A user of the chunk, what is known of them, and the offset in `notify.profiles` that says so (-1: nothing)."""

    user: str
    profile: Profile | None
    offset: int


class Chosen(NamedTuple):
    """Columns of recipients of one channel; `reasons` is empty for those to be sent to."""

    users: list[str]
    offsets: list[int]
    reasons: list[str]


class Expansion(NamedTuple):
    """What one chunk comes to."""

    batches: list[DeliverBatch]
    statuses: list[StatusBatch]
    progress: AudienceExpanded
    rest: ExpandAudience | None


def expand(
    command: ExpandAudience, people: Sequence[Person], rest: ExpandAudience | None, policy: Policy, place: Place, *, cancelled: bool = False
) -> Expansion:
    """Decide for `people`; `rest` is the command for those after them, None when there are none. Raises UnknownCategory.

    `cancelled`: the campaign is; nobody is sent to, and all are told so.
    """
    binds = policy.of(command.notification)
    batches, statuses = [], []
    queued: dict[str, int] = {}
    suppressed: dict[str, int] = {}
    for channel in command.notification.channels:
        send, refuse = _nobody(people) if cancelled else choose(people, channel, command.notification, binds, place.now)
        queued[channel], suppressed[channel] = len(send.users), len(refuse.users)
        batch_id = ids.batch_id(command.notification.notification_id, place.partition, command.chunk, channel)
        if send.users:
            batches.append(_batch(batch_id, channel, send, command, policy, place))
        if refuse.users:
            statuses.append(_status(batch_id, channel, refuse, command, policy, place))
    progress = AudienceExpanded(
        command.notification.notification_id,
        place.partition,
        command.chunk,
        command.partitions,
        rest is None and command.last,
        len(people),
        queued,
        suppressed,
        place.now,
        place.offset,
    )
    return Expansion(batches, statuses, progress, rest)


def choose(people: Sequence[Person], channel: str, notification: Notification, binds: CategoryPolicy, now: int) -> tuple[Chosen, Chosen]:
    """Those to be sent to on a channel, and those not."""
    send, refuse = Chosen([], [], []), Chosen([], [], [])
    for user, profile, offset in people:
        reason = reason_against(profile, channel, notification, binds, now)
        if reason == SEND:
            send.users.append(user)
            send.offsets.append(offset)
        else:
            refuse.users.append(user)
            refuse.offsets.append(offset)
            refuse.reasons.append(reason)
    return send, refuse


def _nobody(people: Sequence[Person]) -> tuple[Chosen, Chosen]:
    refused = Chosen([person.user for person in people], [person.offset for person in people], [CANCELLED] * len(people))
    return Chosen([], [], []), refused


def next_chunk(command: ExpandAudience, cursor: str) -> ExpandAudience:
    """The command for what is left after the user `cursor`: of users named beside an expression, those whose keys follow."""
    reached = user_key(cursor)
    users = [user for user in command.users if user_key(user) > reached]
    return msgspec.structs.replace(command, users=users, cursor=cursor, chunk=command.chunk + 1, not_before=0)


def outcomes(reasons: Sequence[str]) -> tuple[list[Outcome], list[int]]:
    """The distinct outcomes of `reasons`, and the index of each one's."""
    numbers: dict[str, int] = {}
    indexes = [numbers.setdefault(reason, len(numbers)) for reason in reasons]
    return [_outcome(reason) for reason in numbers], indexes


def _outcome(reason: str) -> Outcome:
    return Outcome(CANCELLED, CANCELLED) if reason == CANCELLED else outcome_of(reason)


def _batch(batch_id: str, channel: str, send: Chosen, command: ExpandAudience, policy: Policy, place: Place) -> DeliverBatch:
    return DeliverBatch(batch_id, command.notification, channel, send.users, send.offsets, policy.version, place.now, place.offset)


def _status(batch_id: str, channel: str, refuse: Chosen, command: ExpandAudience, policy: Policy, place: Place) -> StatusBatch:
    distinct, indexes = outcomes(refuse.reasons)
    return StatusBatch(
        status_id=ids.status_id(batch_id, "suppressed"),
        notification=command.notification,
        channel=channel,
        users=refuse.users,
        outcomes=distinct,
        outcome_of=indexes,
        profile_offsets=refuse.offsets,
        policy_version=policy.version,
        at=place.now,
        caused_by_topic=place.topic,
        caused_by_partition=place.partition,
        caused_by_offset=place.offset,
    )
