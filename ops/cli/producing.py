"""Writes to the log: what is durable when the call returns."""

from collections.abc import Sequence
from typing import NamedTuple

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from ops.cli.errors import GaveUp
from schemas.clients import producer_config
from schemas.delivery_report import not_written
from schemas.records import Output

FLUSH_S = 30.0
CREATE_TIME_NOW = 0


class Place(NamedTuple):
    """Where a record is."""

    topic: str
    partition: int
    offset: int


class LogProducer:
    """Waits for each record's acknowledgement."""

    def __init__(self, bootstrap: str) -> None:
        self._producer = Producer({**producer_config(bootstrap), "log_level": 0})

    def send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        *,
        partition: int = -1,
        headers: dict[str, bytes] | None = None,
        timestamp: int = CREATE_TIME_NOW,
    ) -> Place:
        """Write one record; `partition` -1: by its key. Returns its place. Raises KafkaException, GaveUp after 30 s."""
        answers: list[tuple[KafkaError | None, Message]] = []
        self._producer.produce(
            topic,
            value,
            key,
            partition,
            on_delivery=lambda error, message: answers.append((error, message)),
            timestamp=timestamp,
            headers=list((headers or {}).items()),
        )
        self._producer.flush(FLUSH_S)
        if not answers:
            raise GaveUp(f"{topic} did not take a record within {FLUSH_S:.0f} s; is Kafka up?")
        _, message = answers[0]
        if refusal := not_written(*answers[0]):
            raise KafkaException(refusal)
        return Place(topic, int(message.partition() or 0), int(message.offset() or 0))

    def send_all(self, records: Sequence[Output]) -> None:
        """Write records; the order of each partition is kept. Raises KafkaException, GaveUp after 30 s."""
        answers: list[tuple[KafkaError | None, Message]] = []
        for one in records:
            self._producer.produce(
                one.topic, one.value, one.key, one.partition, on_delivery=lambda error, message: answers.append((error, message))
            )
        self._producer.flush(FLUSH_S)
        for answer in answers:
            if refusal := not_written(*answer):
                raise KafkaException(refusal)
        if len(answers) < len(records):
            raise GaveUp(f"{len(records) - len(answers)} records were not taken within {FLUSH_S:.0f} s; is Kafka up?")
