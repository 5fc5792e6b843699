"""How much waits in front of another role's lanes: what its group has committed, and where the topics end. Asked from a thread."""

from collections.abc import Mapping

from confluent_kafka import Consumer, KafkaException, TopicPartition

from schemas.clients import consumer_config
from streams.health.broker import ASK_S
from streams.routing.shedding import Lag
from streams.step.reader import ends


class Backlog:
    """Of one consumer group, which it never joins."""

    def __init__(self, bootstrap: str, group: str, topics: Mapping[str, str], partitions: int) -> None:
        """`topics`: of each lane, by the name it is told under."""
        self._bootstrap, self._group = bootstrap, group
        self._lane_of = {(topic, number): name for name, topic in topics.items() for number in range(partitions)}
        self._consumer: Consumer | None = None

    def look(self) -> dict[str, Lag] | None:
        """Where each lane stands, over all its partitions; None when the broker does not answer. Blocks, for 10 s at most."""
        try:
            return self._asked()
        except KafkaException:
            return None

    def _asked(self) -> dict[str, Lag]:
        if self._consumer is None:
            self._consumer = Consumer(consumer_config(self._bootstrap, self._group) | {"log_level": 0})
        places = list(self._lane_of)
        found = self._consumer.committed([TopicPartition(*place) for place in places], timeout=ASK_S)
        lags = dict.fromkeys(self._lane_of.values(), Lag(0, 0))
        for done, end in zip(found, ends(self._consumer, places, ASK_S), strict=True):
            if end.error is not None:
                raise KafkaException(end.error)
            lane = self._lane_of[end.topic, end.partition]
            lags[lane] = Lag(lags[lane].done + max(0, done.offset), lags[lane].end + end.offset)
        return lags
