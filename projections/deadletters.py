"""Records a projection can't use, written to the dead-letter topic with their bytes, and confirmed before the commit."""

import time

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from projections.errors import DeadLetterLost
from schemas.clients import producer_config
from schemas.codec import Codec
from schemas.deadletter import dead_letter, dead_letter_key
from schemas.delivery_report import not_written
from schemas.errors import RecordRefused

FLUSH_TIMEOUT_S = 30.0


class DeadLetters:
    """Connects with the first dead letter."""

    def __init__(self, bootstrap: str, topic: str, codec: Codec, step: str) -> None:
        self._bootstrap, self._topic, self._codec, self._step = bootstrap, topic, codec, step
        self._producer: Producer | None = None
        self._failed: list[str] = []

    def put(self, message: Message, error: RecordRefused) -> None:
        """Hand over one record; `confirm` says whether it arrived. Raises RegistryUnavailable, NotRegistered, DeadLetterLost."""
        place = message.topic() or "", message.partition() or 0, message.offset() or 0
        letter = dead_letter(
            topic=place[0],
            partition=place[1],
            offset=place[2],
            timestamp=message.timestamp()[1],
            key=message.key(),
            value=message.value(),
            headers=message.headers(),
            step=self._step,
            error=error,
            now=time.time_ns() // 1_000_000,
        )
        self._produce(dead_letter_key(*place), self._codec.encode(letter))

    def confirm(self) -> None:
        """Returns when all that was put is on the topic. Raises DeadLetterLost."""
        if self._producer is None:
            return
        left = self._producer.flush(FLUSH_TIMEOUT_S)
        failed, self._failed = self._failed, []
        if left or failed:
            raise DeadLetterLost(f"{self._topic}: {left + len(failed)} dead letters did not arrive: {failed[:1]}")

    def _produce(self, key: bytes, value: bytes) -> None:
        if self._producer is None:
            self._producer = Producer(producer_config(self._bootstrap))
        try:
            self._producer.produce(self._topic, key=key, value=value, on_delivery=self._delivered)
        except (KafkaException, BufferError) as error:
            raise DeadLetterLost(f"{self._topic}: {error}") from error

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        if refusal := not_written(error, message):
            self._failed.append(str(refusal))
