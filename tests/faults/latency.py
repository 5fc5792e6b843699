"""How long critical notifications took, from when their event was written to their status, by what was going on then."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any

from schemas.records import NotificationRequested, StatusBatch
from schemas.topics import REQUESTS, STATUS
from tests.faults.log import Entry

FOREVER = 2**62
REBALANCES = ("joining", "leaving")


def urgent(asked_at: Mapping[str, int], entries: Mapping[str, Sequence[Entry]], fault: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    """Count, p50, p99 and most in ms, by when the event was written: before, during and after the fault, or the `phases` it had.

    `rebalance`: all phases of that kind together. Times of the log are those of the machine's clock.
    """
    phases = _phases(fault)
    took: dict[str, list[int]] = defaultdict(list)
    for event, done in _told_at(entries).items():
        if event in asked_at:
            when = phases[bisect_right(phases, asked_at[event], key=itemgetter(1)) - 1][0]
            for name in (when, "rebalance") if when in REBALANCES else (when,):
                took[name].append(done - asked_at[event])
    names = [*dict(phases), "rebalance"]
    return {when: _spread(sorted(took[when])) for when in names if took[when]}


def _phases(fault: Mapping[str, Any]) -> list[tuple[str, int]]:
    """Each with when it began, in order."""
    plain = {"during": fault.get("began_ms", FOREVER), "after": fault.get("ended_ms", FOREVER)}
    return [("before", 0), *sorted(fault.get("phases", plain).items(), key=itemgetter(1))]


def _told_at(entries: Mapping[str, Sequence[Entry]]) -> dict[str, int]:
    """By event: when its first status was written."""
    event_of = {
        entry.record.notification.notification_id: entry.record.idempotency_key
        for entry in entries[REQUESTS]
        if isinstance(entry.record, NotificationRequested)
    }
    told: dict[str, int] = {}
    for entry in entries[STATUS]:
        if isinstance(entry.record, StatusBatch):
            told.setdefault(event_of.get(entry.record.notification.notification_id, ""), entry.timestamp)
    return told


def _spread(took: Sequence[int]) -> dict[str, int]:
    last = len(took) - 1
    return {"count": len(took), "p50": took[last // 2], "p99": took[round(0.99 * last)], "max": took[last]}
