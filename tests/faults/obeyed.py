"""What the log must say of campaigns under control, by code of its own: who waits is not lost, and a cancel is the end."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from schemas.records import ControlCampaign, DeliverBatch
from schemas.topics import FANOUTS, fanout_topic
from tests.faults.log import Entry

Entries = Mapping[str, list[Entry]]


def paused(entries: Entries) -> set[str]:
    """The notifications of which the last word (the youngest, unless one is a cancel) is to wait: nobody in them is lost."""
    last: dict[str, ControlCampaign] = {}
    cancelled = set()
    for one in commands(entries):
        if one.record.action == "cancel":
            cancelled.add(one.record.notification_id)
        elif one.record.action in ("pause", "resume"):
            known = last.setdefault(one.record.notification_id, one.record)
            if (one.record.at, one.record.command_id) > (known.at, known.command_id):
                last[one.record.notification_id] = one.record
    return {name for name, one in last.items() if one.action == "pause"} - cancelled


def judge_cancels(entries: Entries, delivered: tuple[str, ...], blame: Callable[[str, object], None]) -> None:
    """Nobody is handed to delivery by a command that comes after a cancel on its lane and partition."""
    cancels: dict[tuple[str, str, int], int] = {}
    for one in commands(entries):
        if one.record.action == "cancel":
            cancels.setdefault((one.record.notification_id, one.topic, one.partition), one.offset)
    for topic in delivered:
        for entry in entries[topic]:
            if isinstance(batch := entry.record, DeliverBatch):
                told = batch.notification
                cancelled = cancels.get((told.notification_id, fanout_topic(told.priority), entry.partition))
                if cancelled is not None and batch.fanout_offset > cancelled:
                    blame("handed over after a cancel", (told.notification_id, topic, entry.partition, entry.offset))


def commands(entries: Entries) -> Iterator[Any]:
    """Control on the fan-out topics."""
    return (entry for lane in FANOUTS for entry in entries.get(lane, ()) if isinstance(entry.record, ControlCampaign))
