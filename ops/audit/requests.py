"""What was asked for, and how many of it were decided: requests and chunks, of all partitions. Pure."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from ops.audit.model import Entry, Place, Terms
from ops.audit.report import Findings
from schemas.partition import partition_of
from schemas.records import AudienceExpanded, NotificationRequested, Priority
from schemas.topics import REQUESTS


class Asked(NamedTuple):
    """One request. `homes`: named users by partition; None for an expression. `planned`: on which partitions it must be expanded."""

    place: Place
    timestamp: int
    channels: tuple[str, ...]
    priority: Priority
    homes: Mapping[int, list[str]] | None
    planned: frozenset[int]


class Chunk(NamedTuple):
    """What one chunk of one partition was said to come to."""

    entry: Entry
    told: AudienceExpanded


Chunks = dict[tuple[str, int], Chunk]
"""By notification and number."""


class Requests:
    """Requests by notification: the first that is not in the dead-letter topic counts."""

    def __init__(self, terms: Terms, findings: Findings, partitions: int) -> None:
        self._terms, self._findings, self._partitions = terms, findings, partitions
        self.asked: dict[str, Asked] = {}
        self.refused: set[str] = set()

    def note(self, entry: Entry) -> None:
        """A record of notify.requests."""
        if entry.place in self._terms.held:
            self.refused.add(entry.key.decode(errors="replace"))
            return
        if not isinstance(entry.record, NotificationRequested):
            self._findings.blame("unreadable", "a request without a value that can be read", entry.place)
            return
        wanted, audience = entry.record.notification, entry.record.audience
        homes = None if audience.expression else self._homes(audience.users)
        planned = frozenset(range(self._partitions) if homes is None else homes)
        asked = Asked(entry.place, entry.timestamp, tuple(wanted.channels), wanted.priority, homes, planned)
        self.asked.setdefault(wanted.notification_id, asked)

    def _homes(self, users: Iterable[str]) -> dict[int, list[str]]:
        homes: dict[int, list[str]] = {}
        for user in dict.fromkeys(users):
            homes.setdefault(partition_of(user, self._partitions), []).append(user)
        return homes


class Expansions:
    """Chunks by the partition of their users, each checked by itself."""

    def __init__(self, terms: Terms, findings: Findings, asked: Mapping[str, Asked]) -> None:
        self._terms, self._findings, self._asked = terms, findings, asked
        self.chunks: dict[int, Chunks] = {}

    def note(self, entry: Entry) -> None:
        """A record of notify.expansions."""
        told = entry.record
        if not isinstance(told, AudienceExpanded):
            self._findings.blame("unreadable", "a chunk without a value that can be read", entry.place)
            return
        asked = self._asked.get(told.notification_id)
        if asked is None:
            self._unasked(told, entry)
            return
        known = self.chunks.setdefault(told.partition, {}).setdefault((told.notification_id, told.chunk), Chunk(entry, told))
        if known.entry.digest != entry.digest:
            self._blame("chunk_changed", told, f"was told otherwise before, at offset {known.entry.place.offset}", entry)
        if known.entry.place == entry.place:
            self._check(told, asked, entry)

    def _unasked(self, told: AudienceExpanded, entry: Entry) -> None:
        if self._terms.partial:
            return
        if self._terms.cut(REQUESTS):
            self._findings.skip("the request is older than the log")
        else:
            self._blame("chunk_without_request", told, "no such notification was requested", entry)

    def _check(self, told: AudienceExpanded, asked: Asked, entry: Entry) -> None:
        if set(told.queued) != set(asked.channels) or set(told.suppressed) != set(asked.channels):
            self._blame("chunk_channels", told, f"tells of other channels than {', '.join(asked.channels)}", entry)
        for channel in asked.channels:
            parts = told.queued.get(channel, 0), told.suppressed.get(channel, 0)
            if sum(parts) != told.users:
                self._blame("chunk_sum", told, f"{channel}: {parts[0]} queued and {parts[1]} not are not {told.users}", entry)
        if told.partition not in asked.planned or told.partitions != len(asked.planned):
            said = f"speaks of partition {told.partition} of {told.partitions}; the request takes {len(asked.planned)}"
            self._blame("chunk_unplanned", told, said, entry)

    def _blame(self, kind: str, told: AudienceExpanded, said: str, entry: Entry) -> None:
        self._findings.blame(kind, f"{told.notification_id} partition {told.partition} chunk {told.chunk}: {said}", entry.place)
