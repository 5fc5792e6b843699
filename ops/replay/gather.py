"""What has to be known of the candidates of one partition, read from the log."""

from collections.abc import Iterable, Mapping, Set

from ops.replay.log import Log
from ops.replay.model import Chosen, Told
from ops.replay.people import People
from ops.replay.rules import Known, follows
from ops.replay.words import HEARD_SENT
from schemas.codec import Codec
from schemas.errors import RecordRefused
from schemas.records import DeliverBatch, ExpandAudience, Profile, StatusBatch
from schemas.topics import CANCELS, PROFILES, STATUS, fanout_topic
from streams.policy.policy import Policy

SLACK_MS = 60_000
"""How much earlier than what it says a record may be on the log."""
TOLD = HEARD_SENT | {"sent", "unknown", "digested"}


class Gatherer:
    """Reads for one partition after the other."""

    def __init__(self, log: Log, codec: Codec, policy: Policy) -> None:
        self._log, self._codec, self._policy = log, codec, policy

    def people(self, partition: int, chosen: Chosen) -> tuple[People, int]:
        """What became of everyone since the time that was chosen; and from which offset on nothing was read."""
        found = People(chosen)
        start = self._log.since(STATUS, partition, chosen.since - SLACK_MS)
        return found, self.more(partition, found, start)

    def more(self, partition: int, found: People, start: int) -> int:
        """Note what was told from `start` on; returns where it ends now."""
        stop = self._log.end(STATUS, partition)

        def note(offset: int, key: bytes, value: bytes | None) -> None:
            found.note(Told(self._codec.decode(value, StatusBatch), offset))

        self._log.read(STATUS, partition, start, stop, note)
        return stop

    def known(self, partition: int, found: People, batches: Mapping[str, DeliverBatch], now: int) -> Known:
        """What speaks against sending them again."""
        users = {key[2] for key, person in found.people.items() if person.later is None}
        return Known(
            self._policy, self._cancelled(partition), self._profiles(partition, users), self._elsewhere(partition, found), batches, now
        )

    def batches(self, partition: int, found: People, extra: Iterable[StatusBatch] = ()) -> dict[str, DeliverBatch]:
        """The deliver batches of the candidates, by id; those of `extra` statuses, too."""
        places: dict[str, set[int]] = {}
        for status in {id(person.told.status): person.told.status for person in found.people.values()}.values():
            places.setdefault(status.caused_by_topic, set()).add(status.caused_by_offset)
        for status in extra:
            topic, offset = self._cause_of(partition, status)
            places.setdefault(topic, set()).add(offset)
        batches: dict[str, DeliverBatch] = {}
        for topic, offsets in places.items():
            batches |= self._batches_at(topic, partition, offsets)
        return batches

    def commanded(self, partition: int, reopened: Mapping[str, Told], holds: Set[str]) -> set[str]:
        """Those of the holds whose command is on its lane."""
        since: dict[str, int] = {}
        for hold in holds:
            status = reopened[hold].status
            lane = fanout_topic(status.notification.priority)
            since[lane] = min(status.at, since.get(lane, status.at))
        there: set[str] = set()

        def note(offset: int, key: bytes, value: bytes | None) -> None:
            if (command := self._maybe(value)) is not None and command.hold_id in holds:
                there.add(command.hold_id)

        for lane, at in since.items():
            self._log.read(lane, partition, self._log.since(lane, partition, at - SLACK_MS), self._log.end(lane, partition), note)
        return there

    def _cause_of(self, partition: int, reopening: StatusBatch) -> tuple[str, int]:
        """Where the batch is whose people a status reopened: the status it names says so."""
        found: list[StatusBatch] = []
        offset = reopening.caused_by_offset
        self._log.read(STATUS, partition, offset, offset + 1, lambda _, __, value: found.append(self._codec.decode(value, StatusBatch)))
        return (found[0].caused_by_topic, found[0].caused_by_offset) if found else (STATUS, -1)

    def _batches_at(self, topic: str, partition: int, offsets: Set[int]) -> dict[str, DeliverBatch]:
        found: dict[str, DeliverBatch] = {}

        def note(offset: int, key: bytes, value: bytes | None) -> None:
            if offset in offsets:
                batch = self._codec.decode(value, DeliverBatch)
                if batch.partitions:  # of a version that does not say it nothing is decided afresh
                    found[batch.batch_id] = batch

        if topic != STATUS:
            self._log.read(topic, partition, min(offsets), max(offsets) + 1, note)
        return found

    def _cancelled(self, partition: int) -> set[str]:
        found: set[str] = set()
        stop = self._log.end(CANCELS, partition)
        self._log.read(CANCELS, partition, 0, stop, lambda _, key, value: found.add(key.decode(errors="replace")))
        return found

    def _profiles(self, partition: int, users: Set[str]) -> dict[str, Profile]:
        found: dict[str, bytes | None] = {}
        wanted = {user.encode(): user for user in users}

        def note(offset: int, key: bytes, value: bytes | None) -> None:
            if key in wanted:
                found[wanted[key]] = value

        if wanted:
            self._log.read(PROFILES, partition, 0, self._log.end(PROFILES, partition), note)
        return {user: self._codec.decode(value, Profile) for user, value in found.items() if value is not None}

    def _elsewhere(self, partition: int, found: People) -> set[tuple[str, str]]:
        """Who was told on an earlier channel of a route that tries one after the other: all of its statuses are read, however old."""
        last: dict[str, str] = {}
        since = 0
        for key, person in found.people.items():
            about = person.told.status.notification
            if (route := follows(about, self._policy)) is not None and person.later is None:
                since = min(since or about.accepted_at, about.accepted_at)
                last[key[0]] = route.channels[-1]
        told: set[tuple[str, str]] = set()

        def note(offset: int, key: bytes, value: bytes | None) -> None:
            status = self._codec.decode(value, StatusBatch)
            notification = status.notification.notification_id
            if notification in last and status.channel != last[notification]:
                rows = zip(status.users, status.outcome_of, strict=True)
                told.update((notification, user) for user, number in rows if status.outcomes[number].status in TOLD)

        if last:
            self._log.read(STATUS, partition, self._log.since(STATUS, partition, since - SLACK_MS), self._log.end(STATUS, partition), note)
        return told

    def _maybe(self, value: bytes | None) -> ExpandAudience | None:
        """The command; None: it is another record of the lane."""
        try:
            return self._codec.decode(value, ExpandAudience)
        except RecordRefused:
            return None
