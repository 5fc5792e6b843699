"""Sends that were between their intent and their result at each death, by the ledgers: the one window a kill can leave `unknown` in."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from schemas.records import LedgerEntry
from schemas.topics import ledger_topic
from tests.faults.log import Entry
from tests.faults.plan import READS

SENDING = ("urgent", "bulk")
Spell = tuple[int, int, int]
"""From, until (epoch ms), how many recipients."""
FOREVER = 2**62


def note_open_sends(entries: Mapping[str, Sequence[Entry]], kills: Sequence[dict[str, Any]]) -> None:
    """Add `open_sends` to each kill: recipients of its role whose intent was written and whose result was not (0 for who sends nothing)."""
    for kill in kills:
        kill["open_sends"] = 0
    for role in SENDING:
        struck = sorted((kill for kill in kills if kill["role"].partition("-")[0] == role), key=lambda kill: kill["at_ms"])
        times = [kill["at_ms"] for kill in struck]
        for began, ended, count in spells(entry for topic in READS[role] for entry in entries[ledger_topic(topic)]):
            for kill in struck[bisect_left(times, began) : bisect_left(times, ended)]:
                kill["open_sends"] += count


def spells(entries: Iterator[Entry]) -> Iterator[Spell]:
    """When each batch was open, and how much of it; one that a death left open ends with what was written of it next."""
    histories: dict[tuple[str, bytes | None], list[Entry]] = defaultdict(list)
    for entry in entries:
        histories[entry.topic, entry.key].append(entry)
    for history in histories.values():
        ends = [after.timestamp for after in history[1:]] + [FOREVER]
        for entry, end in zip(history, ends, strict=True):
            if isinstance(entry.record, LedgerEntry) and entry.record.intended > entry.record.done:
                yield entry.timestamp, end, entry.record.intended - entry.record.done
