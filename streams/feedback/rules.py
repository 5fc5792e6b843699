"""From what a provider said of some deliveries to statuses, changes of profiles, and what a route has to know. Pure.

Each kind is heard once of each message, however often it is said: a provider repeats what we did not answer, and says that a mail was
opened each time it is. Order does not matter: a status says when it happened, and so does a change of a profile, by the provider's clock.

    kind           status                          profile
    delivered      delivered
    opened, read   opened
    clicked        clicked
    bounced        bounced                         the address is out of use (hard_bounce; dead_token of a device)
    complained     complained                      the address is out of use (complaint)
    soft_bounced,
    failed         bounced                         (the address may be used)
    deferred       delayed                         (the provider goes on trying)
    accepted, sent accepted                        (what was unknown was taken)
    unsubscribed   unsubscribed                    no more e-mail of that category
    resubscribed   resubscribed                    e-mail of it is wanted again
    stopped        stopped                         the number is out of use (stop)
    started        started                         the number may be used again
    others         as they are called
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from schemas import ids
from schemas.coded import coded
from schemas.records import DeliverBatch, FeedbackReceived, Outcome, ProfileChanged, StatusBatch
from schemas.refs import Ref, RefInvalid, parse

STATUS_OF = {"read": "opened", "failed": "bounced", "soft_bounced": "bounced", "deferred": "delayed", "sent": "accepted"}
"""Kinds that are other words for a status; the others are statuses themselves. None is an end: each has one already, told by delivery."""
SUPPRESSES = {"bounced": "hard_bounce", "complained": "complaint", "stopped": "stop"}
SOURCE = "feedback"
MAX_DETAIL = 200
Place = tuple[str, int, int]
"""Topic, partition and offset of a record."""


class Said(NamedTuple):
    """One event and the delivery it is about."""

    event: FeedbackReceived
    ref: Ref

    @property
    def place(self) -> Place:
        """Where the batch of the delivery is."""
        return self.ref.topic, self.ref.partition, self.ref.offset

    @property
    def mark(self) -> str:
        """What is heard once of a batch."""
        return f"{self.ref.recipient}.{self.ref.address} {self.event.kind}"


def said_of(events: Iterable[FeedbackReceived], partition: int) -> list[Said]:
    """The events with their deliveries, all of one partition. Raises RefInvalid."""
    said = [Said(event, parse(event.ref)) for event in events]
    for one in said:
        if one.ref.partition != partition:
            raise RefInvalid(f"{one.event.ref!r} is of partition {one.ref.partition}, and came in {partition}")
    return said


def news(said: Sequence[Said], batch: DeliverBatch, heard: dict[str, int], offset: int) -> list[Said]:
    """Those of one batch that were not heard before the record at `offset`, each kind once; they are in `heard` after, with that offset.

    What that record itself said, it says again: its worker may have died before anybody was told. Raises RefInvalid.
    """
    found: dict[str, Said] = {}
    for one in said:
        if one.ref.recipient >= len(batch.users):
            raise RefInvalid(f"{one.event.ref!r}: its batch has {len(batch.users)} recipients")
        if heard.setdefault(one.mark, offset) == offset:
            found.setdefault(one.mark, one)
    return list(found.values())


def status_of(said: Sequence[Said], batch: DeliverBatch, provider: str, at: int, cause: Place) -> StatusBatch:
    """The status of what one provider said of a batch at one time (epoch ms); the same whenever it is made of the same record."""
    distinct, outcome_of = coded(outcome_of_event(one.event) for one in said)
    topic, partition, offset = cause
    return StatusBatch(
        status_id=ids.status_id(batch.batch_id, f"{SOURCE}/{offset}/{provider}/{at}"),
        notification=batch.notification,
        channel=batch.channel,
        batch_id=batch.batch_id,
        provider=provider,
        attempt=batch.attempts + 1,
        users=[batch.users[one.ref.recipient] for one in said],
        outcomes=distinct,
        outcome_of=outcome_of,
        provider_message_ids=[one.event.provider_message_id for one in said],
        profile_offsets=[-1] * len(said),
        policy_version=batch.policy_version,
        at=at,
        caused_by_topic=topic,
        caused_by_partition=partition,
        caused_by_offset=offset,
    )


def outcome_of_event(event: FeedbackReceived) -> Outcome:
    """The status that an event is."""
    return Outcome(STATUS_OF.get(event.kind, event.kind), event.reason, event.detail[:MAX_DETAIL])


def grouped(said: Sequence[Said]) -> Mapping[tuple[str, int], list[Said]]:
    """By provider and time: what one status can say."""
    groups: dict[tuple[str, int], list[Said]] = {}
    for one in said:
        groups.setdefault((one.event.provider, one.event.occurred_at), []).append(one)
    return groups


def changes_of(said: Sequence[Said], batch: DeliverBatch) -> list[ProfileChanged]:
    """What profiles have to know: addresses out of use or back, and who wants no more of a category."""
    made = [_change(one.event, batch.users[one.ref.recipient], batch) for one in said]
    return [change for change in made if change is not None]


def _change(event: FeedbackReceived, user: str, batch: DeliverBatch) -> ProfileChanged | None:
    """Times are positions: what a provider says of one address counts up with its clock."""
    suppress, unsuppress, devices = dict[str, str](), list[str](), list[str]()
    if event.address and event.kind in SUPPRESSES:
        is_device = event.kind == "bounced" and batch.channel == "push"
        suppress = {event.address: "dead_token" if is_device else SUPPRESSES[event.kind]}
        devices = [event.address] if is_device else []
    elif event.address and event.kind == "started":
        unsuppress = [event.address]
    unsubscribe = [batch.notification.category] if event.kind == "unsubscribed" else []
    resubscribe = [batch.notification.category] if event.kind == "resubscribed" else []
    if not (suppress or unsuppress or unsubscribe or resubscribe):
        return None
    return ProfileChanged(
        user_id=user,
        source=SOURCE,
        source_position=event.occurred_at,
        occurred_at=event.occurred_at,
        suppress=suppress,
        unsuppress=unsuppress,
        remove_devices=devices,
        unsubscribe=unsubscribe,
        resubscribe=resubscribe,
    )
