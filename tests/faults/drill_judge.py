"""What an outage drill is judged by besides the log's oracle: the provider's limit, what became of whom, other providers, memory."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

import httpx

from schemas.records import Notification, NotificationRequested, Outcome, Priority
from schemas.topics import REQUESTS, STATUS
from streams.delivery.retries import RETRIED
from tests.faults.drained import drained, over
from tests.faults.drill_load import Singles
from tests.faults.latency import urgent
from tests.faults.log import Entry
from tests.faults.memory import Series, most_between
from tests.faults.oracle import DEFERRED, Verdict
from tests.faults.outage import HEALED, PHASES, REFUSED
from tests.faults.plan import Report
from tests.faults.stage import Stage

USED_BAR = 95.0
SLOWER, SLOWER_MS = 1.5, 250
"""The p99 of another provider's may be that much longer than before the outage, whichever is more: a p99 is of a few singles."""
GROWTH_MB = 16.0
"""What a worker may have more in an outage than when it began. Had it in memory what waits, a quarter of a campaign of 200,000 as messages
of some 600 bytes each, that would be 30 MB."""
EARLY_MS, LATE_MS = 3_500, 1_000
"""Nobody is tried in the last second before it expires, nor when less than a first wait is left, or than the two seconds that 429 asks for;
a request takes its time to arrive."""


@dataclass
class Drilled:
    """What a drill noted: its singles, and the memory of each worker. `line`: its figures, when it is judged."""

    singles: Sequence[Singles]
    memory: Mapping[str, Series]
    line: dict[str, Any] = field(default_factory=dict)


def judge_drill(stage: Stage, drilled: Drilled, report: Report, verdict: Verdict) -> None:
    """Blame what is wrong, and note the figures."""
    phases = stage.phases
    with httpx.Client(base_url=stage.sandbox.base_url, timeout=30) as client:
        says = client.get("/v1/stats").json()
        drilled.line |= _limit(says, phases, stage.plan.per_s, verdict)
        drilled.line |= _expiry(stage.view.entries, client, phases, verdict)
        _twice(stage.view.entries, client, verdict)
    drilled.line |= _ends(stage.view.entries, phases, verdict, report)
    drilled.line |= _others(stage.view.entries, drilled.singles, phases, verdict, report)
    drilled.line |= _memory(drilled.memory, phases, verdict, report)
    for death in report.deaths:
        verdict.blame("workers that ended", death)
    if verdict.waiting:
        verdict.blame("held to the end", verdict.waiting)
    report.fault |= {"phases": phases, "provider": says["faults"]}
    report.fault |= {what: _by_second(says[what], phases[HEALED] // 1000) for what in ("asked", "series")}


def _limit(says: Mapping[str, Any], phases: Mapping[str, int], per_s: int, verdict: Verdict) -> dict[str, Any]:
    asked = dict(says["asked"])
    for second in over(asked, per_s).items():
        verdict.blame("seconds over the limit", second)
    found = drained(dict(says["series"]), phases[HEALED] // 1000, per_s)
    if found is None:
        verdict.blame("nothing was drained", says["series"][-5:])
    elif found.used < USED_BAR:
        verdict.blame("the limit is not used", found)
    line = {"limit": per_s, "most_asked": max(asked.values(), default=0), "over": len(over(asked, per_s))}
    return line | (found._asdict() if found else {})


def _by_second(series: Sequence[Sequence[int]], zero: int) -> str:
    """Short: what was counted in each second, those before `zero` being negative."""
    return " ".join(f"{second - zero}:{count}" for second, count in series)


def _notifications(entries: Mapping[str, Sequence[Entry]]) -> dict[str, Notification]:
    requests = (entry.record for entry in entries[REQUESTS])
    return {one.notification.notification_id: one.notification for one in requests if isinstance(one, NotificationRequested)}


def _told(entries: Mapping[str, Sequence[Entry]]) -> Iterator[tuple[Notification, int, Outcome, int]]:
    """Of each record of statuses: the notification, when, an outcome, and how many have it."""
    for entry in entries[STATUS]:
        status: Any = entry.record
        for number, count in Counter(status.outcome_of).items():
            yield status.notification, status.at, status.outcomes[number], count


def _ends(entries: Mapping[str, Sequence[Entry]], phases: Mapping[str, int], verdict: Verdict, report: Report) -> dict[str, int]:
    """What could not be sent then is sent later, unless it expires; nothing else ends it."""
    ends: dict[str, Counter[str]] = {}
    unknown = Counter[str]()
    retried = 0
    names = sorted(phases.items(), key=itemgetter(1))
    for told, at, outcome, count in _told(entries):
        if outcome.status == DEFERRED:
            retried += count
            continue
        ends.setdefault(told.source, Counter())[f"{outcome.status}/{outcome.reason}"] += count
        if outcome.status == "unknown":
            unknown[names[bisect_right(names, at, key=itemgetter(1)) - 1][0]] += count
        if outcome.status == "failed" and outcome.reason in RETRIED:
            _blame(verdict, "given up on", (told.source, outcome, at), count)
        if outcome.status == "expired" and (told.expires_at is None or at < told.expires_at - EARLY_MS):
            _blame(verdict, "expired before its time", (told.source, told.expires_at, at), count)
        if outcome.reason == "shed":
            _blame(verdict, "shed", (told.source, at), count)
    report.fault |= {"ends": {source: dict(found) for source, found in ends.items()}, "unknown_in": dict(unknown)}
    return {"retried": retried, "given_up": verdict.wrong.get("given up on", 0)}


def _blame(verdict: Verdict, what: str, about: object, count: int) -> None:
    for _ in range(count):
        verdict.blame(what, about)


def _expiry(entries: Mapping[str, Sequence[Entry]], client: httpx.Client, phases: Mapping[str, int], verdict: Verdict) -> dict[str, int]:
    """Nothing reaches the provider after it expired; who expired while it was down are told so."""
    found = {name: told for name, told in _notifications(entries).items() if told.expires_at is not None}
    inside = {name for name, told in found.items() if told.occurred_at > phases[REFUSED] and (told.expires_at or 0) < phases[HEALED]}
    for name, told in found.items():
        late_ms = client.get(f"/v1/received/{name}").json()["last_ns"] // 1_000_000 - (told.expires_at or 0)
        if late_ms > LATE_MS:
            verdict.blame("sent after it expired", (told.source, name, late_ms))
    expired = sum(count for told, _, outcome, count in _told(entries) if told.notification_id in inside and outcome.status == "expired")
    if not expired:
        verdict.blame("the fault itself", "nobody expired while the provider was down")
    return {"expired": expired}


def _twice(entries: Mapping[str, Sequence[Entry]], client: httpx.Client, verdict: Verdict) -> None:
    """Only what policy sends again may have come twice: what is critical."""
    told = _notifications(entries)
    for each in client.get("/v1/duplicates", params={"limit": 10_000}).json():
        if told[each["notification_id"]].priority != Priority.CRITICAL:
            verdict.blame("sent twice where policy does not allow it", each)


def _others(
    entries: Mapping[str, Sequence[Entry]], singles: Sequence[Singles], phases: Mapping[str, int], verdict: Verdict, report: Report
) -> dict[str, Any]:
    """Singles on channels whose provider is well take no longer than before."""
    line: dict[str, Any] = {}
    for one in singles:
        took = urgent(one.at, entries, {"began_ms": phases[REFUSED], "ended_ms": phases[HEALED]})
        report.urgent_ms[one.name] = took
        if one.channel == "push":
            continue
        line[f"{one.name}_p99"] = [took.get(when, {}).get("p99") for when in ("before", "during", "after")]
        if not {"before", "during"} <= took.keys():
            verdict.blame("the fault itself", f"too few of {one.name}: {took}")
        elif took["during"]["p99"] > max(SLOWER * took["before"]["p99"], SLOWER_MS + took["before"]["p99"]):
            verdict.blame("another provider's are slower", (one.name, took))
    return line


def _memory(memory: Mapping[str, Series], phases: Mapping[str, int], verdict: Verdict, report: Report) -> dict[str, Any]:
    """From the first phase of the outage to its end."""
    second = phases[[*PHASES][1]]
    spans = {"before": (0, phases[REFUSED]), "begun": (0, second), "during": (second, phases[HEALED]), "drain": (phases[HEALED], 2**62)}
    figures = {name: {when: round(most_between(series, *span), 1) for when, span in spans.items()} for name, series in memory.items()}
    grown = {name: round(each["during"] - each["begun"], 1) for name, each in figures.items()}
    for name, mb in grown.items():
        if mb > GROWTH_MB:
            verdict.blame("memory that is not flat", (name, figures[name]))
    report.fault["memory_mb"] = figures
    return {"grown_mb": max(grown.values()), "grown_most": max(grown, key=lambda name: grown[name])}
