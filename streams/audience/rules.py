"""Decides for one chunk of an audience: who is handed to delivery on which channel, who is not and why, and who is held. Pure."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import msgspec

from schemas import ids
from schemas.records import AudienceExpanded, DeliverBatch, ExpandAudience, Profile, StatusBatch
from streams.audience.control import CANCELLED, mark_of
from streams.audience.holds import Hold, Until, Waiting, holds_of
from streams.audience.own import column, own_of
from streams.audience.told import Choice, Chosen, Place, batch_of, deferred, progress_of, refused
from streams.audience.tries import channels_of, first_route
from streams.digest.content import member_outcome
from streams.digest.folding import Folding
from streams.policy.caps import Counters
from streams.policy.decision import Case, decide
from streams.policy.policy import Policy
from streams.policy.rules import SEND, outcome_of
from streams.profiles.stored import user_key
from streams.routing.rules import route_of


class Person(NamedTuple):
    """A user of the chunk, what is known of them, and the offset in `notify.profiles` that says so (-1: nothing)."""

    user: str
    profile: Profile | None
    offset: int


class Expansion(NamedTuple):
    """What one chunk comes to."""

    batches: list[DeliverBatch]
    statuses: list[StatusBatch]
    progress: AudienceExpanded
    rest: ExpandAudience | None
    holds: list[Hold]


def expand(
    command: ExpandAudience,
    people: Sequence[Person],
    rest: ExpandAudience | None,
    policy: Policy,
    place: Place,
    *,
    counters: Mapping[str, Counters] | None = None,
    folding: Folding | None = None,
    cancelled: bool = False,
    shed: Collection[str] = (),
    given_up: Collection[str] = (),
) -> Expansion:
    """Decide for `people`; `rest` is the command for those after them, None when there are none. Raises UnknownCategory.

    `counters`: by user, at the place's time; those who are sent to are counted in them. None, or not in it: caps are not asked, and
    nothing is counted. `folding`: takes those who are told in a digest; None: nothing is digested. `cancelled`: the campaign is; nobody is
    sent to, and all are told so. `shed`: channels that would be too late. `given_up`: users who are on another channel by now.
    """
    case = case_of(command, policy, place)._replace(shed=shed, given_up=given_up)
    followed = first_route(command, policy) is not None
    choice = _nobody(people, case.channels) if cancelled else choose(people, case, counters, folding)
    about, mark = command.notification, mark_of(command)
    batches, statuses = [], []
    for channel in case.channels:
        batch_id = ids.batch_id(about.notification_id, place.partition, mark, channel)
        if choice.send[channel].users:
            send = choice.send[channel]._replace(counted_on=[]) if followed else choice.send[channel]
            batches.append(batch_of(batch_id, channel, send, command, policy, place, followed=followed))
        if choice.refuse[channel].users:
            statuses.append(refused(batch_id, channel, choice.refuse[channel], about, policy, place))
    holds = holds_of(command, mark, place.partition, choice.hold)
    statuses += [deferred(hold, channel, policy, place) for hold in holds for channel in hold.command.channels]
    progress = progress_of(command, len(people), choice, place, last=rest is None and command.last)
    return Expansion(batches, statuses, progress, rest, holds)


def case_of(command: ExpandAudience, policy: Policy, place: Place) -> Case:
    """What is the same for all users of a command. Raises UnknownCategory."""
    about = command.notification
    binds = policy.of(about)
    seed = f"{about.notification_id}/{place.partition}/{mark_of(command)}"
    own = own_of(command.users, command.data)
    return Case(about, channels_of(command, route_of(about, binds)), binds, policy, seed, place.now, own=own)


def choose(people: Sequence[Person], case: Case, counters: Mapping[str, Counters] | None, folding: Folding | None = None) -> Choice:
    """Those to be sent to on each channel, those not, and those who are held on the channels that could be sent."""
    choice = Choice(_none(case.channels), _none(case.channels), {})
    counts = counters is not None and case.binds.counts
    lanes = list(zip(choice.send.values(), choice.refuse.values(), strict=True))
    for user, profile, offset in people:
        mine = counters.get(user) if counters is not None else None
        reasons, release_at, waits_for, digest_id = decide(user, profile, case, mine, folding)
        sent_on = reasons.count(SEND) if mine is not None else 0
        for (send, refuse), reason in zip(lanes, reasons, strict=True):
            if reason != SEND or digest_id is not None:
                refuse.users.append(user)
                refuse.offsets.append(offset)
                refuse.outcomes.append(outcome_of(reason) if reason != SEND else member_outcome(digest_id or ""))
            elif release_at is None:
                send.users.append(user)
                send.offsets.append(offset)
                if counts:
                    send.counted_on.append(sent_on)
        if release_at is not None:
            waits = tuple(channel for channel, reason in zip(case.channels, reasons, strict=True) if reason == SEND)
            waiting = choice.hold.setdefault(Until(release_at, waits, waits_for), Waiting([], []))
            waiting.users.append(user)
            waiting.offsets.append(offset)
    return choice


def _nobody(people: Sequence[Person], channels: Sequence[str]) -> Choice:
    refuse = Chosen([person.user for person in people], [person.offset for person in people], [outcome_of(CANCELLED)] * len(people), [])
    return Choice(_none(channels), dict.fromkeys(channels, refuse), {})


def _none(channels: Sequence[str]) -> dict[str, Chosen]:
    return {channel: Chosen([], [], [], []) for channel in channels}


def next_chunk(command: ExpandAudience, cursor: str) -> ExpandAudience:
    """The command for what is left after the user `cursor`: of users named beside an expression, those whose keys follow."""
    reached = user_key(cursor)
    users = [user for user in command.users if user_key(user) > reached]
    data = column(own_of(command.users, command.data), users)
    return msgspec.structs.replace(command, users=users, data=data, cursor=cursor, chunk=command.chunk + 1, not_before=0)
