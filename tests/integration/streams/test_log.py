"""Writing and reading partitions on a real broker: durable on return, in order, and an end to every wait."""

import asyncio
import os
import socket
import time
from collections.abc import Iterator

import pytest
from confluent_kafka import Consumer, KafkaException, Message, Producer

from ops.endpoints import Endpoints
from schemas.clients import consumer_config, producer_config
from schemas.records import Output
from streams.step.log import LogWriter, WriteFailedError
from streams.step.reader import LogReader, ends
from tests.integration.conftest import NewTopicFixture


@pytest.fixture
def writer(stack: Endpoints) -> Iterator[LogWriter]:
    made = LogWriter(producer_config(stack.kafka))
    yield made
    made.close()


@pytest.fixture
def reader(stack: Endpoints, topic_prefix: str) -> Iterator[LogReader]:
    made = LogReader(stack.kafka, topic_prefix)
    yield made
    made.close()


def read(reader: LogReader, topic: str, partition: int = 0, start: int = 0) -> tuple[list[Message], int]:
    found: list[Message] = []
    end = reader.read_to_end(topic, partition, start, lambda messages, _: found.extend(messages))
    return found, end


async def test_what_was_sent_is_there_in_order_with_its_positions(writer: LogWriter, reader: LogReader, new_topic: NewTopicFixture) -> None:
    topic = new_topic("t", partitions=2)
    outputs = [Output(topic=topic, partition=number % 2, key=b"k%d" % number, value=b"v" if number else None) for number in range(500)]
    positions = await writer.send(outputs)
    assert positions == {(topic, 0): 250, (topic, 1): 250}
    for partition in (0, 1):
        found, end = await asyncio.to_thread(read, reader, topic, partition)
        assert end == 250
        assert [message.key() for message in found] == [b"k%d" % number for number in range(partition, 500, 2)]
    assert (await asyncio.to_thread(read, reader, topic))[0][0].value() is None


async def test_many_for_one_partition_go_together_and_stay_what_they_are(
    writer: LogWriter, reader: LogReader, new_topic: NewTopicFixture
) -> None:
    topic, other = new_topic("t", partitions=2), new_topic("other")
    values = [None, b"", b"\0", b"value"]
    outputs = [Output(topic=topic, partition=1, key=b"%d" % number, value=values[number % 4]) for number in range(100)]
    first, last = Output(topic=other, partition=0, key=b"first"), Output(topic=topic, partition=1, key=b"", value=b"last")
    positions = await writer.send([first, *outputs, first, last])
    assert positions == {(topic, 1): 101, (other, 0): 2}
    found, _ = await asyncio.to_thread(read, reader, topic, 1)
    assert [(message.key(), message.value()) for message in found] == [(each.key, each.value) for each in [*outputs, last]]


async def test_many_sends_at_once_keep_their_order(writer: LogWriter, reader: LogReader, new_topic: NewTopicFixture) -> None:
    topic = new_topic("t")
    sends = [writer.send([Output(topic=topic, partition=0, key=b"%d.%d" % (send, n)) for n in range(20)]) for send in range(30)]
    await asyncio.gather(*sends)
    found, _ = await asyncio.to_thread(read, reader, topic)
    by_send: dict[bytes, list[int]] = {}
    for message in found:
        send, _, number = (message.key() or b"").partition(b".")
        by_send.setdefault(send, []).append(int(number))
    assert all(numbers == list(range(20)) for numbers in by_send.values())
    assert len(by_send) == 30


async def test_sending_nothing_is_nothing(writer: LogWriter) -> None:
    assert await writer.send([]) == {}


async def test_no_broker_is_an_error_in_bounded_time() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    config = {**producer_config(f"127.0.0.1:{port}"), "delivery.timeout.ms": 1500, "request.timeout.ms": 1000, "log_level": 0}
    writer = LogWriter(config)
    began = time.monotonic()
    try:
        with pytest.raises(WriteFailedError):
            await writer.send([Output(topic="t", key=b"k"), Output(topic="t", key=b"l")])
    finally:
        writer.close()
    assert time.monotonic() - began < 10


async def test_a_record_the_topic_refuses_is_an_error_and_not_a_silence(writer: LogWriter, new_topic: NewTopicFixture) -> None:
    topic = new_topic("t", config={"max.message.bytes": "1000"})
    with pytest.raises(WriteFailedError, match="(?i)size|large"):
        await writer.send([Output(topic=topic, key=b"k", value=b"x"), Output(topic=topic, key=b"k", value=os.urandom(5000))])


async def test_one_of_many_that_the_client_refuses_is_an_error(writer: LogWriter, new_topic: NewTopicFixture) -> None:
    topic = new_topic("t")
    outputs = [Output(topic=topic, partition=0, key=b"k", value=b"x" * (20_000_000 if number == 30 else 1)) for number in range(40)]
    with pytest.raises(WriteFailedError, match="(?i)size|large"):
        await writer.send(outputs)


async def test_a_topic_that_is_not_there_is_an_error(stack: Endpoints, topic_prefix: str) -> None:
    writer = LogWriter({**producer_config(stack.kafka), "delivery.timeout.ms": 2000, "request.timeout.ms": 1000, "log_level": 0})
    try:
        with pytest.raises(WriteFailedError):
            await writer.send([Output(topic=f"{topic_prefix}.none", key=b"k")])
    finally:
        writer.close()


async def test_more_than_the_queue_holds_goes_through(stack: Endpoints, new_topic: NewTopicFixture) -> None:
    topic = new_topic("t")
    writer = LogWriter({**producer_config(stack.kafka), "queue.buffering.max.messages": 50})
    try:
        assert await writer.send([Output(topic=topic, partition=0, key=b"k") for _ in range(500)]) == {(topic, 0): 500}
    finally:
        writer.close()


async def test_a_waiter_that_was_cancelled_harms_nobody(writer: LogWriter, new_topic: NewTopicFixture) -> None:
    topic = new_topic("t")
    task = asyncio.create_task(writer.send([Output(topic=topic, partition=0, key=b"a")]))
    await asyncio.sleep(0)
    task.cancel()
    positions = await writer.send([Output(topic=topic, partition=0, key=b"b")])
    assert positions == {(topic, 0): 2}


async def test_reading_from_a_position_the_last_record_and_what_comes_first(
    writer: LogWriter, reader: LogReader, new_topic: NewTopicFixture
) -> None:
    topic = new_topic("t")
    assert await asyncio.to_thread(reader.last_record, topic, 0) is None
    assert await asyncio.to_thread(read, reader, topic) == ([], 0)
    assert await asyncio.to_thread(reader.committed, topic, 0) == 0
    await writer.send([Output(topic=topic, partition=0, key=b"%d" % number) for number in range(10)])
    found, end = await asyncio.to_thread(read, reader, topic, 0, 7)
    assert ([message.offset() for message in found], end) == ([7, 8, 9], 10)
    assert await asyncio.to_thread(read, reader, topic, 0, 10) == ([], 10)
    last = await asyncio.to_thread(reader.last_record, topic, 0)
    assert last is not None
    assert last.key() == b"9"
    await writer.send([Output(topic=topic, partition=0, key=b"x", value=b"%d" % number) for number in range(3)])
    assert await asyncio.to_thread(reader.last_values, topic, 0, 4) == [None, b"0", b"1", b"2"]
    assert len(await asyncio.to_thread(reader.last_values, topic, 0, 100)) == 13
    assert await asyncio.to_thread(reader.first_at_or_after, topic, 0, 4) == 4


async def test_an_end_that_is_no_records_offset_is_reached(stack: Endpoints, reader: LogReader, new_topic: NewTopicFixture) -> None:
    """A transaction's marker stands there: no record will ever come at the last offset."""
    topic = new_topic("t")
    await asyncio.to_thread(_transaction, stack, topic)
    async with asyncio.timeout(20):
        while (await asyncio.to_thread(read, reader, topic))[1] < 2:
            await asyncio.sleep(0.05)
    found, end = await asyncio.to_thread(read, reader, topic)
    assert ([message.key() for message in found], end) == ([b"in a transaction"], 2)


def _transaction(stack: Endpoints, topic: str) -> None:
    producer = Producer({**producer_config(stack.kafka), "transactional.id": topic})
    producer.init_transactions(20)
    producer.begin_transaction()
    producer.produce(topic, key=b"in a transaction", partition=0)
    producer.commit_transaction(20)


async def test_the_ends_of_many_are_asked_at_once_and_one_that_is_not_there_spoils_no_other(
    stack: Endpoints, writer: LogWriter, new_topic: NewTopicFixture, topic_prefix: str
) -> None:
    one, other = new_topic("one", partitions=2), new_topic("other")
    await writer.send([Output(topic=one, partition=1, key=b"%d" % number) for number in range(3)])
    consumer = Consumer(consumer_config(stack.kafka, topic_prefix))
    try:
        found = await asyncio.to_thread(ends, consumer, [(one, 0), (one, 1), (other, 0), (other, 7)], 10)
    finally:
        consumer.close()
    assert {(place.topic, place.partition): place.offset for place in found if place.error is None} == {
        (one, 0): 0,
        (one, 1): 3,
        (other, 0): 0,
    }


async def test_the_ends_without_a_broker_are_an_error_in_bounded_time() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    consumer = Consumer(consumer_config(f"127.0.0.1:{port}", "t") | {"log_level": 0})
    began = time.monotonic()
    try:
        with pytest.raises(KafkaException):
            await asyncio.to_thread(ends, consumer, [("t", 0)], 1)
    finally:
        consumer.close()
    assert time.monotonic() - began < 10
