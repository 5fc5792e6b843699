"""What an audit found: violations by name and place, sums by notification and channel, and what could not be checked. Pure."""

from collections import Counter
from collections.abc import Container
from typing import TypeVar

import msgspec

from ops.audit.model import Entry, Place
from schemas.records import Record

R = TypeVar("R", bound=Record)

TERMINAL = ("sent", "failed", "suppressed", "digested", "expired", "cancelled", "shed", "unknown")
SHOWN_PER_KIND = 1000
"""Violations of one kind that are named; all are counted."""


class Violation(msgspec.Struct, frozen=True):
    """One thing that must not be. `what` is for people; the place is that of the record that shows it."""

    kind: str
    what: str
    topic: str
    partition: int
    offset: int


class ChannelSums(msgspec.Struct):
    """Recipients of one channel. `outcomes`: by terminal status. `pending`: no outcome yet, and nothing says that there should be one.

    `heard`: by status that providers told later; it is no end.
    """

    audience: int = 0
    outcomes: dict[str, int] = {}
    heard: dict[str, int] = {}
    pending: int = 0

    @property
    def difference(self) -> int:
        """Audience less everyone accounted for; 0 when the sum comes out."""
        return self.audience - sum(self.outcomes.values()) - self.pending

    def add(self, other: "ChannelSums") -> None:
        """Add those of another partition."""
        self.audience += other.audience
        self.pending += other.pending
        for status, count in other.outcomes.items():
            self.outcomes[status] = self.outcomes.get(status, 0) + count
        for status, count in other.heard.items():
            self.heard[status] = self.heard.get(status, 0) + count


class NotificationSums(msgspec.Struct):
    """One notification. `expanded`: its audience is decided on every partition that takes part."""

    notification_id: str
    expanded: bool = False
    channels: dict[str, ChannelSums] = {}


class Behind(msgspec.Struct):
    """Sends whose intent was written when a newer profile was on the log already, within the bound. `largest_ms`: for how long at most."""

    sends: int = 0
    largest_ms: int = 0

    def add(self, other: "Behind") -> None:
        """Add others."""
        self.sends += other.sends
        self.largest_ms = max(self.largest_ms, other.largest_ms)


class Compared(msgspec.Struct):
    """What a store's figures by channel and status were held against. `behind`: recipients the log has and the store has not yet.

    `differing`: channels of notifications where it has more, or other: violations. `left_...`: what there was no time for.
    `error`: why no more was compared; "" when nothing went wrong.
    """

    notifications: int = 0
    recipients: int = 0
    left_notifications: int = 0
    left_recipients: int = 0
    behind: int = 0
    differing: int = 0
    error: str = ""


class Report(msgspec.Struct, kw_only=True):
    """`counts`: violations by kind, also those over the 1000 a kind that `violations` names. `not_checkable`: how often, by reason.

    `records`: read from the log. `seconds`: the time it took. `stores`: what was compared, by store.
    """

    violations: list[Violation] = []
    counts: dict[str, int] = {}
    notifications: dict[str, NotificationSums] = {}
    not_checkable: dict[str, int] = {}
    profiles_behind: Behind = msgspec.field(default_factory=Behind)
    stores: dict[str, Compared] = {}
    records: int = 0
    seconds: float = 0.0

    @property
    def green(self) -> bool:
        """Nothing is wrong."""
        return not self.counts


class Findings:
    """Collects what is wrong and what can't be said."""

    def __init__(self) -> None:
        self.violations: list[Violation] = []
        self.counts: Counter[str] = Counter()
        self.not_checkable: Counter[str] = Counter()
        self.behind = Behind()

    def blame(self, kind: str, what: str, place: Place) -> None:
        """Name a violation."""
        self.counts[kind] += 1
        if self.counts[kind] <= SHOWN_PER_KIND:
            self.violations.append(Violation(kind, what, place.topic, place.partition, place.offset))

    def read(self, entry: Entry, kind: type[R], name: str, held: Container[Place] = ()) -> R | None:
        """The entry's record; None when it is not of `kind`: that is named, unless it is `held` in the dead-letter topic."""
        if isinstance(entry.record, kind):
            return entry.record
        if entry.place not in held:
            self.blame("unreadable", f"{name} without a value that can be read", entry.place)
        return None

    def skip(self, why: str, times: int = 1) -> None:
        """Say that something can't be checked."""
        self.not_checkable[why] += times

    def add(self, other: "Findings") -> None:
        """Add those of another partition."""
        room = {kind: SHOWN_PER_KIND - count for kind, count in self.counts.items()}
        self.violations += [one for one in other.violations if room.get(one.kind, SHOWN_PER_KIND) > 0]
        self.counts += other.counts
        self.not_checkable += other.not_checkable
        self.behind.add(other.behind)
