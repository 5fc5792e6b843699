"""How far consumer groups have come."""

from collections.abc import Iterable, Mapping

from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from ops.cli.logtail import Position

TIMEOUT_S = 15.0


class Groups:
    """Asks the cluster; one connection for many questions."""

    def __init__(self, bootstrap: str) -> None:
        self._admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})

    def committed(self, group: str) -> dict[Position, int]:
        """The next offset of each partition the group has committed. Raises KafkaException."""
        request = [ConsumerGroupTopicPartitions(group)]
        answer = self._admin.list_consumer_group_offsets(request, request_timeout=TIMEOUT_S)[group].result(TIMEOUT_S)
        return {(place.topic, place.partition): place.offset for place in answer.topic_partitions if place.offset >= 0}

    def ends(self, topics: Iterable[str]) -> dict[Position, int]:
        """The next offset of each partition of each topic. Raises KafkaException."""
        known = self._admin.list_topics(timeout=TIMEOUT_S).topics
        places = [TopicPartition(topic, number) for topic in topics for number in known[topic].partitions]
        futures = self._admin.list_offsets({place: OffsetSpec.latest() for place in places}, request_timeout=TIMEOUT_S)
        return {(place.topic, place.partition): future.result(TIMEOUT_S).offset for place, future in futures.items()}

    def lag(self, group: str, topics: Iterable[str]) -> int:
        """Records of these topics that the group has not committed yet."""
        return self.behind(group, self.ends(topics))

    def behind(self, group: str, ends: Mapping[Position, int]) -> int:
        """Records before these offsets that the group has not committed yet."""
        committed = self.committed(group)
        return sum(max(0, end - committed.get(place, 0)) for place, end in ends.items())
