"""How long critical notifications took, from when their event was written to their status, before, during and after the fault."""

from collections.abc import Mapping, Sequence
from typing import Any

from schemas.records import NotificationRequested, StatusBatch
from schemas.topics import REQUESTS, STATUS
from tests.faults.log import Entry

FOREVER = 2**62


def urgent(asked_at: Mapping[str, int], entries: Mapping[str, Sequence[Entry]], fault: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    """Count, p50, p99 and most in ms, by when the event was written. Times of the log are those of the machine's clock."""
    began, ended = fault.get("began_ms", FOREVER), fault.get("ended_ms", FOREVER)
    took: dict[str, list[int]] = {"before": [], "during": [], "after": []}
    for event, done in _told_at(entries).items():
        if event in asked_at:
            when = "before" if asked_at[event] < began else "during" if asked_at[event] < ended else "after"
            took[when].append(done - asked_at[event])
    return {when: _spread(sorted(some)) for when, some in took.items() if some}


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
