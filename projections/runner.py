"""The loop of every projection: gather, decode, write, commit.

Killed between any two of these: nothing was committed, the batch comes again, and writing it again changes nothing.
An unexpected exception leaves the loop without a commit; the process ends and its supervisor starts it again.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence

from confluent_kafka import Message

from projections import metrics
from projections.base import Item, Projection
from projections.connection import Connection
from projections.deadletters import DeadLetters
from projections.intake import Intake
from projections.log import Ends, commit, gather, is_read_to, lags
from projections.settings import BatchLimits

LAG_EVERY_S = 1.0

_logger = logging.getLogger(__name__)


class Runner:
    """One projection and its connection, in one thread. `on_batch` is called with the items after each commit."""

    def __init__(
        self,
        projection: Projection,
        connection: Connection,
        intake: Intake,
        dead_letters: DeadLetters,
        limits: BatchLimits,
        stopped: Callable[[], bool],
    ) -> None:
        self._projection, self._connection, self._intake = projection, connection, intake
        self._dead_letters, self._limits, self._stopped = dead_letters, limits, stopped
        self._lag_due = 0.0

    def run(self, until: Ends | None = None) -> int:
        """Until stopped, or until everything before `until` is written; returns the number of records.

        Raises StoreUnavailable, RegistryUnavailable, TopicUnreadable, DeadLetterLost, KafkaException; what was not committed comes again.
        """
        count = 0
        try:
            while not self._stopped():
                messages = gather(self._connection.consumer, self._limits, self._stopped)
                self._report_lag()
                if messages:
                    self._batch(messages)
                    count += len(messages)
                    self._connection.heard()
                else:
                    self._connection.silent()
                if until is not None and is_read_to(self._connection.consumer, until):
                    break
        finally:
            self._connection.close()
        return count

    def _batch(self, messages: Sequence[Message]) -> None:
        with metrics.BATCH_SECONDS.labels(self._projection.name).time():
            items = self._intake.items(messages)
            self._projection.apply(items)
            self._dead_letters.confirm()
            commit(self._connection.consumer, messages)
        self._count(items, len(messages) - len(items))

    def _count(self, items: Sequence[Item], refused: int) -> None:
        name = self._projection.name
        for topic, number in Counter(item.position.topic for item in items).items():
            metrics.RECORDS.labels(name, topic).inc(number)
        if refused:
            metrics.DEAD_LETTERS.labels(name).inc(refused)
            _logger.warning("%s: %d records went to the dead letters", name, refused)

    def _report_lag(self) -> None:
        if time.monotonic() < self._lag_due:
            return
        self._lag_due = time.monotonic() + LAG_EVERY_S
        for topic, partition, records in lags(self._connection.consumer):
            metrics.LAG.labels(self._projection.name, topic, str(partition)).set(records)
