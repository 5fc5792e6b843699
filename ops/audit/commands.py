"""Is the fan-out of one partition complete? Commands against the chunks that were told of. Pure."""

from collections.abc import Mapping
from typing import NamedTuple

from ops.audit.model import Entry, Terms
from ops.audit.report import Findings
from ops.audit.requests import Asked, Chunk, Chunks, unasked
from schemas.records import ExpandAudience
from schemas.topics import fanout_topic

Step = tuple[str, int]
"""Notification and number of the chunk."""


class Command(NamedTuple):
    """One command; `offsets`: everywhere it was written. `users` None: an expression."""

    entry: Entry
    offsets: set[int]
    users: frozenset[str] | None


class Commands:
    """Commands of both lanes of one partition."""

    def __init__(self, partition: int, terms: Terms, findings: Findings, asked: Mapping[str, Asked]) -> None:
        self._partition, self._terms, self._findings, self._asked = partition, terms, findings, asked
        self.known: dict[Step, Command] = {}
        self._at: dict[tuple[str, int], Step] = {}

    def note(self, entry: Entry) -> None:
        """A record of a fan-out topic, in the log's order."""
        told = self._findings.read(entry, ExpandAudience, "a command", self._terms.held)
        if told is None:
            return
        notification = told.notification.notification_id
        if notification not in self._asked:
            unasked(self._terms, self._findings, "command_without_request", f"{notification} was not requested", entry.place)
            return
        step = notification, told.chunk
        users = frozenset(told.users) if not told.expression else None
        first = self.known.setdefault(step, Command(entry._replace(record=None), set(), users))
        first.offsets.add(entry.place.offset)
        self._at[entry.place.topic, entry.place.offset] = step
        if first.entry.digest != entry.digest:
            said = f"{notification} chunk {told.chunk}: the command at offset {first.entry.place.offset} says otherwise"
            self._findings.blame("command_changed", said, entry.place)

    def at(self, topic: str, offset: int) -> Step | None:
        """Which command is at a place."""
        return self._at.get((topic, offset))

    def check(self, chunks: Chunks) -> dict[str, int]:
        """Name what is missing or does not fit, now that all were noted. Returns how far each lane is: the last offset answered."""
        tops: dict[str, int] = {}
        for notification, number in chunks:
            tops[notification] = max(tops.get(notification, 0), number)
        frontiers = self._frontiers(chunks)
        for (notification, number), chunk in chunks.items():
            self._has_command(notification, number, chunk)
            self._ends(notification, number, chunk, tops[notification], frontiers)
        for step, command in self.known.items():
            self._answered(step, command, chunks, tops, frontiers)
        for notification, top in tops.items():
            self._contiguous(notification, top, chunks)
        self._everyone_named()
        return frontiers

    def _frontiers(self, chunks: Chunks) -> dict[str, int]:
        found: dict[str, int] = {}
        for (notification, _), chunk in chunks.items():
            lane = fanout_topic(self._asked[notification].priority)
            found[lane] = max(found.get(lane, -1), chunk.told.fanout_offset)
        return found

    def _has_command(self, notification: str, number: int, chunk: Chunk) -> None:
        lane, offset = fanout_topic(self._asked[notification].priority), chunk.told.fanout_offset
        command = self.known.get((notification, number))
        if command is not None and offset in command.offsets:
            if command.users is not None and len(command.users) != chunk.told.users:
                said = (
                    f"{notification} partition {self._partition} chunk {number}: {chunk.told.users} users; {len(command.users)} were named"
                )
                self._findings.blame("chunk_size", said, chunk.entry.place)
        elif self._terms.gone(lane, self._partition, offset):
            self._findings.skip("the command is older than the log")
        else:
            said = f"{notification} chunk {number}: its command is not at {lane} partition {self._partition} offset {offset}"
            self._findings.blame("chunk_without_command", said, chunk.entry.place)

    def _ends(self, notification: str, number: int, chunk: Chunk, top: int, frontiers: Mapping[str, int]) -> None:
        told = chunk.told
        if told.last and number < top:
            said = f"{notification} partition {self._partition}: chunk {number} was the last, and yet there is chunk {top}"
            self._findings.blame("chunk_after_last", said, chunk.entry.place)
        if told.last or number < top or (notification, number + 1) in self.known:
            return
        lane = fanout_topic(self._asked[notification].priority)
        if self._terms.passed(told.fanout_offset, chunk.entry.timestamp, frontiers.get(lane, -1)):
            said = f"{notification} partition {self._partition}: chunk {number} is not the last, and no command follows it"
            self._findings.blame("last_missing", said, chunk.entry.place)

    def _answered(self, step: Step, command: Command, chunks: Chunks, tops: Mapping[str, int], frontiers: Mapping[str, int]) -> None:
        place = command.entry.place
        if step in chunks or place in self._terms.held or step[1] < tops.get(step[0], 0):
            return
        if self._terms.passed(place.offset, command.entry.timestamp, frontiers.get(place.topic, -1)):
            said = f"{step[0]} partition {self._partition}: chunk {step[1]} was never told of; its command is here"
            self._findings.blame("chunk_missing", said, place)

    def _contiguous(self, notification: str, top: int, chunks: Chunks) -> None:
        for number in range(top):
            if (notification, number) in chunks:
                continue
            command = self.known.get((notification, number))
            if command is not None and command.entry.place in self._terms.held:
                continue
            where = command.entry.place if command else chunks[notification, top].entry.place
            said = f"{notification} partition {self._partition}: chunk {number} was never told of, but chunk {top} was"
            self._findings.blame("chunk_missing", said, where)

    def _everyone_named(self) -> None:
        """The users of all commands of a request that names users are those it names, once no command is missing."""
        named: dict[str, set[str]] = {}
        for (notification, _), command in self.known.items():
            named.setdefault(notification, set()).update(command.users or ())
        for notification, users in named.items():
            asked = self._asked[notification]
            wanted = set((asked.homes or {}).get(self._partition, ()))
            if asked.homes is not None and (users - wanted or (self._terms.settled and wanted - users)):
                some = sorted(users ^ wanted)[:3]
                said = f"{notification} partition {self._partition}: commands name {len(users)} users, the request {len(wanted)}: {some}"
                self._findings.blame("audience_differs", said, asked.place)
