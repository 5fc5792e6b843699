"""What `send` makes of the broker's answers, without a broker."""

import asyncio
from typing import Any, cast

import pytest
from confluent_kafka import KafkaError, Message, Producer

from schemas.records import Output
from streams.step.log import LogWriter, WriteFailedError, _Pending


async def test_the_end_of_each_partition_is_returned() -> None:
    pending = _Pending(3, asyncio.get_running_loop())
    for partition, offset in ((0, 7), (0, 8), (1, 3)):
        pending.delivered(None, Message(topic="t", partition=partition, offset=offset))
    assert await pending.done == {("t", 0): 9, ("t", 1): 4}


async def test_a_success_without_an_offset_is_a_failure() -> None:
    """The record may be lost: the step must end and do its work again, not go on."""
    pending = _Pending(2, asyncio.get_running_loop())
    pending.delivered(None, Message(topic="t", partition=0, offset=-1001))
    pending.delivered(None, Message(topic="t", partition=0, offset=0))
    with pytest.raises(WriteFailedError, match="KAFKA-15591"):
        await pending.done


class Narrow:
    """A producer's batches: room for so many at each call, but for what it refuses."""

    def __init__(self, *room: set[int], error: int = KafkaError._QUEUE_FULL) -> None:
        """`room`: of each call, which of its messages are taken."""
        self._room, self._error = list(room), error
        self.taken: list[bytes] = []

    def produce_batch(self, topic: str, messages: list[dict[str, Any]], *, partition: int, on_delivery: Any) -> int:
        room = self._room.pop(0)
        for number, message in enumerate(messages):
            if number in room:
                self.taken.append(message["key"])
                on_delivery(None, Message(topic=topic, partition=partition, offset=len(self.taken)))
            else:
                message["_error"] = KafkaError(self._error)
        return len(room & set(range(len(messages))))


def narrow(producer: Narrow) -> LogWriter:
    writer = LogWriter.__new__(LogWriter)
    writer._producer = cast(Producer, producer)
    return writer


MANY_OUTPUTS = [Output(topic="t", partition=3, key=b"%d" % number) for number in range(20)]


async def test_what_there_was_no_room_for_follows_in_its_order() -> None:
    producer = Narrow(set(range(5)), set(), set(range(15)))
    assert await narrow(producer).send(MANY_OUTPUTS) == {("t", 3): 21}
    assert producer.taken == [output.key for output in MANY_OUTPUTS]


@pytest.mark.parametrize(
    ("room", "error", "why"),
    [
        ({0, 1, 5}, KafkaError._QUEUE_FULL, "no room"),
        ({0, 1, 2}, KafkaError.MSG_SIZE_TOO_LARGE, "(?i)size"),
        (set(), KafkaError._FATAL, "Fatal"),
    ],
)
async def test_no_record_overtakes_another_and_none_is_dropped(room: set[int], error: int, why: str) -> None:
    with pytest.raises(WriteFailedError, match=why):
        await narrow(Narrow(room, error=error)).send(MANY_OUTPUTS)
