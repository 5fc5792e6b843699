"""When a consumer is given up for a new one."""

import threading
from collections.abc import Callable

from confluent_kafka import KafkaError, KafkaException

from projections.connection import SILENCE_S, Connection


class Client:
    """Answers, or does not."""

    def __init__(self, answers: bool) -> None:
        self.answers, self.asked, self.closed = answers, 0, threading.Event()

    def list_topics(self, timeout: float) -> None:
        self.asked += 1
        if not self.answers:
            raise KafkaException(KafkaError(KafkaError._TRANSPORT))

    def close(self) -> None:
        self.closed.set()


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def connection(*clients: Client) -> tuple[Connection, Clock]:
    left, clock = iter(clients), Clock()
    opened: Callable[[], Client] = lambda: next(left)  # noqa: E731
    return Connection(opened, clock), clock  # type: ignore[arg-type]


def test_silence_of_a_broker_that_answers_is_nothing() -> None:
    client = Client(answers=True)
    held, clock = connection(client)
    for _ in range(3):
        clock.now += SILENCE_S
        held.silent()
    assert held.consumer is client
    assert client.asked == 3


def test_one_that_gets_no_answer_is_given_up() -> None:
    dead, fresh = Client(answers=False), Client(answers=True)
    held, clock = connection(dead, fresh)
    clock.now += SILENCE_S
    held.silent()
    assert held.consumer is fresh
    assert dead.closed.wait(10)
    assert not fresh.closed.is_set()


def test_who_hears_records_does_not_ask() -> None:
    client = Client(answers=False)
    held, clock = connection(client)
    clock.now += SILENCE_S
    held.heard()
    held.silent()
    assert client.asked == 0
