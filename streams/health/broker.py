"""What the broker knows of a worker: asked from a thread, with a time-out on each question, changing nothing.

By librdkafka's synchronous calls only: its admin requests that time out end the process (assertion in `rd_kafka_enq_once`) when the
broker is back, as five of six workers found in an outage of two minutes.
"""

import logging
import struct
from collections.abc import Collection, Mapping, Sequence

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition
from confluent_kafka import admin as kafka_admin
from confluent_kafka.admin import AdminClient, _metadata

from schemas.clients import consumer_config
from streams.health.rules import Group, Held, Offsets, Place, Seen
from streams.step.reader import LogReader, ReadError, ends

ASK_S = 5.0

for _name in ("GroupMetadata", "GroupMember"):  # `list_groups` looks for them where this release no longer has them
    if not hasattr(kafka_admin, _name):
        setattr(kafka_admin, _name, getattr(_metadata, _name))

logger = logging.getLogger(__name__)


class Broker:
    """Asks about one consumer group and one member of it. All calls block, for some 20 s at most."""

    def __init__(self, bootstrap: str, group: str, member: str, topics: Collection[str]) -> None:
        """`member`: the group instance id (static membership) of this worker. `topics`: what its role reads."""
        self._bootstrap, self._group, self._member, self._topics = bootstrap, group, member, topics
        self._admin: AdminClient | None = None
        self._consumer: Consumer | None = None
        self._answers = True

    def look(self, held: Mapping[Place, Held]) -> Seen | None:
        """Everything the rule wants to know; None when the broker does not answer."""
        try:
            seen = Seen(held, self._offsets(list(held)), self._members(bool(held)))
        except (KafkaException, struct.error) as error:
            self._note(f"the broker does not answer: {error}")
            return None
        self._note("")
        return seen

    def has_record(self, place: Place, offset: int) -> bool | None:
        """Whether the log has a record at or after `offset`; None when it does not answer."""
        reader = LogReader(self._bootstrap, self._group)  # never joins the group: the partition is assigned by hand
        try:
            reader.read_to_end(*place, max(0, offset), _found)
        except _Found:
            return True
        except (KafkaException, ReadError):
            return None
        finally:
            reader.close()
        return False

    def _client(self) -> AdminClient:
        if self._admin is None:
            self._admin = AdminClient({"bootstrap.servers": self._bootstrap, "log_level": 0})
        return self._admin

    def _offsets(self, places: list[Place]) -> dict[Place, Offsets]:
        if not places:
            return {}
        if self._consumer is None:
            self._consumer = Consumer(consumer_config(self._bootstrap, self._group) | {"log_level": 0})  # never joins, only asks
        found = self._consumer.committed([TopicPartition(*place) for place in places], timeout=ASK_S)
        committed = {(one.topic, one.partition): max(0, one.offset) for one in found}
        end = {(one.topic, one.partition): _offset(one) for one in ends(self._consumer, places, ASK_S)}
        return {place: Offsets(committed.get(place, 0), end[place]) for place in places}

    def _members(self, working: bool) -> Group:
        groups = self._client().list_groups(self._group, timeout=ASK_S)
        owned = {member.id: assigned(member.assignment) for group in groups for member in group.members}
        everybody = frozenset[Place]().union(*owned.values())
        # the broker names a static member after its instance id
        me = [places for name, places in owned.items() if name.startswith(f"{self._member}-")]
        # who owns the rest matters only to a worker that has nothing
        orphans = frozenset() if working else self._every_place() - everybody
        return Group(bool(me), frozenset[Place]().union(*me), orphans)

    def _every_place(self) -> frozenset[Place]:
        known = self._client().list_topics(timeout=ASK_S).topics
        return frozenset((topic, partition) for topic in self._topics if topic in known for partition in known[topic].partitions)

    def _note(self, trouble: str) -> None:
        if trouble and self._answers:
            logger.warning("watchdog: %s; nothing is judged meanwhile", trouble)
        elif not trouble and not self._answers:
            logger.info("watchdog: the broker answers again")
        self._answers = not trouble


def _offset(place: TopicPartition) -> int:
    """Raises KafkaException when it is not known: nothing is judged by the others alone."""
    if place.error is not None:
        raise KafkaException(place.error)
    return int(place.offset)


class _Found(Exception):
    """One record is enough."""


def _found(messages: Sequence[Message], position: int) -> None:
    raise _Found


def assigned(content: bytes) -> frozenset[Place]:
    """The partitions in a member's assignment (Kafka's consumer protocol); none when it is empty. Raises struct.error."""
    places: set[Place] = set()
    if not content:
        return frozenset()
    at, (topics,) = 6, struct.unpack_from(">i", content, 2)
    for _ in range(topics):
        (length,) = struct.unpack_from(">h", content, at)
        topic = content[at + 2 : at + 2 + length].decode()
        (count,) = struct.unpack_from(">i", content, at + 2 + length)
        at += 6 + length
        places |= {(topic, number) for number in struct.unpack_from(f">{count}i", content, at)}
        at += 4 * count
    return frozenset(places)
