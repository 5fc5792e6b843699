"""Follows partitions of one topic on a thread of its own, from given positions, for as long as the process lives."""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from schemas.clients import consumer_config
from streams.step.partition import Die
from streams.step.reader import PASSING

logger = logging.getLogger(__name__)

BATCH = 5000
POLL_S = 0.05
WAIT_MS = 250
"""Of one fetch: how often brokers are asked for nothing, and how much later than it was the end of a partition is noticed."""
STOP_S = 10.0
TIMEOUT_S = 15.0


class Tail:
    """Hands records to `apply(partition, records, next offset)` in order, and says when a partition's end was reached."""

    def __init__(
        self,
        bootstrap: str,
        group: str,
        topic: str,
        apply: Callable[[int, Sequence[Message], int], None],
        caught_up: Callable[[int], None],
        forget: Callable[[int], None],
        die: Die,
    ) -> None:
        """The callables run on the thread; what they raise ends the process. `forget`: the log was made anew, begin with nothing."""
        config = {**consumer_config(bootstrap, group), "enable.partition.eof": True, "fetch.wait.max.ms": WAIT_MS}
        self._consumer = Consumer(config)
        self._topic = topic
        self._apply = apply
        self._caught_up = caught_up
        self._forget = forget
        self._die = die
        self._lock = threading.Lock()
        self._wanted: dict[int, int] | None = None
        self._following: set[int] = set()
        self._current: set[int] = set()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def follow(self, positions: Mapping[int, int]) -> None:
        """Follow these partitions, those that are new from these positions, and no others."""
        with self._lock:
            self._wanted = dict(positions)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=f"tail-{self._topic}", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Stop within 10 s."""
        self._stopping.set()
        if self._thread:
            self._thread.join(STOP_S)

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._reassign()
                self._work()
            self._consumer.close()
        except Exception as error:
            self._die(f"{self._topic} can't be followed: {type(error).__name__}: {error}")

    def _reassign(self) -> None:
        with self._lock:
            wanted, self._wanted = self._wanted, None
        if wanted is None:
            return
        new = set(wanted) - self._following
        gone = self._following - set(wanted)
        if gone:
            self._consumer.incremental_unassign([TopicPartition(self._topic, p) for p in gone])
        if new:
            self._consumer.incremental_assign([self._start(p, wanted[p]) for p in new])
        self._following = set(wanted)
        self._current &= self._following - new
        for partition in self._current:  # given back before it was let go: whoever waits for it now has not been told
            self._caught_up(partition)

    def _start(self, partition: int, position: int) -> TopicPartition:
        _, end = self._consumer.get_watermark_offsets(TopicPartition(self._topic, partition), timeout=TIMEOUT_S)
        if position > end:
            self._forget(partition)
            position = 0
        return TopicPartition(self._topic, partition, position)

    def _work(self) -> None:
        messages = self._consumer.consume(BATCH, timeout=POLL_S)
        records = sorted((m for m in messages if m.error() is None), key=_partition)
        for partition, group in groupby(records, key=_partition):
            batch = list(group)
            self._apply(partition, batch, (batch[-1].offset() or 0) + 1)
        for message in messages:
            self._event(message)

    def _event(self, message: Message) -> None:
        error = message.error()
        if error is None:
            return
        if error.code() in PASSING:
            logger.warning("%s/%s: %s", self._topic, message.partition(), error)
            return
        if error.code() != KafkaError._PARTITION_EOF:
            raise KafkaException(error)
        self._current.add(_partition(message))
        self._caught_up(_partition(message))


def _partition(message: Message) -> int:
    return int(message.partition() or 0)
