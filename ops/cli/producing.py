"""Writes to the log: one record, durable when the call returns."""

from typing import NamedTuple

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from ops.cli.errors import GaveUp
from schemas.clients import producer_config
from schemas.delivery_report import not_written

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
