"""What delivery and timers tell of a notification that tries one channel after the other: commands for those who are tried next."""

from collections.abc import Callable

from schemas.codec import Codec
from schemas.records import ChannelEnded, ChannelOverdue, Notification, Output, SetTimer
from streams.audience.tried import rows_of, writes
from streams.audience.tries import After, ended, overdue
from streams.step.model import Effects, Input, back_to
from streams.step.step import View
from streams.timers.outputs import timer_output

KIND = "fallback"
"""Of the timers of channels."""


class Following:
    """Of one lane."""

    def __init__(self, codec: Codec, clock: Callable[[], int]) -> None:
        """`clock`: epoch ms."""
        self._codec, self._clock = codec, clock

    def ended(self, view: View, told: ChannelEnded, record: Input) -> Effects:
        """The next channel for those on whom this one failed; for those it reached, the end."""
        key = told.notification.notification_id.encode()
        after = ended(told, rows_of(view, key, told.users), record.partition, self._clock())
        return effects_of(self._codec, after, told.notification, record)

    def overdue(self, view: View, told: ChannelOverdue, record: Input) -> Effects:
        """The next channel for those this one has not reached in its time."""
        key = told.notification.notification_id.encode()
        after = overdue(told, rows_of(view, key, told.users), record.partition, self._clock())
        return effects_of(self._codec, after, told.notification, record)


def effects_of(codec: Codec, after: After, about: Notification, record: Input) -> Effects:
    """Rows, and the commands of tries, which go to where `record` came from."""
    key = about.notification_id.encode()
    tries = [back_to(record, key, codec.encode(one)) for one in after.tries]
    return Effects(tries, writes(key, after.rows))


def timer(codec: Codec, timer_id: str, due: int, overdue: ChannelOverdue, record: Input) -> Output:
    """The timer that says, to where `record` came from, that the time of a channel is over."""
    key = overdue.notification.notification_id.encode()
    write = back_to(record, key, codec.encode(overdue))
    return timer_output(codec, SetTimer(timer_id, due, KIND, write), record.partition)
