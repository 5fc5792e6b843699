"""The planner step: `notify.requests` to `notify.fanout`.

Killed between any two effects: the request comes again, finds its own offset in the table (or nothing), and is planned again the same way.
The audience step knows a command it has had by its chunk number.
"""

from collections.abc import Callable, Mapping

import msgspec

from schemas.codec import Codec
from schemas.records import NotificationRequested, Output, Write
from schemas.topics import CHANGELOG_PLANNER, CHANNELS, fanout_topic
from streams.audience.expression import parse
from streams.planner.rules import Seen, check, digest_of, expiring, is_repeat, plan
from streams.policy.policy import Policy
from streams.step.model import Effects, Input
from streams.step.step import RecordStep, View


class PlannerStep(RecordStep):
    """Plans each request once; remembers for 48 h which it has planned."""

    name = "planner"
    tables: Mapping[str, str] = {"planned": CHANGELOG_PLANNER}

    def __init__(self, codec: Codec, clock: Callable[[], int], policy: Policy, partitions: int) -> None:
        super().__init__(codec, clock)
        self._policy = policy
        self._partitions = partitions

    def decide(self, view: View, record: Input) -> Effects:
        """One command per partition, and the memory of it; nothing for a repeated request."""
        request = self.codec.decode(record.value, NotificationRequested)
        check(request, CHANNELS)
        self._policy.of(request.notification)
        parse(request.audience.expression)
        key = request.notification.notification_id.encode()
        if is_repeat(_seen(view, key), request, record.offset):
            return Effects()
        seen = Seen(record.offset, digest_of(request))
        commands = plan(expiring(request, self._policy.expires_at(request.notification)), self._partitions)
        topic = fanout_topic(request.notification.priority)
        return Effects(
            [Output(topic=topic, partition=partition, key=key, value=self.codec.encode(command)) for partition, command in commands],
            [Write("planned", key, msgspec.msgpack.encode(seen))],
        )


def _seen(view: View, key: bytes) -> Seen | None:
    value = view.get("planned", key)
    return msgspec.msgpack.decode(value, type=Seen) if value is not None else None
