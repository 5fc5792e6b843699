"""What the broker knows of a worker: asked from a thread, with a time-out on each question, changing nothing."""

import logging
from collections.abc import Collection, Mapping, Sequence

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, Message, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from streams.health.rules import Group, Held, Offsets, Place, Seen
from streams.step.reader import LogReader, ReadError

ASK_S = 5.0
GRACE_S = 1.0
"""The client gives up by itself; should it not, we do so soon after."""

logger = logging.getLogger(__name__)


class Broker:
    """Asks about one consumer group and one member of it. All calls block, for some 20 s at most."""

    def __init__(self, bootstrap: str, group: str, member: str, topics: Collection[str]) -> None:
        """`member`: the group instance id (static membership) of this worker. `topics`: what its role reads."""
        self._bootstrap, self._group, self._member, self._topics = bootstrap, group, member, topics
        self._admin: AdminClient | None = None
        self._answers = True

    def look(self, held: Mapping[Place, Held]) -> Seen | None:
        """Everything the rule wants to know; None when the broker does not answer."""
        try:
            seen = Seen(held, self._offsets(list(held)), self._members(bool(held)))
        except (KafkaException, TimeoutError) as error:
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
        wanted = [TopicPartition(*place) for place in places]
        asked = self._client().list_consumer_group_offsets([ConsumerGroupTopicPartitions(self._group, wanted)], request_timeout=ASK_S)
        ends = self._client().list_offsets(dict.fromkeys(wanted, OffsetSpec.latest()), request_timeout=ASK_S)
        found = asked[self._group].result(ASK_S + GRACE_S).topic_partitions
        committed = {(one.topic, one.partition): max(0, one.offset) for one in found}
        end = {(place.topic, place.partition): int(future.result(ASK_S + GRACE_S).offset) for place, future in ends.items()}
        return {place: Offsets(committed.get(place, 0), end[place]) for place in places}

    def _members(self, working: bool) -> Group:
        found = self._client().describe_consumer_groups([self._group], request_timeout=ASK_S)[self._group].result(ASK_S + GRACE_S)
        owned = {one.group_instance_id: _places(one.assignment.topic_partitions) for one in found.members}
        everybody = frozenset[Place]().union(*owned.values())
        # who owns the rest matters only to a worker that has nothing
        orphans = frozenset() if working else self._every_place() - everybody
        return Group(self._member in owned, owned.get(self._member, frozenset()), orphans)

    def _every_place(self) -> frozenset[Place]:
        known = self._client().list_topics(timeout=ASK_S).topics
        return frozenset((topic, partition) for topic in self._topics if topic in known for partition in known[topic].partitions)

    def _note(self, trouble: str) -> None:
        if trouble and self._answers:
            logger.warning("watchdog: %s; nothing is judged meanwhile", trouble)
        elif not trouble and not self._answers:
            logger.info("watchdog: the broker answers again")
        self._answers = not trouble


class _Found(Exception):
    """One record is enough."""


def _found(messages: Sequence[Message], position: int) -> None:
    raise _Found


def _places(assigned: Collection[TopicPartition]) -> frozenset[Place]:
    return frozenset((one.topic, one.partition) for one in assigned)
