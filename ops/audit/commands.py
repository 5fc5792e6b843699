"""Is the fan-out of one partition complete? Commands against the chunks that were told of. Pure."""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from ops.audit.controls import Controls
from ops.audit.model import Entry, Terms
from ops.audit.report import Findings
from ops.audit.requests import Asked, Chunk, Chunks, Mark, Step, unasked
from schemas.records import ControlCampaign, ExpandAudience
from schemas.topics import ON_FANOUT, fanout_topic

BESIDE = tuple(set(ON_FANOUT) - {ExpandAudience, ControlCampaign})
"""What else is on the lanes."""


class Command(NamedTuple):
    """One command; `offsets`: everywhere it was written, each with its time. `users` None: an expression.

    `channels`: of a release, or a try; `tried`: the channel before that of a try.
    """

    entry: Entry
    offsets: dict[int, int]
    users: frozenset[str] | None
    channels: tuple[str, ...] = ()
    tried: str = ""


class Commands:
    """Commands of both lanes of one partition, and what was asked of the campaigns they belong to."""

    def __init__(self, partition: int, terms: Terms, findings: Findings, asked: Mapping[str, Asked]) -> None:
        self._partition, self._terms, self._findings, self._asked = partition, terms, findings, asked
        self.controls = Controls(terms)
        self.known: dict[Step, Command] = {}
        self._at: dict[tuple[str, int], Step] = {}

    def note(self, entry: Entry) -> None:
        """A record of a fan-out topic, in the log's order."""
        if isinstance(entry.record, ControlCampaign):
            self.controls.note(entry, entry.record)
            return
        if isinstance(entry.record, BESIDE):
            return  # digests and caps have ends of their own; what leads to a try is told by statuses, and by time
        told = self._findings.read(entry, ExpandAudience, "a command", self._terms.held)
        if told is None:
            return
        notification = told.notification.notification_id
        if notification not in self._asked:
            unasked(self._terms, self._findings, "command_without_request", f"{notification} was not requested", entry.place)
            return
        due = self._asked[notification].due
        if entry.timestamp + self._terms.slack_ms < due:
            said = f"{notification} chunk {told.chunk}: written {due - entry.timestamp} ms before its time"
            self._findings.blame("command_early", said, entry.place)
        step: Step = notification, told.hold_id or told.chunk
        users = frozenset(told.users) if not told.expression else None
        sense = _sense(told)
        first = self.known.setdefault(step, Command(entry._replace(record=None, digest=sense), {}, users, tuple(told.channels), told.tried))
        first.offsets[entry.place.offset] = entry.timestamp
        self._at[entry.place.topic, entry.place.offset] = step
        if first.entry.digest != sense:
            said = f"{notification} chunk {told.chunk}: the command at offset {first.entry.place.offset} says otherwise"
            self._findings.blame("command_changed", said, entry.place)

    def is_try(self, step: Step) -> bool:
        """Whether a command has people tried on a further channel: they are a part of its audience, as those of a chunk are."""
        command = self.known.get(step)
        return command is not None and bool(command.tried)

    def at(self, topic: str, offset: int) -> Step | None:
        """Which command is at a place."""
        return self._at.get((topic, offset))

    def check(self, chunks: Chunks) -> dict[str, int]:
        """Name what is missing or does not fit, now that all were noted. Returns how far each lane is: the last offset answered."""
        tops: dict[str, int] = {}
        for notification, number in chunks:
            if isinstance(number, int):
                tops[notification] = max(tops.get(notification, 0), number)
        frontiers = self._frontiers(chunks)
        for (notification, number), chunk in chunks.items():
            self._has_command(notification, number, chunk)
            self._obeys(notification, chunk)
            if isinstance(number, int):
                self._ends(notification, number, chunk, tops[notification], frontiers)
        for step, command in self.known.items():
            self._answered(step, command, chunks, tops, frontiers)
        for notification, top in tops.items():
            self._contiguous(notification, top, chunks, frontiers)
        self._everyone_named()
        return frontiers

    def _frontiers(self, chunks: Chunks) -> dict[str, int]:
        found: dict[str, int] = {}
        for (notification, _), chunk in chunks.items():
            lane = fanout_topic(self._asked[notification].priority)
            found[lane] = max(found.get(lane, -1), chunk.told.fanout_offset)
        return found

    def _has_command(self, notification: str, number: Mark, chunk: Chunk) -> None:
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
        lane = fanout_topic(self._asked[notification].priority)
        if told.last or number < top or (notification, number + 1) in self.known or self.controls.excuses(notification, lane):
            return
        if (parts := self._asked[notification].parts) is not None and (parts.missing or not self._terms.settled):
            return  # its next part is still to come, or to be planned
        if self._terms.passed(told.fanout_offset, chunk.entry.timestamp, frontiers.get(lane, -1)):
            said = f"{notification} partition {self._partition}: chunk {number} is not the last, and no command follows it"
            self._findings.blame("last_missing", said, chunk.entry.place)

    def _answered(self, step: Step, command: Command, chunks: Chunks, tops: Mapping[str, int], frontiers: Mapping[str, int]) -> None:
        place = command.entry.place
        later = isinstance(step[1], int) and step[1] < tops.get(step[0], 0)
        if step in chunks or place in self._terms.held or later:
            return
        offset, timestamp = self._since(step[0], command, chunks)
        if not self.controls.excuses(step[0], place.topic) and self._terms.passed(offset, timestamp, frontiers.get(place.topic, -1)):
            said = f"{step[0]} partition {self._partition}: chunk {step[1]} was never told of; its command is here"
            self._findings.blame("chunk_missing", said, place)

    def _since(self, notification: str, command: Command, chunks: Chunks) -> tuple[int, int]:
        """From where on (offset, time) an answer to a command is waited for: where it was written last.

        While a campaign is under control that is not before it was told to go on, nor before what else waited in it was decided.
        """
        written = [*command.offsets.items()]
        control = self.controls.last(notification, command.entry.place.topic)
        if control is not None:
            written.append((control.offset, control.timestamp))
            written += [(one.told.fanout_offset, one.entry.timestamp) for (of, _), one in chunks.items() if of == notification]
        return max(written)

    def _obeys(self, notification: str, chunk: Chunk) -> None:
        if wrong := self.controls.disobeyed(chunk.told, fanout_topic(self._asked[notification].priority)):
            kind, said = wrong
            self._findings.blame(kind, f"{notification} partition {self._partition} chunk {chunk.told.chunk}: {said}", chunk.entry.place)

    def _contiguous(self, notification: str, top: int, chunks: Chunks, frontiers: Mapping[str, int]) -> None:
        for number in range(top):
            if (notification, number) in chunks:
                continue
            command = self.known.get((notification, number))
            if command is not None and (command.entry.place in self._terms.held or self._waits(notification, command, chunks, frontiers)):
                continue
            if self._asked[notification].due and not self._terms.settled:
                continue  # timers of one moment keep no order
            where = command.entry.place if command else chunks[notification, top].entry.place
            said = f"{notification} partition {self._partition}: chunk {number} was never told of, but chunk {top} was"
            self._findings.blame("chunk_missing", said, where)

    def _waits(self, notification: str, command: Command, chunks: Chunks, frontiers: Mapping[str, int]) -> bool:
        """Whether a command may be later than those after it: it was held, or had to wait for its turn."""
        lane = command.entry.place.topic
        if self.controls.last(notification, lane) is None:
            return False
        overdue = self._terms.passed(*self._since(notification, command, chunks), frontiers.get(lane, -1))
        return self.controls.excuses(notification, lane) or not overdue

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


def _sense(told: ExpandAudience) -> int:
    """What must be the same wherever a command is written; at a rate it is written again with its turn."""
    return hash(msgspec.msgpack.encode(msgspec.structs.replace(told, not_before=0)))
