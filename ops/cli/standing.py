"""How one notification stands: what was asked for, how far it is, and a sum that must come out. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping

import msgspec

from ops.cli.controlling import Control
from ops.cli.times import clock, of_day
from projections.cassandra.header import Header
from projections.cassandra.timeline import Counts, Event, Progress

HELD = "deferred"
DIGESTED = "digested"
FINAL = ("sent", "suppressed", DIGESTED, "failed", "expired", "unknown", "cancelled", "shed")


class ChannelStanding(msgspec.Struct, frozen=True, kw_only=True):
    """Recipients of one channel. `pending`: expanded, and no outcome yet; `held`: those of them who are held.

    `queued`: those who were handed over at once. `reasons`: by `status:reason`.
    """

    audience: int
    queued: int
    outcomes: dict[str, int]
    reasons: dict[str, int]
    pending: int
    held: int = 0

    @property
    def adds_up(self) -> bool:
        """Whether every recipient has exactly one outcome, or will have."""
        return self.pending >= 0


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """One notification. `complete`: the audience is expanded, and every recipient has an outcome. `control`: None: there was none."""

    notification_id: str
    header: Header
    users: int
    chunks: int
    expanded: bool
    complete: bool
    channels: dict[str, ChannelStanding]
    control: Control | None = None

    @property
    def waits(self) -> bool:
        """Whether it is for later, and nobody was decided yet."""
        return self.header.not_before is not None and self.header.not_before > self.header.accepted_at and not self.chunks


def standing(header: Header, progress: Progress, counts: Counts, events: Iterable[Event], control: Control | None = None) -> Standing:
    """How the notification stands."""
    reasons = _reasons(events)
    names = header.channels or dict.fromkeys([*progress.queued, *counts])
    channels = {channel: _channel(channel, progress, counts.get(channel, {}), reasons) for channel in names}
    return Standing(
        notification_id=header.notification_id,
        header=header,
        users=progress.users,
        chunks=progress.chunks,
        expanded=progress.complete,
        complete=progress.complete and all(one.pending == 0 for one in channels.values()),
        channels=channels,
        control=control,
    )


def scheduled(header: Header) -> str:
    """For when a notification is, to be added to a sentence; empty when it is for now."""
    at = "" if header.not_before is None else f" {clock(header.not_before)} UTC"
    local = "" if header.local_minute is None else f" {of_day(header.local_minute)} where each recipient is"
    return f", scheduled for{at}{', then' if at and local else ''}{local}" if at or local else ""


def beside(header: Header) -> str:
    """What a notification has beside its text, to be added to a sentence; empty when it has nothing."""
    return f", with {header.overrides}" if header.overrides else ""


def _channel(channel: str, progress: Progress, counts: Mapping[str, int], reasons: Mapping[str, Counter[str]]) -> ChannelStanding:
    outcomes = {status: counts[status] for status in FINAL if status in counts}
    # each is decided on every channel; but of one that is only tried after another, those who have come to it
    tried = progress.queued and channel not in progress.queued
    audience = sum(outcomes.values()) + counts.get(HELD, 0) if tried else progress.users
    return ChannelStanding(
        audience=audience,
        queued=progress.queued.get(channel, 0),
        outcomes=outcomes,
        # of statuses that nobody has any more (a replay reopened them) there is no reason
        reasons={name: number for name, number in reasons.get(channel, Counter()).most_common() if name.partition(":")[0] in counts},
        pending=audience - sum(outcomes.values()),
        held=counts.get(HELD, 0),
    )


def _reasons(events: Iterable[Event]) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = {}
    for event in events:
        found.setdefault(event.channel, Counter()).update({name: number for name, number in event.tally.items() if ":" in name})
    return found
