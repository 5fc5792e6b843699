"""Follows partitions of one topic on a thread of its own, each from where its copy stands, for as long as the process lives.

It asks Kafka for the ends a few times a second, and says of each partition when it was read to the end that it had at that time: who
reads the copy knows how old it is at most, even when the thread or the broker stands still.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence, Set
from itertools import groupby
from typing import NamedTuple

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from schemas.clients import close_elsewhere, consumer_config
from streams.step.partition import Die
from streams.step.reader import ends, fetched, records_of, watermarks

logger = logging.getLogger(__name__)

BATCH = 5000
POLL_S = 0.05
WAIT_MS = 250
"""Of one fetch: how often brokers are asked for nothing."""
ASK_S = 0.15
"""Between two questions for the ends: one request of 0.5 ms for all partitions."""
ANSWER_S = 2.0
SILENCE_S = 20.0
"""After so long without an answer the client is made anew (`close_elsewhere` says why)."""
STOP_S = 10.0


class Asked(NamedTuple):
    """The end a partition had."""

    at: float
    end: int


class Tail:
    """Hands records to `apply(partition, records, next offset)` in order; `current(partition, when)` says that all is applied that was
    there at that time (s, monotonic).
    """

    def __init__(
        self,
        bootstrap: str,
        group: str,
        topic: str,
        apply: Callable[[int, Sequence[Message], int], None],
        current: Callable[[int, float], None],
        begin: Callable[[int, int], int],
        die: Die,
    ) -> None:
        """The callables run on the thread; what they raise ends the process. `begin(partition, end of its log)` says from which offset it
        is followed, each time before anything of it is applied.
        """
        self._config = {**consumer_config(bootstrap, group), "enable.partition.eof": True, "fetch.wait.max.ms": WAIT_MS}
        self._consumer = Consumer(self._config)
        self._topic = topic
        self._apply = apply
        self._current = current
        self._begin = begin
        self._die = die
        self._lock = threading.Lock()
        self._wanted: Set[int] | None = None
        self._positions: dict[int, int] = {}
        self._asked: dict[int, Asked] = {}
        self._asked_at = 0.0
        self._answered_at = time.monotonic()
        self._silent = False
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def follow(self, partitions: Set[int]) -> None:
        """Follow these partitions, and no others."""
        with self._lock:
            self._wanted = frozenset(partitions)
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
                self._ask()
                self._work()
                self._answer()
            self._consumer.close()
        except Exception as error:
            self._die(f"{self._topic} can't be followed: {type(error).__name__}: {error}")

    def _reassign(self) -> None:
        with self._lock:
            wanted, self._wanted = self._wanted, None
        if wanted is None:
            return
        gone = self._positions.keys() - wanted
        new = {partition: self._start(partition) for partition in wanted - self._positions.keys()}
        if gone:
            self._consumer.incremental_unassign([TopicPartition(self._topic, partition) for partition in gone])
        if new:
            self._consumer.incremental_assign([TopicPartition(self._topic, *place) for place in new.items()])
        for partition in gone:
            del self._positions[partition]
            self._asked.pop(partition, None)
        self._positions |= new

    def _start(self, partition: int) -> int:
        low, end = watermarks(self._consumer, self._topic, partition)
        return max(self._begin(partition, end), low)

    def _ask(self) -> None:
        """Ask for the ends of those that have come to the end they were last asked for."""
        now = time.monotonic()
        places = [(self._topic, partition) for partition in self._positions if partition not in self._asked]
        if not places or now - self._asked_at < ASK_S:
            return
        self._asked_at = now
        try:
            found = ends(self._consumer, places, ANSWER_S)
        except KafkaException as error:  # whatever it is: the copy gets older until there is an answer, and nobody decides on it
            if not self._silent:
                logger.warning("%s: where it ends is not known: %s", self._topic, error)
            self._silent = True
            if now - self._answered_at > SILENCE_S:
                self._begin_anew(now)
            return
        self._answered_at, self._silent = now, False
        self._asked |= {one.partition: Asked(now, one.offset) for one in found if one.error is None}

    def _begin_anew(self, now: float) -> None:
        logger.warning("%s: no answer for %.0f s, connecting anew", self._topic, now - self._answered_at)
        close_elsewhere(self._consumer)
        self._consumer = Consumer(self._config)
        self._consumer.assign([TopicPartition(self._topic, *place) for place in self._positions.items()])
        self._answered_at = now

    def _answer(self) -> None:
        reached = [partition for partition, asked in self._asked.items() if self._positions[partition] >= asked.end]
        for partition in reached:
            self._current(partition, self._asked.pop(partition).at)

    def _work(self) -> None:
        records, ended = records_of(fetched(self._consumer, BATCH, POLL_S))
        for partition, group in groupby(sorted(records, key=_partition), key=_partition):
            batch = list(group)
            self._apply(partition, batch, (batch[-1].offset() or 0) + 1)
            self._positions[partition] = (batch[-1].offset() or 0) + 1
        for end in ended:  # compaction may have taken the last offsets: the end is where Kafka says
            self._positions[_partition(end)] = int(end.offset() or 0)


def _partition(message: Message) -> int:
    return int(message.partition() or 0)
