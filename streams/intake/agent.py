"""The intake step: `events.<aggregate>` to `notify.requests`.

Killed between any two effects: the event comes again and makes requests of the same ids; the planner knows those it
has had. A sighting that comes again says the same time, and changes nothing.
"""

from collections.abc import Callable

from schemas.codec import Codec
from schemas.debezium import upstream_event
from schemas.partition import partition_of
from schemas.records import Output, UserSeen
from schemas.topics import FANOUT, REQUESTS
from streams.intake.rules import decide
from streams.intake.sightings import seen
from streams.intake.trigger import Triggers
from streams.step.model import Effects, Input
from streams.step.step import RecordStep, View


class IntakeStep(RecordStep):
    """One for each upstream topic. It has no state: its output is a function of the event and the rules."""

    def __init__(self, topic: str, codec: Codec, clock: Callable[[], int], triggers: Triggers, partitions: int) -> None:
        """`partitions`: of the fan-out topic."""
        super().__init__(codec, clock)
        self.name = f"intake.{topic}"
        self._triggers, self._partitions = triggers, partitions

    def decide(self, view: View, record: Input) -> Effects:
        """The requests of one event, and who was seen by it; none when no rule is about it."""
        event = upstream_event(record.topic, record.key, record.value, record.headers, record.timestamp)
        fields = self.codec.decode_any(event.payload).fields
        requests = decide(event, fields, self._triggers, self.clock())
        asked = [Output(topic=REQUESTS, key=r.notification.notification_id.encode(), value=self.codec.encode(r)) for r in requests]
        return Effects(asked + [self._sighting(each) for each in seen(event, fields, self._triggers)])

    def _sighting(self, told: UserSeen) -> Output:
        partition = partition_of(told.user_id, self._partitions)
        return Output(topic=FANOUT, partition=partition, key=told.user_id.encode(), value=self.codec.encode(told))
