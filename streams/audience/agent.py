"""The audience step: one lane of `notify.fanout` to deliver batches, statuses, progress, and a command to itself for the next chunk.

It obeys control of campaigns, which comes on the same topic: who pauses, resumes, cancels or slows one down is met in the order of the log.

What it decides depends on profiles, which change: so it is journaled. Killed before the journal: nothing was decided, kept or obeyed.
Killed after it: the very same records are written again, and readers know them by batch id, status id, timer id and chunk number. A
command that is held is in the table from the journal record on that says so, and goes out of it in the one that writes it again: it is
never in neither. People who are held are in the timer that the record which says so wrote, and their release is known by the hold's id.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

from schemas.codec import Codec
from schemas.errors import RecordRefused, SchemaError
from schemas.records import ControlCampaign, ExpandAudience
from schemas.topics import CHANGELOG_CAPS, FANOUT, audience_topics, campaigns_topic
from streams.audience.campaigns import TABLE, campaign_of, keep, later, put, release
from streams.audience.control import CANCELLED, PAUSED, Campaign, check, controlled, decided, mark_of, owed
from streams.audience.counting import TABLE as CAPS
from streams.audience.counting import Counting
from streams.audience.expanded import TABLE as EXPANDED
from streams.audience.expanded import had, was_had
from streams.audience.expression import parse
from streams.audience.outputs import outputs_of
from streams.audience.pace import chunk_limit, following, passed, postponed, turn_of
from streams.audience.rules import Person, expand, next_chunk
from streams.audience.search import search
from streams.audience.told import Place
from streams.policy.policy import Policy
from streams.profiles.replica import ProfileReplica
from streams.step.model import Effects, Input
from streams.step.partition import StepPartition
from streams.step.step import RecordStep, View, dead_letter_output
from streams.step.turns import Turns

CHUNK, COMMANDS = 250, 64
LARGE = 32_768
"""Bytes of a command that is not decided with others."""
MANY = 100
"""Users of one."""
KINDS: tuple[type[ExpandAudience] | type[ControlCampaign], ...] = (ExpandAudience, ControlCampaign)


class AudienceStep(RecordStep):
    """Expands one chunk per command; between two chunks of a campaign, whatever else has arrived has its turn."""

    max_batch = 8

    def __init__(
        self, topic: str, codec: Codec, clock: Callable[[], int], policy: Policy, replica: ProfileReplica, chunk: int = CHUNK
    ) -> None:
        """`topic`: the lane it reads. `chunk`: users a command of a campaign decides."""
        super().__init__(codec, clock)
        changelog, journal = audience_topics(topic)
        self.name = journal.removeprefix("notify.journal.")
        self._caps = topic == FANOUT
        """Nothing on the urgent lane counts, nor is bound by what is counted."""
        self.tables: Mapping[str, str] = {EXPANDED: changelog, TABLE: campaigns_topic(topic)}
        if self._caps:
            self.tables = {**self.tables, CAPS: CHANGELOG_CAPS}
        self.journal: str | None = journal
        self._policy = policy
        self._replica = replica
        self._chunk = chunk
        self._turns = Turns()
        # each is looked at before its turn, in its turn, and to decide
        self._told = lru_cache(COMMANDS)(lambda value: codec.decode_one_of(value, KINDS))

    async def start(self, partition: int) -> None:
        """Wait until the profiles of the partition are current."""
        await self._replica.ready(partition)

    def together(self, waiting: Sequence[Input]) -> int:
        """A chunk of a campaign goes alone: what comes before it need not wait for its turn. So does what is large, or names many: what is
        written about them, and counted, is one record of the journal.
        """
        return next((index for index, record in enumerate(waiting) if self._goes_alone(record)), len(waiting)) or 1

    async def decide_in_turn(self, part: StepPartition, view: View, record: Input) -> Effects:
        """Chunks of campaigns take turns; the rest is short."""
        await self._replica.current(part.number, alive=part.alive)
        if not self._is_scan(record):
            return await super().decide_in_turn(part, view, record)
        async with self._turns:
            return await super().decide_in_turn(part, view, record)

    def _goes_alone(self, record: Input) -> bool:
        return len(record.value or b"") > LARGE or self._is_scan(record) or len(self._named(record)) > MANY

    def _is_scan(self, record: Input) -> bool:
        told = self._command(record)
        return told is not None and bool(told.expression)

    def _named(self, record: Input) -> Sequence[str]:
        told = self._command(record)
        return told.users if told is not None else ()

    def _command(self, record: Input) -> ExpandAudience | None:
        """The command in a record, if it is one; `decide` will say what is wrong with it."""
        try:
            told = self._told(record.value)
        except SchemaError:
            return None
        return told if isinstance(told, ExpandAudience) else None

    def decide(self, view: View, record: Input) -> Effects:
        """Everything one record comes to; nothing for one that was had before."""
        told = self._told(record.value)
        if isinstance(told, ControlCampaign):
            return self._obey(view, told, record)
        key = told.notification.notification_id.encode()
        campaign, now = campaign_of(view, key), self.clock()
        if was_had(view, key, told) and not campaign.waits(mark_of(told)):
            return Effects()
        if campaign.state == PAUSED:
            return keep(self.codec, key, campaign, told, record)
        if turn_of(campaign, told) > now:
            return self._postpone(key, campaign, told, record)
        try:
            return self._expand(view, key, campaign, told, Place(record.topic, record.partition, record.offset, now), record)
        except RecordRefused as error:
            if not campaign.waits(mark_of(told)):
                raise
            return self._refuse(view, key, decided(campaign, mark_of(told)), record, error)

    def _obey(self, view: View, command: ControlCampaign, record: Input) -> Effects:
        """The new state of a campaign; and when it goes on, the first command that is held."""
        check(command, self.clock())
        key = command.notification_id.encode()
        known = campaign_of(view, key)
        after, effects = controlled(known, command), Effects()
        if after == known:
            return effects
        if after.state != PAUSED:
            after, effects = release(view, key, after, record)
        effects.writes.append(put(key, after))
        return effects

    def _postpone(self, key: bytes, campaign: Campaign, command: ExpandAudience, record: Input) -> Effects:
        """A timer for a command whose turn has not come."""
        after, given = postponed(campaign, command)
        return Effects([later(self.codec, key, given, record)], [put(key, owed(after, mark_of(command)))])

    def _refuse(self, view: View, key: bytes, campaign: Campaign, record: Input, error: RecordRefused) -> Effects:
        """A dead letter for a command that had waited; what waits behind it goes on."""
        after, effects = release(view, key, campaign, record)
        effects.add(Effects([dead_letter_output(self.codec, self.name, record, error, self.clock())], [put(key, after)]))
        return effects

    def _expand(self, view: View, key: bytes, campaign: Campaign, command: ExpandAudience, place: Place, record: Input) -> Effects:
        people, rest = self._people(command, record.partition, chunk_limit(campaign, command.partitions, self._chunk))
        after = decided(passed(campaign, command, len(people), place.now), mark_of(command))
        counting = self._counting(view, command, people, place.now)
        expansion = expand(
            command,
            people,
            rest and following(after, rest),
            self._policy,
            place,
            counters=counting.of if counting else None,
            cancelled=campaign.state == CANCELLED,
        )
        effects = Effects(outputs_of(self.codec, expansion, key, record, place.now), counting.writes() if counting else [])
        if campaign.waits(mark_of(command)):
            after, released = release(view, key, after, record)
            effects.add(released)
        effects.writes.append(had(view, key, command))
        if after != campaign:
            effects.writes.append(put(key, after))
        return effects

    def _counting(self, view: View, command: ExpandAudience, people: Sequence[Person], now: int) -> Counting | None:
        """What the people were told so far; None when it does not matter."""
        if not self._caps or not self._policy.of(command.notification).counts:
            return None
        return Counting(lambda keys: view.get_many(CAPS, keys), [person.user for person in people], now)

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
