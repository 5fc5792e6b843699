"""Who may have been sent to: statuses that say `unknown`, without those of whom something was heard later, or whom a replay took. Pure;
records in any order.
"""

from collections.abc import Iterable

import msgspec

from schemas.records import StatusBatch
from schemas.refs import Ref
from schemas.topics import FEEDBACK, STATUS

UNKNOWN = "unknown"


class Doubt(msgspec.Struct, frozen=True):
    """One recipient whose outcome can't be known. `ref` names the delivery; `at`: epoch ms."""

    ref: str
    at: int
    notification_id: str
    channel: str
    category: str
    user_id: str
    provider: str
    reason: str
    detail: str


class Doubts:
    """Told status by status."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, str], Doubt] = {}
        self._heard: set[tuple[str, str]] = set()

    def told(self, status: StatusBatch) -> None:
        """A status batch of delivery, of a replay, or of what a provider said later."""
        if status.caused_by_topic in (FEEDBACK, STATUS):
            self._heard |= {(status.batch_id, user) for user in status.users}
            return
        if not status.batch_id or not any(outcome.status == UNKNOWN for outcome in status.outcomes):
            return
        for row, (user, number) in enumerate(zip(status.users, status.outcome_of, strict=True)):
            if status.outcomes[number].status == UNKNOWN:
                self._open[status.batch_id, user] = _doubt(status, row, user)

    @property
    def open(self) -> list[Doubt]:
        """Those of whom nothing was heard, oldest first."""
        left = [doubt for place, doubt in self._open.items() if place not in self._heard]
        return sorted(left, key=lambda doubt: (doubt.at, doubt.ref))


def chosen(doubts: Iterable[Doubt], *, notification: str = "", channel: str = "", provider: str = "") -> list[Doubt]:
    """Those of one notification, channel or provider; empty: of any."""
    return [
        doubt
        for doubt in doubts
        if notification in ("", doubt.notification_id) and channel in ("", doubt.channel) and provider in ("", doubt.provider)
    ]


def _doubt(status: StatusBatch, row: int, user: str) -> Doubt:
    outcome, about = status.outcomes[status.outcome_of[row]], status.notification
    provider = status.providers[status.provider_of[row]] if status.provider_of else status.provider
    ref = Ref(status.channel, about.priority, status.caused_by_partition, status.caused_by_offset, row, 0)
    return Doubt(
        str(ref), status.at, about.notification_id, status.channel, about.category, user, provider, outcome.reason, outcome.detail
    )  # fmt: skip
