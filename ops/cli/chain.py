"""Why a user got a notification on a channel, or did not: from evidence to an answer. Pure."""

from collections.abc import Iterator

import msgspec

from ops.cli.controlling import told
from ops.cli.evidence import Evidence, Handed, channels_of
from ops.cli.standing import DIGESTED, HELD, beside, scheduled
from ops.cli.times import age
from projections.cassandra.header import Header, audience_of
from projections.cassandra.timeline import Why
from schemas.records import ExpandAudience
from schemas.topics import PROFILES, STATUS, fanout_topic


class Link(msgspec.Struct, frozen=True):
    """One step: what happened, when (epoch ms), where it is on the log, and in words."""

    what: str
    at: int | None
    where: str
    said: str


class Fate(msgspec.Struct, frozen=True):
    """One channel: the outcome in a line, and the steps that led there."""

    channel: str
    verdict: str
    links: list[Link]


class Answer(msgspec.Struct, frozen=True):
    """`verdict` says it in a line when the notification never got to the user's channels; else each channel says its own."""

    user_id: str
    notification_id: str
    verdict: str
    links: list[Link]
    channels: list[Fate]


def explain(found: Evidence) -> Answer:
    """The answer that the evidence allows."""
    if found.header is None:
        verdict = found.refusal or "never reached fan-out: no request of that id was planned, and none is in the DLQ"
        return Answer(found.user_id, found.notification_id, verdict, [], [])
    channels = [_fate(channel, found, found.header) for channel in channels_of(found.header, found.statuses, found.handed)]
    reached = bool(found.statuses or found.handed)
    verdict = "" if reached else channels[0].verdict
    lane = fanout_topic(found.header.priority)
    links = [requested(found.header), *(_expanded(lane, found.partition, *item) for item in sorted(found.commands.items()))]
    return Answer(found.user_id, found.notification_id, verdict, links, channels if reached else [])


def requested(header: Header) -> Link:
    """The request."""
    rules = f", trigger rules {header.rules_version}" if header.rules_version else ""
    wanted = f"{header.template_id} v{header.template_version} to {header.audience}"
    said = f"{header.source} asked for {wanted} (key {header.idempotency_key}{rules}){beside(header)}"
    return Link("requested", header.accepted_at, at(*header.position), said)


def at(topic: str, partition: int, offset: int) -> str:
    """A place on the log, as it is written everywhere."""
    return f"{topic}/{partition}/{offset}"


def _fate(channel: str, found: Evidence, header: Header) -> Fate:
    statuses = [why for why in found.statuses if why.event.channel == channel]
    handed = found.handed.get(channel)
    # of several decisions the last is known: what was told before its batch came before it
    first = next((place for place, why in enumerate(statuses) if handed and why.event.batch_id == handed.batch.batch_id), len(statuses))
    before = [_status(why, None, found.partition) for why in statuses[:first]]
    links = [*before, *_decision(handed, found), *(_status(why, handed, found.partition) for why in statuses[first:])]
    waits = handed is not None and first == len(statuses)
    if statuses and (statuses[-1].status != HELD or not waits):
        return Fate(channel, _outcome(statuses[-1], header), links)
    return Fate(channel, _waiting(handed, found) if handed else absence(channel, found, header), links)


def _decision(handed: Handed | None, found: Evidence) -> Iterator[Link]:
    """The decision to hand the user to delivery."""
    if handed:
        batch = handed.batch
        offset = batch.profile_offsets[batch.users.index(found.user_id)]
        said = f"send, by policy {batch.policy_version} and {profile_at(found.partition, offset)}; batch {batch.batch_id}"
        yield Link("decided", batch.decided_at, at(handed.topic, handed.partition, handed.offset), said)


def _expanded(lane: str, partition: int, offset: int, command: ExpandAudience | None) -> Link:
    if command is None:
        return Link("planned", None, at(lane, partition, offset), "the command is no longer on the log")
    if command.tried:
        said = f"{', '.join(command.channels)} is tried after {command.tried}: {len(command.users)} users are decided on it"
        return Link("tried", None, at(lane, partition, offset), said)
    if command.hold_id:
        return Link("released", None, at(lane, partition, offset), f"hold {command.hold_id}: {len(command.users)} users are decided afresh")
    after = f" after {command.cursor}" if command.cursor else ", the first"
    whom = audience_of(command.expression, len(command.users)) + (after if command.expression else "")
    return Link("planned", None, at(lane, partition, offset), f"chunk {command.chunk} of partition {partition}: {whom}")


def _status(why: Why, handed: Handed | None, partition: int) -> Link:
    event = why.event
    parts = [f"by {event.provider}, attempt {event.attempt}"] if event.provider else []
    parts += [why.reason] if why.reason else []
    parts += [f"message {why.provider_message_id}"] if why.provider_message_id else []
    parts += [why.detail] if why.detail else []
    if handed is None:  # decided against, at expansion
        parts.append(f"by policy {event.policy_version} and {profile_at(partition, why.profile_offset)}")
    elif why.profile_offset >= 0:
        parts.append(f"checked again by {profile_at(partition, why.profile_offset)}")
    return Link(why.status, event.at, at(event.topic, event.partition, event.offset), "; ".join(parts))


def profile_at(partition: int, offset: int) -> str:
    """The profile's version; there is none for a user nobody knew."""
    return f"the profile at {at(PROFILES, partition, offset)}" if offset >= 0 else "no profile: the user was not known"


def _outcome(why: Why, header: Header) -> str:
    after = age(max(0, why.event.at - header.accepted_at))
    if why.status == "sent":
        return f"sent by {why.event.provider} {after} after acceptance"
    if why.status == HELD and _is_replay(why):
        return f"reopened by a replay, and decided afresh: {why.detail}"
    if why.status == HELD:
        return f"held until {why.detail} ({why.reason}), and decided afresh then"
    if why.status == DIGESTED:
        return f"told in digest {why.detail}"
    return f"{why.status}: {why.reason or why.detail}" if why.reason or why.detail else why.status


def _is_replay(why: Why) -> bool:
    return why.event.caused_by_topic == STATUS


def _waiting(handed: Handed, found: Evidence) -> str:
    letter = next((one for one in found.held if one.key == handed.batch.batch_id), None)
    if letter:
        return f"not delivered: {letter.step} refused its batch: {letter.detail}; in the DLQ as {letter.id}"
    return f"waiting for delivery: in the batch at {at(handed.topic, handed.partition, handed.offset)}, no outcome yet"


def absence(channel: str, found: Evidence, header: Header) -> str:
    """Why no status and no batch names the user."""
    letter = next((one for one in found.held if one.key == found.notification_id), None)
    if letter:
        return f"never reached fan-out: {letter.step} refused the command of its partition: {letter.detail}; in the DLQ as {letter.id}"
    if found.named is False:
        return f"never reached fan-out: the request names {header.audience_users} users, and {found.user_id} is not among them"
    last = next((one for one in found.chunks if one.last), None)
    if last is None:
        then = "goes on" if found.control is None else f"waits or goes on; {told(found.control)}"
        return (
            f"never reached fan-out yet: partition {found.partition} has decided {len(found.chunks)} chunks and {then}{scheduled(header)}"
        )
    where = at(fanout_topic(header.priority), found.partition, last.fanout_offset)
    missing = f"{header.audience_expression!r} did not hold for {found.user_id}" if header.audience_expression else "the user was not found"
    return f"never reached fan-out: {missing} when partition {found.partition} was expanded (last chunk: {where})"
