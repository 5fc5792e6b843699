"""What a command to expand comes to: a chunk that is decided, or a command that waits. Gathers, lets `rules` decide, and writes down."""

from collections.abc import Callable, Collection, Sequence

from schemas import ids
from schemas.codec import Codec
from schemas.errors import RecordRefused
from schemas.records import ChannelOverdue, ExpandAudience, Notification
from streams.audience.campaigns import campaign_of, keep, later, put, release
from streams.audience.control import CANCELLED, PAUSED, Campaign, decided, mark_of, owed
from streams.audience.counting import TABLE as CAPS
from streams.audience.counting import Counting
from streams.audience.digests import effects_of, folding
from streams.audience.expanded import had, was_had
from streams.audience.expression import parse
from streams.audience.following import effects_of as effects_of_tries
from streams.audience.following import timer
from streams.audience.holds import counted_of
from streams.audience.outputs import outputs_of
from streams.audience.pace import chunk_limit, following, passed, postponed, turn_of
from streams.audience.rules import Expansion, Person, expand, next_chunk
from streams.audience.search import search
from streams.audience.told import Place
from streams.audience.tried import rows_of
from streams.audience.tries import Rows, channels_of, first_route, given_up, uncounted
from streams.audience.tries import decided as followed
from streams.digest.folding import Folding
from streams.digest.rules import Whose
from streams.digest.state import USERS_DIGESTED
from streams.policy.policy import InForce, Policy, Route
from streams.profiles.replica import ProfileReplica
from streams.step.model import Effects, Input
from streams.step.step import View, dead_letter_output

Shed = Callable[[Notification], Collection[str]]
"""The channels on which a notification would be too late."""


class Expanding:
    """Of one lane."""

    def __init__(
        self,
        name: str,
        codec: Codec,
        clock: Callable[[], int],
        in_force: InForce,
        replica: ProfileReplica,
        chunk: int,
        *,
        caps: bool,
        shed: Shed,
    ) -> None:
        """`name`: of the step. `chunk`: users that a search finds at once. `caps`: whether what is told is counted."""
        self._name, self._codec, self._clock, self._shed = name, codec, clock, shed
        self._in_force, self._replica, self._chunk, self._caps = in_force, replica, chunk, caps

    def decide(self, view: View, told: ExpandAudience, record: Input) -> Effects:
        """Everything one command comes to; nothing for one that was had before."""
        key = told.notification.notification_id.encode()
        campaign, now = campaign_of(view, key), self._clock()
        if was_had(view, key, told) and not campaign.waits(mark_of(told)):
            return Effects()
        if campaign.state == PAUSED:
            return keep(self._codec, key, campaign, told, record)
        if turn_of(campaign, told) > now:
            return self._postpone(key, campaign, told, record)
        try:
            return self._expand(view, key, campaign, told, Place(record.topic, record.partition, record.offset, now), record)
        except RecordRefused as error:
            if not campaign.waits(mark_of(told)):
                raise
            return self._refuse(view, key, decided(campaign, mark_of(told)), record, error)

    def _postpone(self, key: bytes, campaign: Campaign, command: ExpandAudience, record: Input) -> Effects:
        """A timer for a command whose turn has not come."""
        after, given = postponed(campaign, command)
        return Effects([later(self._codec, key, given, record)], [put(key, owed(after, mark_of(command)))])

    def _refuse(self, view: View, key: bytes, campaign: Campaign, record: Input, error: RecordRefused) -> Effects:
        """A dead letter for a command that had waited; what waits behind it goes on."""
        after, effects = release(view, key, campaign, record)
        effects.add(Effects([dead_letter_output(self._codec, self._name, record, error, self._clock())], [put(key, after)]))
        return effects

    def _expand(self, view: View, key: bytes, campaign: Campaign, command: ExpandAudience, place: Place, record: Input) -> Effects:
        policy = self._in_force()
        people, rest = self._people(command, record.partition, chunk_limit(campaign, command.partitions, self._most(command, policy)))
        after = decided(passed(campaign, command, len(people), place.now), mark_of(command))
        counting = self._counting(view, command, people, place.now) if self._caps and policy.of(command.notification).counts else None
        folded = self._folding(view, command, people, place.now) if _is_digested(command, policy) else None
        counters = counting.of if counting else None
        route = first_route(command, policy)
        rows = rows_of(view, key, [person.user for person in people]) if route else {}
        if route and counters:
            counters = {user: counters[user] for user in uncounted(command, route, counters, rows)}
        expansion = expand(
            command,
            people,
            rest and following(after, rest),
            policy,
            place,
            counters=counters,
            folding=folded,
            cancelled=campaign.state == CANCELLED,
            shed=() if command.attempts else self._shed(command.notification),  # who was let in is not left out when tried again
            given_up=given_up(command, route, (person.user for person in people), rows) if route else (),
        )
        effects = Effects(outputs_of(self._codec, expansion, key, record, place.now), counting.writes() if counting else [])
        if folded is not None:
            effects.add(effects_of(self._codec, view, folded, record.partition))
        if route:
            effects.add(self._followed(command, route, expansion, rows, record, place.now))
        if campaign.waits(mark_of(command)):
            after, released = release(view, key, after, record)
            effects.add(released)
        effects.writes.append(had(view, key, command))
        if after != campaign:
            effects.writes.append(put(key, after))
        return effects

    def _followed(self, command: ExpandAudience, route: Route, expansion: Expansion, rows: Rows, record: Input, now: int) -> Effects:
        """The rows of those who are tried on one channel after the other, who are tried on the next at once, and the timers of the rest."""
        after = followed(command, route, expansion.batches, expansion.statuses, rows, record.partition, now)
        effects = effects_of_tries(self._codec, after, command.notification, record)
        about, (channel,) = command.notification, channels_of(command, route)
        for due, users in after.waiting.items():
            timer_id = ids.overdue_id(about.notification_id, record.partition, mark_of(command), due)
            effects.outputs.append(timer(self._codec, timer_id, due, ChannelOverdue(about, channel, users), record))
        return effects

    def _most(self, command: ExpandAudience, policy: Policy) -> int:
        """Users that a search may find at once."""
        return min(self._chunk, USERS_DIGESTED) if _is_digested(command, policy) else self._chunk

    def _counting(self, view: View, command: ExpandAudience, people: Sequence[Person], now: int) -> Counting:
        """What the people were told so far."""
        before = counted_of(command)
        return Counting(lambda keys: view.get_many(CAPS, keys), [person.user for person in people if person.user not in before], now)

    def _folding(self, view: View, command: ExpandAudience, people: Sequence[Person], now: int) -> Folding:
        """Their digests."""
        about = command.notification
        return folding(view, [Whose(person.user, about.category, about.digest_key) for person in people], now)

    def _people(self, command: ExpandAudience, partition: int, limit: int) -> tuple[list[Person], ExpandAudience | None]:
        """The users of this chunk with their profiles, and the command for the rest. `limit`: users that are searched for."""
        wanted = parse(command.expression)
        if wanted is None:
            return self._known(partition, command.users), None
        users, cursor = search(wanted, command.users, self._replica.index(partition), command.cursor, limit)
        return self._known(partition, users), next_chunk(command, cursor) if cursor is not None else None

    def _known(self, partition: int, users: list[str]) -> list[Person]:
        known = self._replica.get_many(partition, users)
        return [Person(user, profile, offset) for user, (profile, offset) in zip(users, known, strict=True)]


def _is_digested(command: ExpandAudience, policy: Policy) -> bool:
    """What was held is told by itself, when its time has come."""
    about = command.notification
    return bool(about.digest_key) and not command.hold_id and policy.of(about).digest is not None
