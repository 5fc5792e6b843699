"""What was decided for one chunk, as records: who is handed over, who is not and why, who is held until when, and the progress. Pure."""

from typing import NamedTuple

from schemas import ids
from schemas.coded import coded
from schemas.records import AudienceExpanded, DeliverBatch, ExpandAudience, Notification, Outcome, StatusBatch
from streams.audience.holds import Hold, Until, Waiting
from streams.audience.own import column, own_of
from streams.policy.decision import DEFERRED
from streams.policy.policy import Policy
from streams.policy.quiet import in_words


class Place(NamedTuple):
    """The command a chunk comes from, and when it is decided (epoch ms)."""

    topic: str
    partition: int
    offset: int
    now: int


class Chosen(NamedTuple):
    """Columns of recipients of one channel: of those not sent to `outcomes`, of others, when it counts, on how many channels."""

    users: list[str]
    offsets: list[int]
    outcomes: list[Outcome]
    counted_on: list[int]


class Choice(NamedTuple):
    """Where everybody is: by channel to be sent to or not, or held on some channels."""

    send: dict[str, Chosen]
    refuse: dict[str, Chosen]
    hold: dict[Until, Waiting]


def batch_of(
    batch_id: str, channel: str, send: Chosen, command: ExpandAudience, policy: Policy, place: Place, *, followed: bool
) -> DeliverBatch:
    """Those to be sent to on a channel; `followed`: another may be tried after it."""
    return DeliverBatch(
        batch_id,
        command.notification,
        channel,
        send.users,
        send.offsets,
        policy.version,
        place.now,
        place.offset,
        send.counted_on,
        command.partitions,
        followed,
        column(own_of(command.users, command.data), send.users),
        command.attempts,
        command.tried_since,
    )


def refused(batch_id: str, channel: str, refuse: Chosen, about: Notification, policy: Policy, place: Place) -> StatusBatch:
    """Those who are not sent to on a channel; `batch_id`: of the batch they are not in."""
    distinct, indexes = coded(refuse.outcomes)
    return _status(ids.status_id(batch_id, "suppressed"), channel, refuse.users, refuse.offsets, distinct, indexes, about, policy, place)


def deferred(hold: Hold, channel: str, policy: Policy, place: Place) -> StatusBatch:
    """Those who are held, on one of their channels: no end. The detail is the time of release in ISO 8601, UTC."""
    status_id, users = ids.deferred_id(hold.command.hold_id, channel), hold.command.users
    outcome = [Outcome(DEFERRED, hold.until.waits_for, in_words(hold.until.release_at))]
    return _status(status_id, channel, users, hold.offsets, outcome, [0] * len(users), hold.command.notification, policy, place)


def progress_of(command: ExpandAudience, users: int, choice: Choice, place: Place, *, last: bool) -> AudienceExpanded:
    """How many of them are where."""
    held: dict[str, int] = {}
    for until, waiting in choice.hold.items():
        for channel in until.channels:
            held[channel] = held.get(channel, 0) + len(waiting.users)
    return AudienceExpanded(
        command.notification.notification_id,
        place.partition,
        command.chunk,
        command.partitions,
        last,
        users,
        {channel: len(chosen.users) for channel, chosen in choice.send.items()},
        {channel: len(chosen.users) for channel, chosen in choice.refuse.items()},
        place.now,
        place.offset,
        command.hold_id,
        held,
        command.tried,
    )


def _status(
    status_id: str,
    channel: str,
    users: list[str],
    offsets: list[int],
    distinct: list[Outcome],
    indexes: list[int],
    about: Notification,
    policy: Policy,
    place: Place,
) -> StatusBatch:
    return StatusBatch(
        status_id=status_id,
        notification=about,
        channel=channel,
        users=users,
        outcomes=distinct,
        outcome_of=indexes,
        profile_offsets=offsets,
        policy_version=policy.version,
        at=place.now,
        caused_by_topic=place.topic,
        caused_by_partition=place.partition,
        caused_by_offset=place.offset,
    )
