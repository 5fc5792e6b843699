"""Writes records to Kafka and waits until the broker has them.

librdkafka's producer with its own poll thread: 143 k records/s against 5-6 k/s through Faust's, and every delivery is awaited.
"""

import asyncio
import threading
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from confluent_kafka import KafkaError, Message, Producer

from schemas.clients import Config
from schemas.delivery_report import not_written
from schemas.records import Output

POLL_S = 0.1
FULL_WAIT_S = 0.01
FLUSH_S = 10.0
MANY = 16
"""Records for one partition in a row that are handed over together: each alone takes librdkafka's locks, with the interpreter in hand."""

Positions = dict[tuple[str, int], int]


class WriteFailedError(Exception):
    """The broker did not take a record within the producer's time-out, or did not prove it. Any of what was sent may be there."""


class LogWriter:
    """One producer for the process. Records of one `send` to one partition arrive in the order given."""

    def __init__(self, config: Config) -> None:
        self._producer = Producer(config)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._poll, name="log-writer", daemon=True)
        self._thread.start()

    async def send(self, outputs: Sequence[Output]) -> Positions:
        """Write all and return when all are durable: the next offset of each (topic, partition) written to. Raises WriteFailedError."""
        if not outputs:
            return {}
        pending = _Pending(len(outputs), asyncio.get_running_loop())
        for (_, partition), some in groupby(outputs, _place):
            run = list(some)
            if partition < 0 or len(run) < MANY:
                for output in run:
                    while not self._try_produce(output, pending):
                        await asyncio.sleep(FULL_WAIT_S)
            else:
                while run := self._produce_many(run, pending):
                    await asyncio.sleep(FULL_WAIT_S)
        return await pending.done

    def close(self) -> None:
        """Flush what is under way, stop the poll thread and leave the brokers; waits 20 s at most."""
        left = self._producer.flush(FLUSH_S)
        self._stopping.set()
        self._thread.join(FLUSH_S)
        if not left:  # else it would wait for them without a limit
            self._producer.close()

    def _try_produce(self, output: Output, pending: "_Pending") -> bool:
        try:
            self._producer.produce(
                output.topic, value=output.value, key=output.key, partition=output.partition, on_delivery=pending.delivered
            )
        except BufferError:  # the queue is full: its records have so long to leave, so this ends
            return False
        return True

    def _produce_many(self, run: Sequence[Output], pending: "_Pending") -> list[Output]:
        """Queue records for one partition; returns those there was no room for, the last ones.

        Raises WriteFailedError when there is another reason, or one would be overtaken.
        """
        messages: list[dict[str, Any]] = [
            {"key": each.key} if each.value is None else {"key": each.key, "value": each.value} for each in run
        ]
        taken = self._producer.produce_batch(run[0].topic, messages, partition=run[0].partition, on_delivery=pending.delivered)
        if taken < len(run):
            errors = [message.get("_error") for message in messages]
            refused = next((error for error in errors if error and error.code() != KafkaError._QUEUE_FULL), None)
            if refused or any(errors[:taken]):
                raise WriteFailedError(str(refused or "there was no room for a record, and for a later one there was"))
        return list(run[taken:])

    def _poll(self) -> None:
        while not self._stopping.is_set():
            self._producer.poll(POLL_S)


def _place(output: Output) -> tuple[str, int]:
    return output.topic, output.partition


class _Pending:
    """Counts the deliveries of one `send`; called on the poll thread only."""

    def __init__(self, count: int, loop: asyncio.AbstractEventLoop) -> None:
        self.done: asyncio.Future[Positions] = loop.create_future()
        self._loop = loop
        self._left = count
        self._error: KafkaError | None = None
        self._positions: Positions = {}

    def delivered(self, error: KafkaError | None, message: Message) -> None:
        self._left -= 1
        if refusal := not_written(error, message):
            self._error = self._error or refusal
        else:
            place = (message.topic(), message.partition())
            self._positions[place] = max(self._positions.get(place, 0), message.offset() + 1)
        if self._left == 0:
            self._loop.call_soon_threadsafe(self._finish)

    def _finish(self) -> None:
        if self.done.done():  # the waiter was cancelled
            return
        if self._error:
            self.done.set_exception(WriteFailedError(str(self._error)))
        else:
            self.done.set_result(self._positions)
