"""The audience step: one lane of `notify.fanout` to deliver batches, statuses, progress, and a command to itself for the next chunk.

It obeys control of campaigns, which comes on the same topic: who pauses, resumes, cancels or slows one down is met in the order of the log.

What it decides depends on profiles, which change: so it is journaled. Killed before the journal: nothing was decided, kept or obeyed.
Killed after it: the very same records are written again, and readers know them by batch id, status id, timer id and chunk number. A
command that is held is in the table from the journal record on that says so, and goes out of it in the one that writes it again: it is
never in neither. People who are held are in the timer that the record which says so wrote, and their release is known by the hold's id.
Who is tried on one channel after the other has a row, which changes with the command of the next try: what comes twice of a channel finds
the row at the next one (ADR 0017).
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from schemas.codec import Codec
from schemas.errors import SchemaError
from schemas.records import ChannelEnded, ChannelOverdue, ControlCampaign, DigestWindowEnded, ExpandAudience, SendsEnded, UserSeen
from schemas.topics import CHANGELOG_CAPS, CHANGELOG_DIGESTS, CHANGELOG_ENDED, FANOUT, audience_topics, campaigns_topic, tried_topic
from streams.audience.campaigns import TABLE as CAMPAIGNS
from streams.audience.columns import check
from streams.audience.counting import TABLE as CAPS
from streams.audience.digests import TABLE as DIGESTS
from streams.audience.ended import TABLE as ENDED
from streams.audience.expanded import TABLE as EXPANDED
from streams.audience.expanding import Expanding, Shed
from streams.audience.following import Following
from streams.audience.giving_back import GivingBack
from streams.audience.obeying import Obeying
from streams.audience.sightings import Sightings
from streams.audience.tried import TABLE as TRIED
from streams.policy.policy import InForce
from streams.profiles.replica import ProfileReplica
from streams.step.model import Effects, Input
from streams.step.partition import StepPartition
from streams.step.step import RecordStep, View
from streams.step.turns import Turns

CHUNK, COMMANDS = 500, 64
LARGE = 32_768
"""Bytes of a command that is not decided with others."""
MANY = 100
"""Users of one."""

Handler = Callable[[View, Any, Input], Effects]
"""Everything that one record of its type comes to."""


class AudienceStep(RecordStep):
    """Expands one chunk per command; between two chunks of a campaign, whatever else has arrived has its turn."""

    max_batch = 8

    def __init__(
        self,
        topic: str,
        codec: Codec,
        clock: Callable[[], int],
        in_force: InForce,
        replica: ProfileReplica,
        chunk: int = CHUNK,
        shed: Shed = lambda notification: (),
    ) -> None:
        """`topic`: the lane it reads. `chunk`: users a command of a campaign decides."""
        super().__init__(codec, clock)
        changelog, journal = audience_topics(topic)
        self.name = journal.removeprefix("notify.journal.")
        self.tables: Mapping[str, str] = {EXPANDED: changelog, CAMPAIGNS: campaigns_topic(topic), TRIED: tried_topic(topic)}
        if topic == FANOUT:  # nothing on the urgent lane counts, nor is bound by what is counted, nor waits in a digest
            self.tables = {**self.tables, CAPS: CHANGELOG_CAPS, DIGESTS: CHANGELOG_DIGESTS, ENDED: CHANGELOG_ENDED}
        self.journal: str | None = journal
        self._replica = replica
        self._turns = Turns()
        following = Following(codec, clock)
        self._handlers: dict[type, Handler] = {
            ExpandAudience: Expanding(self.name, codec, clock, in_force, replica, chunk, caps=CAPS in self.tables, shed=shed).decide,
            ControlCampaign: Obeying(clock).decide,
            ChannelEnded: following.ended,
            ChannelOverdue: following.overdue,
        }
        if topic == FANOUT:
            sightings = Sightings(codec, clock, in_force, replica)
            self._handlers |= {DigestWindowEnded: sightings.ended, UserSeen: sightings.seen, SendsEnded: GivingBack(clock).decide}
        # each is looked at before its turn, in its turn, and to decide
        self._told: Callable[[bytes | None], Any] = lru_cache(COMMANDS)(lambda value: codec.decode_one_of(value, tuple(self._handlers)))

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
        told = self._record(record)
        if isinstance(told, ExpandAudience):
            most = 1 if told.notification.digest_key else MANY
            return bool(told.expression) or len(told.users) > most or len(record.value or b"") > LARGE
        return isinstance(told, UserSeen) or (isinstance(told, SendsEnded) and len(told.users) > MANY)

    def _is_scan(self, record: Input) -> bool:
        told = self._record(record)
        return isinstance(told, ExpandAudience) and bool(told.expression)

    def _record(self, record: Input) -> Any:
        """What a record is; None when `decide` will say what is wrong with it."""
        try:
            return self._told(record.value)
        except SchemaError:
            return None

    def decide(self, view: View, record: Input) -> Effects:
        """Everything one record comes to; nothing for one that was had before."""
        told = self._told(record.value)
        check(told)
        return self._handlers[type(told)](view, told, record)
