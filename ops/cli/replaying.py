"""What a person asks `carillon replay` for, checked; and the replays there were, from their records. Pure."""

from collections.abc import Sequence

import msgspec

from ops.cli.errors import BadRequest
from ops.cli.times import moment
from ops.replay.model import FAILED, UNKNOWN, Chosen
from schemas.records import Record, ReplayEnded, ReplayStarted


class Run(msgspec.Struct, frozen=True):
    """One replay. `ended` None: it was stopped, or is under way."""

    started: ReplayStarted
    ended: ReplayEnded | None

    @property
    def of(self) -> str:
        """What it was asked for."""
        return ", ".join(f"{name} {value}" for name, value in sorted(self.started.filters.items()))

    @property
    def became(self) -> str:
        """How many, by what became of them."""
        if self.ended is None:
            return "not ended"
        return ", ".join(f"{why} {number:,}" for why, number in sorted(self.ended.counts.items()))


def runs_of(events: Sequence[Record]) -> list[Run]:
    """The replays, oldest first."""
    ends = {event.replay_id: event for event in events if isinstance(event, ReplayEnded)}
    return [Run(event, ends.get(event.replay_id)) for event in events if isinstance(event, ReplayStarted)]


def filters_of(status: str, notification: str, channel: str, provider: str, category: str, reasons: Sequence[str]) -> dict[str, str]:
    """What is chosen, by the option's name, without those that choose nothing. Raises BadRequest."""
    if status not in (FAILED, UNKNOWN):
        raise BadRequest(f"--status {status}: {FAILED} or {UNKNOWN}; who has another end has been told, or is not to be")
    given = {
        "status": status,
        "notification": notification,
        "channel": channel,
        "provider": provider,
        "category": category,
        "reason": ",".join(sorted(reasons)),
    }
    return {name: value for name, value in given.items() if value}


def chosen_of(begin: str, end: str, filters: dict[str, str], now: int) -> Chosen:
    """The choice. Raises BadRequest."""
    if not begin:
        raise BadRequest("--from: since when? A time like 2026-01-31T12:00 (UTC), or a span like 2h")
    since, until = moment("--from", begin, now), moment("--to", end, now) if end else now
    if since >= until:
        raise BadRequest(f"--from {begin} is not before --to {end or 'now'}")
    reasons = frozenset(filter(None, filters.get("reason", "").split(",")))
    named = {name: value for name, value in filters.items() if name != "reason"}
    return Chosen(since=since, until=until, reasons=reasons, **named)
