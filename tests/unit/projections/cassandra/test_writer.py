import threading
from collections.abc import Callable
from typing import Any

import pytest
from cassandra import InvalidRequest, OperationTimedOut
from cassandra.query import BatchStatement, SimpleStatement

from projections.cassandra.policy import Write
from projections.cassandra.writer import WriteLimits, Writer
from projections.errors import StoreUnavailable
from projections.retry import Backoff


class Prepared:
    def __init__(self, cql: str) -> None:
        self.cql = cql

    def bind(self, values: list[Any]) -> str:
        return f"{self.cql[:6]} {values}"


class Future:
    def __init__(self, error: Exception | None) -> None:
        self.error = error

    def add_callbacks(self, done: Callable[[Any], None], lost: Callable[..., None], errback_args: tuple[Any, ...]) -> None:
        answer = (lambda: lost(self.error, *errback_args)) if self.error else (lambda: done(None))
        threading.Thread(target=answer).start()


class Session:
    """Fails as it is told: request number -> error."""

    keyspace = "k"

    def __init__(self, errors: Callable[[int], Exception | None] = lambda _: None) -> None:
        self.errors, self.sent, self.prepared = errors, [], []  # type: ignore[var-annotated]

    def prepare(self, cql: str) -> Prepared:
        self.prepared.append(cql)
        return Prepared(cql)

    def execute_async(self, request: Any) -> Future:
        self.sent.append(request)
        return Future(self.errors(len(self.sent)))


def writer(session: Session, slept: list[float] | None = None, **limits: Any) -> Writer:
    given = {"batch_rows": 1, "backoff": Backoff(attempts=3)} | limits
    return Writer(session, WriteLimits(**given), (slept if slept is not None else []).append)


WRITES = [Write("read", ("u", f"n{i}", i, i, i)) for i in range(100)]


def test_each_write_is_sent_once_and_prepared_once() -> None:
    session = Session()
    assert writer(session).write(WRITES) == 100
    assert len(session.sent) == len(set(session.sent)) == 100
    (cql,) = session.prepared
    assert cql.startswith('INSERT INTO "k".inbox_reads (user_id, notification_id, read_at) VALUES (?, ?, ?) USING TIMESTAMP ? AND TTL ?')


def test_only_what_failed_is_sent_again() -> None:
    session, slept = Session(lambda n: OperationTimedOut() if n in (3, 50, 101) else None), []  # type: ignore[var-annotated]
    writer(session, slept).write(WRITES)
    assert len(session.sent) == 103
    assert len(slept) == 2
    assert session.sent[100:102] == [session.sent[2], session.sent[49]]


def test_it_ends() -> None:
    session = Session(lambda n: OperationTimedOut() if n % 100 == 1 or n > 100 else None)
    with pytest.raises(StoreUnavailable, match="all but 1 of 100 requests"):
        writer(session).write(WRITES)
    assert len(session.sent) == 102


def test_what_will_never_succeed_is_not_tried_again() -> None:
    session = Session(lambda n: InvalidRequest("unknown column") if n == 5 else OperationTimedOut())
    with pytest.raises(InvalidRequest):
        writer(session).write(WRITES[:10])
    assert len(session.sent) == 10


def test_small_rows_go_in_unlogged_batches() -> None:
    class Batching(Session):
        def prepare(self, cql: str) -> Any:
            return type("P", (), {"bind": lambda self, values: SimpleStatement("x")})()

    session = Batching()
    assert writer(session, batch_rows=40).write(WRITES) == 3
    assert all(isinstance(request, BatchStatement) for request in session.sent)


def test_no_more_in_flight_than_allowed() -> None:
    class Silent(Session):
        def execute_async(self, request: Any) -> Any:
            self.sent.append(request)
            return type("F", (), {"add_callbacks": lambda *_, **__: None})()

    session = Silent()
    with pytest.raises(StoreUnavailable, match="gave no answer"):
        writer(session, in_flight=7, answer_timeout_s=0.1).write(WRITES)
    assert len(session.sent) == 7
