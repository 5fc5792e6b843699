"""The sums of one partition, and of all: audience = sent + failed + suppressed + expired + cancelled + shed + unknown + pending. Pure."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from ops.audit.batches import Figure, Handed, Part
from ops.audit.commands import Commands
from ops.audit.model import Terms
from ops.audit.report import ChannelSums, Findings
from ops.audit.requests import Asked, Chunk, Chunks
from ops.audit.statuses import Statuses
from schemas.records import AudienceExpanded
from schemas.topics import STATUS, deliver_topic, fanout_topic

Sums = dict[tuple[str, str], ChannelSums]
"""By notification and channel."""


class Claim(NamedTuple):
    """So many recipients of one chunk and channel went to `topic`, by a command of the fan-out topic `lane`."""

    name: Figure
    told: int
    topic: str
    lane: str


class PartitionSums:
    """Adds up one partition, and names what was left out on the way."""

    def __init__(
        self, terms: Terms, findings: Findings, asked: Mapping[str, Asked], handed: Handed, statuses: Statuses, commands: Commands
    ) -> None:
        self._terms, self._findings, self._asked, self._handed, self._statuses = terms, findings, asked, handed, statuses
        self._commands = commands
        self._sums: Sums = {}

    def add_up(self, chunks: Chunks, frontiers: Mapping[str, int]) -> Sums:
        """The sums; `frontiers`: how far each fan-out lane is, by topic."""
        for place, outcomes in self._statuses.outcomes.items():
            self._of(*place).outcomes = dict(+outcomes)  # of whom all were reopened there are none
        for place, heard in self._statuses.heard.items():
            self._of(*place).heard = dict(heard)
        self._waiting()
        for (notification, _, channel), count in self._handed.deferred.items():
            self._of(notification, channel).pending += count
        for place, count in self._handed.handed_back.items():
            self._of(*place).pending += count
        for (notification, number), chunk in chunks.items():
            asked = self._asked[notification]
            for channel in (isinstance(number, int) and asked.channels) or chunk.told.queued:
                self._met(notification, channel, chunk.told.users, part=isinstance(number, int) or bool(chunk.told.tried))
                for claim in _claims(chunk.told, asked, channel):
                    self._compare((notification, number, channel), claim, chunk, frontiers.get(fanout_topic(asked.priority), -1))
        self._untold(chunks)
        return self._sums

    def _of(self, notification: str, channel: str) -> ChannelSums:
        return self._sums.setdefault((notification, channel), ChannelSums())

    def _waiting(self) -> None:
        """Batches without a status."""
        for batch_id, batch in self._handed.batches.items():
            if batch.status_id:
                continue
            frontier = self._statuses.frontiers.get(batch.place.topic, -1)
            held = any(batch.place._replace(offset=offset) in self._terms.held for offset in batch.offsets)
            if not held and self._terms.passed(batch.place.offset, batch.timestamp, frontier):
                said = f"{batch.notification_id} {batch.channel}: batch {batch_id} of {batch.count} recipients has no status"
                self._findings.blame("status_missing", said, batch.place)
            else:
                self._of(batch.notification_id, batch.channel).pending += batch.count

    def _compare(self, part: Part, claim: Claim, chunk: Chunk, frontier: int) -> None:
        found = self._handed.found(claim.name).get(part, 0)
        if found == claim.told:
            return
        said = f"{part[0]} partition {chunk.told.partition} chunk {part[1]} {part[2]}: {claim.told} {claim.name}, {found} found"
        if found:
            self._findings.blame(f"{claim.name}_differs", said, chunk.entry.place)
        elif self._older(claim, chunk.told):
            self._findings.skip("the batch is older than the log")
        elif self._terms.passed(chunk.told.fanout_offset, chunk.entry.timestamp, frontier):
            self._findings.blame("batch_missing" if claim.name == "queued" else "status_missing", said, chunk.entry.place)
        else:
            self._of(part[0], part[2]).pending += claim.told

    def _older(self, claim: Claim, told: AudienceExpanded) -> bool:
        """Whether retention may have taken them: it took some of that topic, and the command they come from."""
        gone = self._terms.gone
        return gone(claim.topic, told.partition, 0) and gone(claim.lane, told.partition, told.fanout_offset)

    def _untold(self, chunks: Chunks) -> None:
        """Batches and statuses of a chunk that is not told of (yet) are of the audience, too; and of a release, of those who were held."""
        for counts in (self._handed.queued, self._handed.suppressed, self._handed.deferred):
            for (notification, mark, channel), count in counts.items():
                if (notification, mark) not in chunks:
                    self._met(notification, channel, count, part=isinstance(mark, int) or self._commands.is_try((notification, mark)))

    def _met(self, notification: str, channel: str, users: int, *, part: bool) -> None:
        """So many of a chunk, or a try, are a part of the channel's audience; of a release, they are held no more."""
        if part:
            self._of(notification, channel).audience += users
        else:
            self._of(notification, channel).pending -= users


def _claims(told: AudienceExpanded, asked: Asked, channel: str) -> tuple[Claim, ...]:
    lane = fanout_topic(asked.priority)
    return (
        Claim("queued", told.queued.get(channel, 0), deliver_topic(channel, asked.priority), lane),
        Claim("suppressed", told.suppressed.get(channel, 0), STATUS, lane),
        Claim("deferred", told.deferred.get(channel, 0), STATUS, lane),
    )


def merged(parts: Iterable[Sums]) -> Sums:
    """The sums of all partitions."""
    total: Sums = {}
    for sums in parts:
        for place, one in sums.items():
            total.setdefault(place, ChannelSums()).add(one)
    return total
