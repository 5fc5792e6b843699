"""The intake step: `events.<aggregate>` to `notify.requests`.

Killed between any two effects: the event comes again and makes requests of the same ids; the planner knows those it has had.
"""

from collections.abc import Callable

from schemas.codec import Codec
from schemas.debezium import upstream_event
from schemas.records import Output
from schemas.topics import REQUESTS
from streams.intake.rules import decide
from streams.intake.trigger import Triggers
from streams.step.model import Effects, Input
from streams.step.step import RecordStep, View


class IntakeStep(RecordStep):
    """One for each upstream topic. It has no state: its output is a function of the event and the rules."""

    def __init__(self, topic: str, codec: Codec, clock: Callable[[], int], triggers: Triggers) -> None:
        super().__init__(codec, clock)
        self.name = f"intake.{topic}"
        self._triggers = triggers

    def decide(self, view: View, record: Input) -> Effects:
        """The requests of one event; none when no rule is about it."""
        event = upstream_event(record.topic, record.key, record.value, record.headers, record.timestamp)
        fields = self.codec.decode_any(event.payload).fields
        requests = decide(event, fields, self._triggers, self.clock())
        return Effects([Output(topic=REQUESTS, key=r.notification.notification_id.encode(), value=self.codec.encode(r)) for r in requests])
