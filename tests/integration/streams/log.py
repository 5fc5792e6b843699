"""Writes any bytes anywhere in the log, and waits for what comes of them."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from confluent_kafka import KafkaError, Message, Producer

from ops.endpoints import Endpoints
from schemas.clients import producer_config
from schemas.codec import Codec
from schemas.delivery_report import not_written
from schemas.provision import subjects
from schemas.records import Record
from schemas.registry import ConfluentRegistry
from schemas.topics import catalogue
from tests.faults.log import Entry, LogView

TIMEOUT_S = 90.0  # of a machine that may be busy


class Log:
    """All of the log, and a producer."""

    def __init__(self, endpoints: Endpoints, topics: tuple[str, ...]) -> None:
        self.registry = ConfluentRegistry(endpoints.registry)
        self.codec = Codec(self.registry, subjects(catalogue()))
        self._producer = Producer(producer_config(endpoints.kafka))
        self._view = LogView(endpoints, topics)

    def write(
        self,
        topic: str,
        value: bytes | Record | None,
        *,
        key: bytes | str = b"k",
        partition: int = -1,
        headers: Mapping[str, bytes] | None = None,
    ) -> tuple[int, int]:
        """Write one record; returns its partition and offset."""
        placed: list[tuple[int, int]] = []

        def delivered(error: KafkaError | None, message: Message) -> None:
            assert (refusal := not_written(error, message)) is None, refusal
            placed.append((int(message.partition() or 0), int(message.offset() or 0)))

        raw = self.codec.encode(value) if isinstance(value, Record) else value
        named = dict(headers or {})
        self._producer.produce(topic, key=key, value=raw, partition=partition, headers=named, on_delivery=delivered)
        self._producer.flush(TIMEOUT_S)
        return placed[0]

    def until(self, reached: Callable[[], Any], otherwise: str) -> Any:
        """Read on until `reached()` is true; returns what it gave."""
        deadline = time.monotonic() + TIMEOUT_S
        while not (found := reached()):
            self._view.poll(0.05)
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {TIMEOUT_S:.0f} s: {otherwise}")
        return found

    def entries(self, topic: str) -> list[Entry]:
        """What was read of a topic so far."""
        return self._view.entries[topic]

    def of(self, topic: str, test: Callable[[Any], bool]) -> list[Any]:
        """The records of a topic that pass, as read so far."""
        return [entry.record for entry in self.entries(topic) if entry.record is not None and test(entry.record)]

    def close(self) -> None:
        """Let go of everything."""
        self._view.close()
        self.registry.close()
