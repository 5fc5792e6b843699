"""What was asked for, and how many of it were decided: requests and chunks, of all partitions. Pure."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from ops.audit.model import Entry, Place, Terms
from ops.audit.report import Findings
from schemas.partition import partition_of
from schemas.records import AudienceExpanded, Notification, NotificationRequested, Priority
from schemas.topics import REQUESTS

DIGEST = "digest"
"""Source of requests that the audience step makes of what it kept."""


class Parts(NamedTuple):
    """`known`: the numbers of the parts that are there. `missing`: how many users of the list the others name. `offset` and
    `timestamp` are the latest part's. `refused`: a part is in the dead-letter topic.
    """

    known: frozenset[int]
    missing: int
    offset: int
    timestamp: int
    refused: bool


class Asked(NamedTuple):
    """One request. `homes`: named users by partition; None for an expression. `planned`: on which partitions it must be expanded.

    `channels`: empty when they are policy's. `due`: when its commands are written (epoch ms); 0: at once. `digest_count`: of a digest, how
    many are in it.
    `parts`: of a list in parts, how far it was asked for; None: it came at once.
    """

    place: Place
    timestamp: int
    channels: tuple[str, ...]
    priority: Priority
    homes: Mapping[int, list[str]] | None
    planned: frozenset[int]
    due: int = 0
    digest_count: int | None = None
    parts: Parts | None = None


class Chunk(NamedTuple):
    """What one chunk of one partition was said to come to."""

    entry: Entry
    told: AudienceExpanded


Mark = int | str
"""The number of a chunk, or the id of the hold of people who are released."""
Step = tuple[str, Mark]
"""What one command decides of a notification."""
Chunks = dict[Step, Chunk]


class Requests:
    """Requests by notification: the first that is not in the dead-letter topic counts."""

    def __init__(self, terms: Terms, findings: Findings, partitions: int) -> None:
        self._terms, self._findings, self._partitions = terms, findings, partitions
        self.asked: dict[str, Asked] = {}
        self.refused: set[str] = set()

    def note(self, entry: Entry) -> None:
        """A record of notify.requests."""
        if entry.place in self._terms.held:
            self._refuse(entry.key.decode(errors="replace"))
            return
        told = self._findings.read(entry, NotificationRequested, "a request")
        if told is None:
            return
        wanted, audience = told.notification, told.audience
        homes = None if audience.expression else self._homes(audience.users)
        parts = self._parts(told, entry)
        if homes is not None and parts is not None:
            homes = {number: homes.get(number, []) for number in range(self._partitions)}
        planned = frozenset(range(self._partitions) if homes is None else homes)
        count = _digest_count(wanted)
        asked = Asked(entry.place, entry.timestamp, tuple(wanted.channels), wanted.priority, homes, planned, _due(wanted), count, parts)
        known = self.asked.setdefault(wanted.notification_id, asked)
        if known is not asked:
            self.asked[wanted.notification_id] = _joined(known, asked)

    def _refuse(self, notification: str) -> None:
        self.refused.add(notification)
        known = self.asked.get(notification)
        if known is not None and known.parts is not None:
            self.asked[notification] = known._replace(parts=known.parts._replace(refused=True))

    def _parts(self, told: NotificationRequested, entry: Entry) -> Parts | None:
        if not (told.part or told.users_in_all):
            return None
        refused = told.notification.notification_id in self.refused
        return Parts(frozenset([told.part]), told.users_in_all - len(told.audience.users), entry.place.offset, entry.timestamp, refused)

    def _homes(self, users: Iterable[str]) -> dict[int, list[str]]:
        homes: dict[int, list[str]] = {}
        for user in dict.fromkeys(users):
            homes.setdefault(partition_of(user, self._partitions), []).append(user)
        return homes


def _joined(known: Asked, more: Asked) -> Asked:
    """A list with one more of its parts; the same for what is repeated."""
    if known.parts is None or more.parts is None or known.homes is None or more.homes is None or more.parts.known <= known.parts.known:
        return known
    for number, users in more.homes.items():
        known.homes[number].extend(users)
    missing = known.parts.missing - sum(map(len, more.homes.values()))
    return known._replace(parts=more.parts._replace(known=known.parts.known | more.parts.known, missing=missing))


class Expansions:
    """Chunks by the partition of their users, each checked by itself."""

    def __init__(self, terms: Terms, findings: Findings, asked: Mapping[str, Asked]) -> None:
        self._terms, self._findings, self._asked = terms, findings, asked
        self.chunks: dict[int, Chunks] = {}

    def note(self, entry: Entry) -> None:
        """A record of notify.expansions."""
        told = self._findings.read(entry, AudienceExpanded, "a chunk")
        if told is None:
            return
        asked = self._asked.get(told.notification_id)
        if asked is None:
            unasked(self._terms, self._findings, "chunk_without_request", f"{_who(told)}: no such notification was requested", entry.place)
            return
        known = self.chunks.setdefault(told.partition, {}).setdefault(
            (told.notification_id, told.hold_id or told.chunk), Chunk(entry, told)
        )
        if known.entry.digest != entry.digest:
            self._blame("chunk_changed", told, f"was told otherwise before, at offset {known.entry.place.offset}", entry)
        if known.entry.place == entry.place:
            self._check(told, asked, entry)

    def _check(self, told: AudienceExpanded, asked: Asked, entry: Entry) -> None:
        channels, wanted = set(told.queued), set(asked.channels or told.queued)
        fits = channels and (channels == wanted or (told.hold_id and channels < wanted))
        if not fits or set(told.suppressed) != channels or not set(told.deferred) <= channels:
            self._blame("chunk_channels", told, f"tells of other channels than {', '.join(asked.channels)}", entry)
        for channel in sorted(channels & wanted):
            parts = [counts.get(channel, 0) for counts in (told.queued, told.suppressed, told.deferred)]
            if sum(parts) != told.users:
                said = f"{channel}: {parts[0]} queued, {parts[1]} not and {parts[2]} held are not {told.users}"
                self._blame("chunk_sum", told, said, entry)
        if told.partition not in asked.planned or told.partitions != len(asked.planned):
            said = f"speaks of partition {told.partition} of {told.partitions}; the request takes {len(asked.planned)}"
            self._blame("chunk_unplanned", told, said, entry)

    def _blame(self, kind: str, told: AudienceExpanded, said: str, entry: Entry) -> None:
        self._findings.blame(kind, f"{_who(told)}: {said}", entry.place)


def _due(wanted: Notification) -> int:
    """What is for a time that had come when it was accepted is for now."""
    due = wanted.not_before or 0
    return due if due > wanted.accepted_at else 0


def _digest_count(wanted: Notification) -> int | None:
    count = wanted.data.get("digest_count", "")
    return int(count) if wanted.source == DIGEST and count.isdecimal() else None


def unasked(terms: Terms, findings: Findings, kind: str, said: str, place: Place) -> None:
    """A record of no known request is named, unless only some were asked for or retention took it."""
    if terms.partial:
        return
    if terms.cut(REQUESTS):
        findings.skip("the request is older than the log")
    else:
        findings.blame(kind, said, place)


def _who(told: AudienceExpanded) -> str:
    release = f" release {told.hold_id}" if told.hold_id else ""
    return f"{told.notification_id} partition {told.partition} chunk {told.chunk}{release}"
