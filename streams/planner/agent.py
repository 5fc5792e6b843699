"""The planner step: `notify.requests` to `notify.fanout`, or to timers that write there when a request is scheduled.

Killed between any two effects: the request comes again, finds its own offset in the table (or nothing), and is planned again the same way.
The audience step knows a command it has had by its chunk number, and a timer that is set again the same is one timer.
"""

from collections.abc import Callable, Mapping

import msgspec

from schemas.codec import Codec
from schemas.records import ExpandAudience, NotificationRequested, Output, Write
from schemas.topics import CHANGELOG_PLANNER, CHANGELOG_SCHEDULED, CHANNELS, TIMERS, fanout_topic
from streams.audience.expression import parse
from streams.planner.rules import Seen, at_its_time, check, digest_of, due_of, expiring, is_repeat, plan
from streams.policy.policy import InForce
from streams.step.model import Effects, Input
from streams.step.step import RecordStep, View

PLANNED, SCHEDULED = "planned", "scheduled"


class PlannerStep(RecordStep):
    """Plans each request once; remembers for 48 h which it has planned, and those that were for later for 90 days: until they are through,
    and for a month beyond.
    """

    name = "planner"
    tables: Mapping[str, str] = {PLANNED: CHANGELOG_PLANNER, SCHEDULED: CHANGELOG_SCHEDULED}

    def __init__(self, codec: Codec, clock: Callable[[], int], in_force: InForce, partitions: int) -> None:
        super().__init__(codec, clock)
        self._in_force = in_force
        self._partitions = partitions

    def decide(self, view: View, record: Input) -> Effects:
        """One command per partition, and the memory of it; nothing for a repeated request."""
        request = self.codec.decode(record.value, NotificationRequested)
        check(request, CHANNELS)
        policy = self._in_force()
        policy.of(request.notification)
        parse(request.audience.expression)
        key = request.notification.notification_id.encode()
        if is_repeat(_seen(view, key), request, record.offset):
            return Effects()
        seen = Seen(record.offset, digest_of(request))
        commands = plan(expiring(request, policy.expires_at(request.notification)), self._partitions)
        topic, due = fanout_topic(request.notification.priority), due_of(request.notification)
        return Effects(
            [self._written(topic, key, partition, command, due) for partition, command in commands],
            [Write(PLANNED if due is None else SCHEDULED, key, msgspec.msgpack.encode(seen))],
        )

    def _written(self, topic: str, key: bytes, partition: int, command: ExpandAudience, due: int | None) -> Output:
        """A command, or the timer that writes it when it is due."""
        write = Output(topic=topic, partition=partition, key=key, value=self.codec.encode(command))
        if due is None:
            return write
        timer = at_its_time(command, due, write)
        return Output(topic=TIMERS, partition=partition, key=timer.timer_id.encode(), value=self.codec.encode(timer))


def _seen(view: View, key: bytes) -> Seen | None:
    value = view.get(PLANNED, key) or view.get(SCHEDULED, key)
    return msgspec.msgpack.decode(value, type=Seen) if value is not None else None
