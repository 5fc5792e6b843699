"""The planner step: `notify.requests` to `notify.fanout`, or to timers that write there when a request is scheduled.

Killed between any two effects: the request comes again, finds its own offset in the table (or nothing), and is planned again the same way.
The audience step knows a command it has had by its chunk number, and a timer that is set again the same is one timer. Of a list in parts
each part's row has what was known before it: all that come again are planned from there, one after the other as they were.
"""

from collections.abc import Callable, Iterable, Mapping

import msgspec

from schemas.codec import Codec
from schemas.records import ExpandAudience, NotificationRequested, Output, Write
from schemas.topics import CHANGELOG_PLANNER, CHANGELOG_SCHEDULED, CHANNELS, fanout_topic
from streams.audience.expression import parse
from streams.planner.listing import in_parts, listing_of, part_key, plan_part, seen_of
from streams.planner.rules import Seen, at_its_time, check, digest_of, due_of, expiring, is_repeat, plan
from streams.policy.policy import InForce, Policy
from streams.step.model import Effects, Input
from streams.step.step import RecordStep, View
from streams.timers.outputs import timer_output

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
        if in_parts(request):
            return self._part(view, key, request, record, policy)
        if is_repeat(_seen(view, key), request, record.offset):
            return Effects()
        commands = plan(expiring(request, policy.expires_at(request.notification)), self._partitions)
        return self._planned(request, commands, {key: Seen(record.offset, digest_of(request))})

    def _part(self, view: View, key: bytes, request: NotificationRequested, record: Input, policy: Policy) -> Effects:
        """The commands of one part of a list, and how far the list is planned."""
        of_part = part_key(key, request.part)
        known, own = _seen(view, key), _seen(view, of_part)
        if is_repeat(own, request, record.offset):
            return Effects()
        listing = listing_of(known, own, request)
        commands, after = plan_part(expiring(request, policy.expires_at(request.notification)), listing, self._partitions)
        rows = {of_part: Seen(record.offset, digest_of(request), listing), key: seen_of(known, request, record.offset, after)}
        return self._planned(request, commands, rows)

    def _planned(
        self, request: NotificationRequested, commands: Iterable[tuple[int, ExpandAudience]], rows: Mapping[bytes, Seen]
    ) -> Effects:
        topic, due = fanout_topic(request.notification.priority), due_of(request.notification)
        key, table = request.notification.notification_id.encode(), PLANNED if due is None else SCHEDULED
        return Effects(
            [self._written(topic, key, partition, command, due) for partition, command in commands],
            [Write(table, row, msgspec.msgpack.encode(seen)) for row, seen in rows.items()],
        )

    def _written(self, topic: str, key: bytes, partition: int, command: ExpandAudience, due: int | None) -> Output:
        """A command, or the timer that writes it when it is due."""
        write = Output(topic=topic, partition=partition, key=key, value=self.codec.encode(command))
        return write if due is None else timer_output(self.codec, at_its_time(command, due, write), partition)


def _seen(view: View, key: bytes) -> Seen | None:
    value = view.get(PLANNED, key) or view.get(SCHEDULED, key)
    return msgspec.msgpack.decode(value, type=Seen) if value is not None else None
