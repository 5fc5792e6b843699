"""Following a topic on a real broker, when the client is the one that fails."""

import time
from collections.abc import Sequence
from typing import Any, NoReturn

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer

from ops.endpoints import Endpoints
from schemas.clients import producer_config
from streams.profiles import tail as tail_module
from streams.profiles.tail import Tail
from tests.integration.conftest import NewTopicFixture


def write(stack: Endpoints, topic: str, *values: bytes) -> None:
    producer = Producer(producer_config(stack.kafka))
    for value in values:
        producer.produce(topic, value=value, partition=0)
    assert producer.flush(30) == 0


def die(reason: str) -> NoReturn:
    raise AssertionError(reason)


def test_a_client_that_is_told_nothing_any_more_is_made_anew(
    stack: Endpoints, topic_prefix: str, new_topic: NewTopicFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes on where it was: nothing is applied twice or left out, and the copy is current again."""
    stuck: list[Consumer] = []
    answer, fetch = tail_module.ends, tail_module.fetched

    def ends(consumer: Consumer, *rest: Any) -> Any:
        if consumer in stuck:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))
        return answer(consumer, *rest)

    def fetched(consumer: Consumer, most: int, wait_s: float) -> list[Message]:
        return [] if consumer in stuck else fetch(consumer, most, wait_s)

    monkeypatch.setattr(tail_module, "ends", ends)
    monkeypatch.setattr(tail_module, "fetched", fetched)
    monkeypatch.setattr(tail_module, "SILENCE_S", 0.5)
    topic, applied, current = new_topic("t"), [], []

    def apply(partition: int, messages: Sequence[Message], position: int) -> None:
        applied.extend(message.value() for message in messages)

    tail = Tail(stack.kafka, topic_prefix, topic, apply, lambda _, at: current.append(at), lambda *_: 0, die)
    try:
        write(stack, topic, b"1", b"2")
        tail.follow({0})
        until(lambda: len(applied) == 2 and current)
        stuck.append(tail._consumer)
        write(stack, topic, b"3")
        at = time.monotonic()
        until(lambda: len(applied) == 3 and current[-1] > at)
        assert applied == [b"1", b"2", b"3"]
    finally:
        tail.stop()


def until(reached: Any) -> None:
    deadline = time.monotonic() + 60
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.01)
