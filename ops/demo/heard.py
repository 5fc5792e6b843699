"""What the log says of this run: read from where it ended before the play, counted by notification."""

from collections import defaultdict
from typing import NamedTuple

from confluent_kafka import Consumer, Message

from ops.cli.logtail import Follow, ends
from ops.cli.tally import Tally
from schemas.codec import Codec
from schemas.records import AudienceExpanded, DeadLetter, ExpandAudience, NotificationRequested, Profile, StatusBatch
from schemas.topics import DLQ, EXPANSIONS, FANOUTS, ON_FANOUT, PROFILES, REQUESTS, STATUS
from streams.policy.rules import devices

TOPICS = (REQUESTS, *FANOUTS, EXPANSIONS, STATUS, PROFILES, DLQ)


class Point(NamedTuple):
    """Something was done for so many recipients at a time (epoch ms)."""

    at: int
    recipients: int


class Heard:
    """Everything heard so far."""

    def __init__(self, reader: Consumer, codec: Codec) -> None:
        """From now on: whatever is written after this is heard. Raises KafkaException."""
        self._follow, self._codec = Follow(reader, ends(reader, TOPICS)), codec
        self.requested: dict[str, NotificationRequested] = {}
        self.planned: set[str] = set()
        self.tallies: defaultdict[str, Tally] = defaultdict(Tally)
        self.statuses: list[StatusBatch] = []
        self.dead: list[DeadLetter] = []
        self.decided: list[Point] = []
        self.finished: list[Point] = []
        self.places: dict[int, list[tuple[int, int]]] = defaultdict(list)
        """By partition of `notify.status`: (offset, recipients of the record) in order."""
        self.devices: dict[str, list[tuple[int, int]]] = defaultdict(list)
        """By user whose profile changed: (offset in `notify.profiles`, devices that push reaches from then on) in order."""

    def listen(self, seconds: float) -> None:
        """Take in what has been written, after at most that long. Raises KafkaException."""
        for message in self._follow.poll(seconds):
            self._hear(message)

    def complete(self, notification_id: str) -> bool:
        """Whether nothing more is to come of a notification."""
        return notification_id in self.tallies and self.tallies[notification_id].complete

    def _hear(self, message: Message) -> None:
        value, topic = message.value(), message.topic()
        if topic == STATUS:
            self._status(message, self._codec.decode(value, StatusBatch))
        elif topic == EXPANSIONS:
            record = self._codec.decode(value, AudienceExpanded)
            self.tallies[record.notification_id].expanded(record)
            self.decided.append(Point(record.at, sum(record.queued.values()) + sum(record.suppressed.values())))
        elif topic == REQUESTS:
            request = self._codec.decode(value, NotificationRequested)
            self.requested.setdefault(request.notification.notification_id, request)
        elif topic == PROFILES:
            self._profile(message)
        elif topic in FANOUTS:
            command = self._codec.decode_one_of(value, ON_FANOUT)
            if isinstance(command, ExpandAudience):
                self.planned.add(command.notification.notification_id)
        else:
            self.dead.append(self._codec.decode(value, DeadLetter))

    def _profile(self, message: Message) -> None:
        if message.value() is not None:
            profile = self._codec.decode(message.value(), Profile)
            self.devices[profile.user_id].append((int(message.offset() or 0), len(devices(profile))))

    def _status(self, message: Message, batch: StatusBatch) -> None:
        self.tallies[batch.notification.notification_id].told(batch)
        self.statuses.append(batch)
        self.finished.append(Point(batch.at, len(batch.users)))
        self.places[int(message.partition() or 0)].append((int(message.offset() or 0), len(batch.users)))
