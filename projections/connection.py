"""A projection's connection to Kafka, which is made anew when it is dead and does not know."""

import logging
import time
from collections.abc import Callable

from confluent_kafka import Consumer, KafkaException

from schemas.clients import close_elsewhere

SILENCE_S = 30.0
ANSWER_S = 5.0

_logger = logging.getLogger(__name__)


class Connection:
    """Holds the consumer. When nothing has come for half a minute Kafka is asked something, and without an answer there is a new consumer,
    which joins the group (`close_elsewhere` says why).
    """

    def __init__(self, opened: Callable[[], Consumer], now: Callable[[], float] = time.monotonic) -> None:
        """`opened` makes a consumer."""
        self._opened, self._now = opened, now
        self.consumer = opened()
        self._heard_at = now()

    def heard(self) -> None:
        """Records came."""
        self._heard_at = self._now()

    def silent(self) -> None:
        """Nothing came. Waits 5 s at most, twice a minute at most."""
        if self._now() - self._heard_at < SILENCE_S:
            return
        try:
            self.consumer.list_topics(timeout=ANSWER_S)
        except KafkaException as error:
            _logger.warning("Kafka does not answer, connecting anew: %s", error)
            close_elsewhere(self.consumer)
            self.consumer = self._opened()
        self.heard()

    def close(self) -> None:
        """Leave the group."""
        self.consumer.close()
