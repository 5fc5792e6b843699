"""Is everyone handed to delivery once? Deliver batches of one partition against commands and chunks. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from ops.audit.commands import Commands
from ops.audit.model import Entry, Place, Terms
from ops.audit.profiles import Profiles
from ops.audit.report import Findings
from ops.audit.requests import Asked, Mark
from schemas import ids
from schemas.partition import partition_of
from schemas.records import DeliverBatch
from schemas.topics import fanout_topic

NAMED = 3
Part = tuple[str, Mark, str]
"""Notification, chunk or hold, channel."""
Figure = Literal["queued", "suppressed", "deferred"]
"""Of a chunk."""


class Batch(msgspec.Struct, gc=False):
    """What is kept of a batch until its status is seen: then `users` is empty. `offsets`: everywhere it was written.

    `attempts`: those that others made before it.
    """

    notification_id: str
    channel: str
    users: list[str]
    count: int
    decided_at: int
    place: Place
    timestamp: int
    digest: int
    offsets: list[int]
    attempts: int = 0
    status_id: str = ""


class Handed:
    """Who was placed where: each recipient in one batch, or in one status of those who are not sent to or are held; and of those who were
    held, in one of their release. `handed_back`: how many of batches delivery handed back, by notification and channel.
    """

    def __init__(
        self,
        partition: int,
        partitions: int,
        terms: Terms,
        findings: Findings,
        asked: Mapping[str, Asked],
        commands: Commands,
        profiles: Profiles,
    ) -> None:
        self._partition, self._partitions, self._terms, self._findings = partition, partitions, terms, findings
        self._asked, self._commands, self._profiles = asked, commands, profiles
        self.batches: dict[str, Batch] = {}
        self.queued: dict[Part, int] = {}
        self.suppressed: dict[Part, int] = {}
        self.deferred: dict[Part, int] = {}
        self.handed_back: Counter[tuple[str, str]] = Counter()
        self._placed: dict[tuple[str, str, str], set[str]] = {}

    def note(self, entry: Entry) -> None:
        """A record of a deliver topic, in the log's order."""
        told = self._findings.read(entry, DeliverBatch, "a batch", self._terms.held)
        if told is None:
            return
        notification = told.notification.notification_id
        if notification not in self._asked and self._terms.partial:
            return
        known = self.batches.get(told.batch_id)
        if known is None:
            self._add(told, notification, entry)
            return
        known.offsets.append(entry.place.offset)
        if known.digest != entry.digest:
            self._findings.blame("batch_changed", f"batch {told.batch_id}: offset {known.place.offset} says otherwise", entry.place)

    def place(self, notification: str, channel: str, users: Sequence[str], part: Part | None, where: Place) -> None:
        """Recipients are in one batch or status more. Names those who are in another of their chunks, or of their release, already, or of
        another partition.
        """
        is_release = part is not None and isinstance(part[1], str) and not self._commands.is_try(part[:2])
        release = str(part[1]) if part is not None and is_release else ""
        placed = self._placed.setdefault((notification, channel, release), set())
        fresh = set(users)
        if len(fresh) != len(users) or not placed.isdisjoint(fresh):
            twice = sorted(placed & fresh) or [user for user in fresh if users.count(user) > 1]
            self._findings.blame("recipient_twice", f"{notification} {channel}: {_some(twice)} placed twice", where)
        placed |= fresh
        away = [u for u in users if not self._profiles.knows(u) and partition_of(u, self._partitions) != self._partition]
        if away:
            self._findings.blame("wrong_partition", f"{notification} {channel}: {_some(away)} of another partition", where)

    def found(self, figure: Figure) -> dict[Part, int]:
        """How many there are of each part: in batches, in statuses of those who are not sent to, and of those who are held."""
        return {"queued": self.queued, "suppressed": self.suppressed, "deferred": self.deferred}[figure]

    def was_placed(self, notification: str, channel: str, user: str) -> bool:
        """Whether a recipient was in any batch or status so far."""
        return user in self._placed.get((notification, channel, ""), ())

    def check_tries(self) -> None:
        """Whoever is tried on a further channel was placed on the one before it, and each once on each: `place` names who was not."""
        for (notification, _), command in self._commands.known.items():
            before = self._placed.get((notification, command.tried, ""), set()) if command.tried else set()
            strange = [user for user in command.users or () if user not in before] if command.tried else []
            place = command.entry.place
            if strange and not self._terms.partial and not self._terms.cut(place.topic):
                said = f"{notification} {', '.join(command.channels)}: {_some(strange)} tried after {command.tried}, where they never were"
                self._findings.blame("try_without_cause", said, place)

    def part_of(self, notification: str, channel: str, lane: str, offset: int, users: Sequence[str], where: Place) -> Part | None:
        """The part of the audience that the command at `offset` is about; None, and named, when there is no such command."""
        step = self._commands.at(lane, offset)
        if step is None or step[0] != notification:
            if self._terms.gone(lane, self._partition, offset):
                self._findings.skip("the command is older than the log")
            else:
                said = f"{notification} {channel}: no command for it at {lane} partition {self._partition} offset {offset}"
                self._findings.blame("no_command", said, where)
            return None
        named = self._commands.known[step].users
        if named is not None and not named.issuperset(users):
            strange = [user for user in users if user not in named]
            self._findings.blame("nobody_asked", f"{notification} {channel}: {_some(strange)} not named by the command", where)
        return (*step, channel)

    def _add(self, told: DeliverBatch, notification: str, entry: Entry) -> None:
        place = entry.place
        self.batches[told.batch_id] = Batch(
            notification,
            told.channel,
            told.users,
            len(told.users),
            told.decided_at,
            place,
            entry.timestamp,
            entry.digest,
            [place.offset],
            told.attempts,
        )
        lane = fanout_topic(told.notification.priority)
        part = self.part_of(notification, told.channel, lane, told.fanout_offset, told.users, place)
        self.place(notification, told.channel, told.users, part, place)
        if part is None:
            return
        self.queued[part] = self.queued.get(part, 0) + len(told.users)
        if told.batch_id != ids.batch_id(notification, self._partition, part[1], told.channel):
            self._findings.blame("wrong_id", f"batch {told.batch_id} is not the id of {notification} chunk {part[1]}", place)


def _some(users: Sequence[str]) -> str:
    more = f" and {len(users) - NAMED} more" if len(users) > NAMED else ""
    return ", ".join(users[:NAMED]) + more
