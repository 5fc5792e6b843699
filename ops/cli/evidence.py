"""What is known about one user and one notification: from Cassandra, and from the log at the positions it names."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import msgspec
from confluent_kafka import Consumer, Message

from ops.cli import controlling
from ops.cli.context import codec, reader
from ops.cli.controlling import Control
from ops.cli.letters import DeadLetterTopic, Letter
from ops.cli.logtail import consumer, read_at, read_since
from ops.cli.missing import held, refused
from ops.cli.standing import HELD
from ops.endpoints import Endpoints
from projections.cassandra.header import Header
from projections.cassandra.timeline import Why
from schemas import ids
from schemas.codec import Codec
from schemas.partition import partition_of
from schemas.records import AudienceExpanded, DeliverBatch, ExpandAudience, NotificationRequested, Record
from schemas.topics import CHANNELS, EXPANSIONS, FANOUTS, FEEDBACK, STATUS, deliver_topic, fanout_topic

if TYPE_CHECKING:
    from projections.cassandra.reader import Reader

R = TypeVar("R", bound=Record)
CLOCK_SLACK_MS = 60_000


class Handed(msgspec.Struct, frozen=True):
    """The deliver batch that names the user, and where it is."""

    batch: DeliverBatch
    topic: str
    partition: int
    offset: int


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """Everything found. `partition`: the user's. What is no longer on the log is None or absent."""

    user_id: str
    notification_id: str
    partition: int
    header: Header | None = None
    refusal: str = ""
    """Why there is no header, if the DLQ says so."""
    statuses: list[Why] = []
    handed: dict[str, Handed] = {}
    """By channel."""
    commands: dict[int, ExpandAudience] = {}
    """Fan-out commands by their offset."""
    chunks: list[AudienceExpanded] = []
    """Of the user's partition, in order; read only when some channel has no status."""
    named: bool | None = None
    """Whether the request names the user; None for an expression, or when it is not known."""
    held: list[Letter] = []
    control: Control | None = None
    """Of the campaign, when some channel has no status and somebody has controlled it."""


class Detective:
    """Gathers evidence from one store and one log."""

    def __init__(self, stored: "Reader", log: Consumer, wire: Codec, partitions: int) -> None:
        self._stored, self._log, self._wire, self._partitions = stored, log, wire, partitions
        self._dead = DeadLetterTopic(log, wire)

    def gather(self, user_id: str, notification_id: str) -> Evidence:
        """All there is to know. Raises KafkaException, StoreUnavailable."""
        partition = partition_of(user_id, self._partitions)
        header = self._stored.header(notification_id)
        base = Evidence(user_id=user_id, notification_id=notification_id, partition=partition, header=header)
        if header is None:
            return msgspec.structs.replace(base, refusal=refused(notification_id, self._dead))
        statuses = self._stored.why_rows(user_id, notification_id)
        handed = {why.event.channel: found for why in statuses if (found := self._batch_of(why)) is not None}
        if open_channels(header, statuses):
            base = self._gaps(base, header, statuses)
        handed |= base.handed
        commands = self._commands(fanout_topic(header.priority), statuses, handed, partition)
        return msgspec.structs.replace(base, statuses=statuses, handed=handed, commands=commands)

    def _batch_of(self, why: Why) -> Handed | None:
        event = why.event
        if not event.batch_id or event.caused_by_topic in (FEEDBACK, STATUS):  # of a batch, and not caused by it
            return None
        place = (event.caused_by_topic, event.caused_by_partition, event.caused_by_offset)
        batch = self._record(DeliverBatch, *place)
        return Handed(batch, *place) if batch is not None else None

    def _commands(self, lane: str, statuses: list[Why], handed: dict[str, Handed], partition: int) -> dict[int, ExpandAudience]:
        offsets = {one.batch.fanout_offset for one in handed.values()}
        offsets |= {why.event.caused_by_offset for why in statuses if why.event.caused_by_topic in FANOUTS}
        found = {offset: self._record(ExpandAudience, lane, partition, offset) for offset in sorted(offsets)}
        return {offset: command for offset, command in found.items() if command is not None}

    def _gaps(self, base: Evidence, header: Header, statuses: list[Why]) -> Evidence:
        """What may explain that some channel has no end: chunks, batches that wait, the DLQ, the request itself."""
        chunks = [one for one in self._chunks(base.notification_id, header) if one.partition == base.partition]
        missing = open_channels(header, statuses)
        keys = {
            ids.batch_id(base.notification_id, base.partition, one.hold_id or one.chunk, channel): channel
            for one in chunks
            for channel in missing
            if one.queued.get(channel)
        }
        waiting = {keys[one.batch.batch_id]: one for one in self._batches(header, base.partition, keys) if base.user_id in one.batch.users}
        return msgspec.structs.replace(
            base,
            chunks=chunks,
            handed=waiting,
            named=self._named(header, base.user_id),
            held=held(self._dead, base.notification_id, base.partition, keys),
            control=controlling.read(self._log, base.notification_id, fanout_topic(header.priority)),
        )

    def _chunks(self, notification_id: str, header: Header) -> list[AudienceExpanded]:
        found: dict[tuple[int, int, str], AudienceExpanded] = {}
        home = partition_of(notification_id, self._partitions)
        for message in self._since(EXPANSIONS, home, header.accepted_at):
            if message.key() == notification_id.encode():
                record = self._wire.decode(message.value(), AudienceExpanded)
                found[record.partition, record.chunk, record.hold_id] = record
        return [found[place] for place in sorted(found)]

    def _batches(self, header: Header, partition: int, keys: dict[str, str]) -> Iterator[Handed]:
        for channel in sorted(set(keys.values())):
            topic = deliver_topic(channel, header.priority)
            for message in self._since(topic, partition, header.accepted_at):
                if (message.key() or b"").decode(errors="replace") in keys:
                    yield Handed(self._wire.decode(message.value(), DeliverBatch), topic, partition, int(message.offset() or 0))

    def _named(self, header: Header, user_id: str) -> bool | None:
        if header.audience_expression:
            return None
        request = self._record(NotificationRequested, *header.position)
        if request is None:
            return None
        return user_id in request.audience.users or (None if request.users_in_all else False)  # the other parts are not looked for

    def _record(self, kind: type[R], topic: str, partition: int, offset: int) -> R | None:
        message = read_at(self._log, topic, partition, offset)
        return None if message is None else self._wire.decode(message.value(), kind)

    def _since(self, topic: str, partition: int, at: int) -> list[Message]:
        return read_since(self._log, topic, partition, at - CLOCK_SLACK_MS)


def channels_of(header: Header, statuses: Sequence[Why], handed: Iterable[str] = ()) -> list[str]:
    """The channels a notification names; when it names none those of policy, as far as anything is known of the user there, else all."""
    known = dict.fromkeys([*(why.event.channel for why in statuses), *handed])
    return header.channels or list(known or CHANNELS)


def open_channels(header: Header, statuses: Sequence[Why]) -> list[str]:
    """The channels on which nothing is known of the user, or that they are held."""
    last = {why.event.channel: why.status for why in statuses}
    return [channel for channel in channels_of(header, statuses) if last.get(channel, HELD) == HELD]


@contextmanager
def detective(endpoints: Endpoints, partitions: int) -> Iterator[Detective]:
    """One, for the time of the block."""
    with reader(endpoints) as stored, codec(endpoints) as wire, consumer(endpoints.kafka) as log:
        yield Detective(stored, log, wire, partitions)
