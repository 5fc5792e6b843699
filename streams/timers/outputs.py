"""What sets a timer, as a record."""

from schemas.codec import Codec
from schemas.records import Output, SetTimer
from schemas.topics import TIMERS


def timer_output(codec: Codec, timer: SetTimer, partition: int) -> Output:
    """The record that sets a timer of a partition, or takes it back."""
    return Output(topic=TIMERS, partition=partition, key=timer.timer_id.encode(), value=codec.encode(timer))
