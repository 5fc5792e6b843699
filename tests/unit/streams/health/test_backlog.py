"""What waits in front of another role, added up over partitions."""

from collections.abc import Sequence

import pytest
from confluent_kafka import OFFSET_INVALID, KafkaError, KafkaException, TopicPartition

from streams.health import backlog
from streams.health.backlog import Backlog
from streams.routing.shedding import Lag

TOPICS = {"push": "notify.deliver.push.low", "email": "notify.deliver.email.low"}


class Fake:
    """A broker that knows these offsets."""

    silent = False

    def __init__(self, config: dict[str, object]) -> None:
        assert config["group.id"] == "carillon.bulk"

    def committed(self, places: Sequence[TopicPartition], timeout: float) -> list[TopicPartition]:
        if self.silent:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))
        return [TopicPartition(one.topic, one.partition, OFFSET_INVALID if "email" in one.topic else 10) for one in places]

    def offsets_for_times(self, places: Sequence[TopicPartition], timeout: float) -> list[TopicPartition]:
        return [TopicPartition(one.topic, one.partition, 15 + one.partition) for one in places]


def test_lanes_are_added_up_and_what_was_never_committed_all_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog, "Consumer", Fake)
    assert Backlog("kafka:1", "carillon.bulk", TOPICS, 2).look() == {"push": Lag(20, 31), "email": Lag(0, 31)}


def test_no_answer_is_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog, "Consumer", Fake)
    monkeypatch.setattr(Fake, "silent", True)
    assert Backlog("kafka:1", "carillon.bulk", TOPICS, 2).look() is None
