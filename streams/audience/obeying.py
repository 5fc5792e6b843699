"""What control of a campaign comes to: its new state, what it lets go on, and that delivery hears of a cancel."""

from collections.abc import Callable

from schemas.records import ControlCampaign, Output
from schemas.topics import CANCELS
from streams.audience.campaigns import campaign_of, put, release
from streams.audience.control import CANCELLED, PAUSED, check, controlled
from streams.step.model import Effects, Input
from streams.step.step import View


class Obeying:
    """Of one lane."""

    def __init__(self, clock: Callable[[], int]) -> None:
        """`clock`: epoch ms."""
        self._clock = clock

    def decide(self, view: View, command: ControlCampaign, record: Input) -> Effects:
        """The new state of a campaign; and when it goes on, the first command that is held. Raises ControlInvalid."""
        check(command, self._clock())
        key = command.notification_id.encode()
        known = campaign_of(view, key)
        after, effects = controlled(known, command), Effects()
        if after == known:
            return effects
        if after.state != PAUSED:
            after, effects = release(view, key, after, record)
        effects.writes.append(put(key, after))
        if after.state == CANCELLED:  # for delivery, which may have people of it already
            effects.outputs.append(Output(topic=CANCELS, partition=record.partition, key=key, value=record.value))
        return effects
