"""What `send` makes of the broker's answers, without a broker."""

import asyncio

import pytest
from confluent_kafka import Message

from streams.step.log import WriteFailedError, _Pending


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
