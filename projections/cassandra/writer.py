"""Writes to Cassandra: prepared, a bounded number in flight, a time-out on each, tried again with jitter, and an end.

Only what failed is sent again; every statement is idempotent, so one whose answer was lost may be sent twice.
"""

import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from cassandra import DriverException, OperationTimedOut, ReadFailure, Unavailable, WriteFailure, WriteTimeout
from cassandra.cluster import NoHostAvailable, Session
from cassandra.connection import ConnectionException
from cassandra.protocol import IsBootstrappingErrorMessage, OverloadedErrorMessage, ServerError
from cassandra.query import UNSET_VALUE, BatchStatement, BatchType, PreparedStatement

from projections.cassandra.grouping import grouped
from projections.cassandra.policy import Write
from projections.cassandra.statements import STATEMENTS, qualified
from projections.errors import StoreUnavailable
from projections.retry import Backoff, Sleep

TRY_AGAIN = (
    OperationTimedOut, Unavailable, WriteTimeout, WriteFailure, ReadFailure, NoHostAvailable, ConnectionException, OverloadedErrorMessage,
    IsBootstrappingErrorMessage, ServerError,
)  # fmt: skip
"""Errors after which the same statement may succeed. Anything else is a bug or a missing right, and ends the process."""


@dataclass(frozen=True)
class WriteLimits:
    """`in_flight` requests at once; `batch_rows` small rows in one unlogged batch (1: none), of at most `batch_bytes`."""

    in_flight: int = 32
    batch_rows: int = 50
    batch_bytes: int = 40_000
    answer_timeout_s: float = 30.0
    backoff: Backoff = field(default_factory=Backoff)


class Writer:
    """Prepares what it writes on first use."""

    def __init__(self, session: Session, limits: WriteLimits, sleep: Sleep) -> None:
        """`sleep` waits between the tries; one that returns at once when the process is told to stop makes it stop soon."""
        self._session = session
        self._limits = limits
        self._sleep = sleep
        self._prepared: dict[str, PreparedStatement] = {}

    def write(self, writes: Iterable[Write]) -> int:
        """Returns the number of requests when all is written. Raises StoreUnavailable when that could not be had within the retries."""
        left: Sequence[Any] = list(self._requests(writes))
        count, delays = len(left), self._limits.backoff.delays()
        while left:
            left, error = self._once(left)
            if not left:
                break
            delay = next(delays, None)
            if delay is None:
                raise StoreUnavailable(f"Cassandra took all but {len(left)} of {count} requests, then: {error!r}") from error
            self._sleep(delay)
        return count

    def _requests(self, writes: Iterable[Write]) -> Iterator[Any]:
        for group in grouped(writes, self._limits.batch_rows, self._limits.batch_bytes):
            bound = [self._bind(write) for write in group]
            if len(bound) == 1:
                yield bound[0]
                continue
            batch = BatchStatement(BatchType.UNLOGGED)
            for statement in bound:
                batch.add(statement)
            yield batch

    def _bind(self, write: Write) -> Any:
        prepared = self._prepared.get(write.statement)
        if prepared is None:
            prepared = self._prepared[write.statement] = self._prepare(write.statement)
        return prepared.bind([UNSET_VALUE if value is None else value for value in write.values])

    def _prepare(self, name: str) -> PreparedStatement:
        try:
            return self._session.prepare(qualified(STATEMENTS[name], self._session.keyspace))
        except TRY_AGAIN as error:
            raise StoreUnavailable(f"Cassandra did not prepare {name}: {error!r}") from error

    def _once(self, requests: Sequence[Any]) -> tuple[list[Any], BaseException | None]:
        """Send each once; returns those that failed, and the last error. Raises what is not worth another try."""
        flight = _Flight(self._limits.in_flight, self._limits.answer_timeout_s)
        for request in requests:
            flight.send(self._session, request)
        flight.land()
        for error in flight.errors:
            if not isinstance(error, TRY_AGAIN):
                raise error
        return flight.failed, flight.errors[-1] if flight.errors else None


class _Flight:
    """Requests under way, at most `limit` at once. Answers arrive on the driver's thread."""

    def __init__(self, limit: int, timeout_s: float) -> None:
        self._limit, self._timeout_s = limit, timeout_s
        self._slots = threading.Semaphore(limit)
        self.failed: list[Any] = []
        self.errors: list[BaseException] = []

    def send(self, session: Session, request: Any) -> None:
        self._take()
        try:
            future = session.execute_async(request)
        except (DriverException, NoHostAvailable) as error:
            self._lost(error, request)
            return
        future.add_callbacks(lambda _: self._slots.release(), self._lost, errback_args=(request,))

    def land(self) -> None:
        """Wait until none is under way."""
        for _ in range(self._limit):
            self._take()

    def _lost(self, error: BaseException, request: Any) -> None:
        self.errors.append(error)
        self.failed.append(request)
        self._slots.release()

    def _take(self) -> None:
        # the driver answers every request, at the latest by its own time-out; this is the belt to those braces
        if not self._slots.acquire(timeout=self._timeout_s):
            raise StoreUnavailable(f"the Cassandra driver gave no answer for {self._timeout_s:.0f} s")
