"""What was asked of campaigns on one partition while they ran: paused, resumed, cancelled, slowed down. Pure.

Said once more, in the audit's own words: of two commands the younger counts, and a cancel always.
"""

from typing import NamedTuple

from ops.audit.model import Entry, Terms
from schemas.records import AudienceExpanded, ControlCampaign

RUNNING, PAUSED, CANCELLED = "running", "paused", "cancelled"


class Control(NamedTuple):
    """One command; `stamp`: of two the larger is the younger."""

    offset: int
    timestamp: int
    action: str
    stamp: tuple[int, str]


class Controls:
    """Commands of both lanes of one partition, by notification and lane."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._known: dict[tuple[str, str], list[Control]] = {}

    def note(self, entry: Entry, told: ControlCampaign) -> None:
        """A record of a fan-out topic, in the log's order; what is in the dead-letter topic was not obeyed."""
        if entry.place not in self._terms.held:
            control = Control(entry.place.offset, entry.timestamp, told.action, (told.at, told.command_id))
            self._known.setdefault((told.notification_id, entry.place.topic), []).append(control)

    def state(self, notification: str, lane: str, offset: int | None = None) -> str:
        """The state in which the record at `offset` was met; None: the last."""
        told = [one for one in self._known.get((notification, lane), ()) if offset is None or one.offset < offset]
        if any(one.action == "cancel" for one in told):
            return CANCELLED
        switched = max((one for one in told if one.action in ("pause", "resume")), key=lambda one: one.stamp, default=None)
        return PAUSED if switched is not None and switched.action == "pause" else RUNNING

    def disobeyed(self, told: AudienceExpanded, lane: str) -> tuple[str, str] | None:
        """What a chunk should not have done, by kind: nobody is decided for while it is paused, nor handed over after a cancel."""
        state, handed = self.state(told.notification_id, lane, told.fanout_offset), sum(told.queued.values())
        if state == PAUSED:
            return "decided_while_paused", "it was decided while the campaign was paused"
        if state == CANCELLED and handed:
            return "queued_after_cancel", f"{handed} were handed over after the campaign was cancelled"
        return None

    def excuses(self, notification: str, lane: str) -> bool:
        """Whether a command may wait as long as it likes: the campaign is paused; or has a rate, and not all is said to be settled."""
        told = self._known.get((notification, lane), ())
        slowed = any(one.action == "rate" for one in told) and not self._terms.settled
        return slowed or self.state(notification, lane) == PAUSED

    def last(self, notification: str, lane: str) -> Control | None:
        """The last command of the log; None when the campaign was left alone."""
        told = self._known.get((notification, lane))
        return told[-1] if told else None
