"""The sums of one partition, and of all: audience = sent + failed + suppressed + expired + cancelled + unknown + pending. Pure."""

from collections.abc import Iterable, Mapping

from ops.audit.batches import Handed, Part
from ops.audit.model import Terms
from ops.audit.report import ChannelSums, Findings
from ops.audit.requests import Asked, Chunk, Chunks
from ops.audit.statuses import Statuses
from schemas.topics import deliver_topic, fanout_topic

Sums = dict[tuple[str, str], ChannelSums]
"""By notification and channel."""


class PartitionSums:
    """Adds up one partition, and names what was left out on the way."""

    def __init__(self, terms: Terms, findings: Findings, asked: Mapping[str, Asked], handed: Handed, statuses: Statuses) -> None:
        self._terms, self._findings, self._asked, self._handed, self._statuses = terms, findings, asked, handed, statuses
        self._sums: Sums = {}

    def add_up(self, chunks: Chunks, frontiers: Mapping[str, int]) -> Sums:
        """The sums; `frontiers`: how far each fan-out lane is, by topic."""
        for place, outcomes in self._statuses.outcomes.items():
            self._of(*place).outcomes = dict(outcomes)
        self._waiting()
        for (notification, number), chunk in chunks.items():
            for channel in self._asked[notification].channels:
                self._chunk((notification, number, channel), chunk, frontiers)
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

    def _chunk(self, part: Part, chunk: Chunk, frontiers: Mapping[str, int]) -> None:
        notification, _, channel = part
        self._of(notification, channel).audience += chunk.told.users
        self._compare(part, chunk, frontiers, "queued", self._handed.queued.get(part, 0), chunk.told.queued.get(channel, 0))
        self._compare(part, chunk, frontiers, "suppressed", self._handed.suppressed.get(part, 0), chunk.told.suppressed.get(channel, 0))

    def _compare(self, part: Part, chunk: Chunk, frontiers: Mapping[str, int], name: str, found: int, told: int) -> None:
        if found == told:
            return
        asked, where = self._asked[part[0]], chunk.entry
        said = f"{part[0]} partition {chunk.told.partition} chunk {part[1]} {part[2]}: {told} {name}, {found} found"
        lane = fanout_topic(asked.priority)
        if found:
            self._findings.blame(f"{name}_differs", said, where.place)
        elif self._older(part[2], asked, chunk, name):
            self._findings.skip("the batch is older than the log")
        elif self._terms.passed(chunk.told.fanout_offset, where.timestamp, frontiers.get(lane, -1)):
            self._findings.blame("batch_missing" if name == "queued" else "status_missing", said, where.place)
        else:
            self._of(part[0], part[2]).pending += told

    def _older(self, channel: str, asked: Asked, chunk: Chunk, name: str) -> bool:
        """Whether the batch may have been taken by retention: then the command it comes from was, too."""
        topic = deliver_topic(channel, asked.priority) if name == "queued" else "notify.status"
        low = self._terms.lows.get((topic, chunk.told.partition), 0)
        return low > 0 and self._terms.gone(fanout_topic(asked.priority), chunk.told.partition, chunk.told.fanout_offset)

    def _untold(self, chunks: Chunks) -> None:
        """Batches and statuses of a chunk that is not told of (yet) are of the audience, too."""
        for counts in (self._handed.queued, self._handed.suppressed):
            for (notification, number, channel), count in counts.items():
                if (notification, number) not in chunks:
                    self._of(notification, channel).audience += count


def merged(parts: Iterable[Sums]) -> Sums:
    """The sums of all partitions."""
    total: Sums = {}
    for sums in parts:
        for place, one in sums.items():
            total.setdefault(place, ChannelSums()).add(one)
    return total
