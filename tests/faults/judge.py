"""From the log, the sandbox and the audit to a verdict, and to the one line of numbers a run ends with."""

import importlib
import resource
from collections.abc import Callable, Iterable
from statistics import median
from typing import Any
from zlib import crc32

import httpx
from msgspec.structs import replace

from schemas.topics import DLQ, PROFILES, REQUESTS, STATUS
from tests.faults.latency import urgent
from tests.faults.open_sends import note_open_sends
from tests.faults.oracle import Oracle, SandboxSays, Verdict
from tests.faults.plan import Report
from tests.faults.profiles import judge_profiles, written_late
from tests.faults.stage import Stage
from tests.faults.stores import judge_stores

LISTED_LATE = 50
LISTED = 10_000
"""So many repeated arrivals the sandbox can name; more can't be judged."""


def judge(stage: Stage, report: Report, further: Callable[[Verdict], None] = lambda verdict: None) -> None:
    """Fill in the verdict. `further`: what this run is judged by besides."""
    entries = stage.view.entries
    verdict = Oracle(entries, stage.load.asked).judge(_ask_sandbox(stage))
    judge_profiles(entries, verdict)
    report.profiles_late = written_late(entries[PROFILES])[:LISTED_LATE]
    _dead_letters(stage, report, verdict)
    if any(report.lag.values()):
        verdict.blame("not drained", report.lag)
    for complaint in stage.complaints:
        verdict.blame("the fault itself", complaint)
    _audit(stage, report, verdict)
    note_open_sends(entries, report.kills)
    report.urgent_ms = urgent(stage.load.urgent_at, entries, report.fault)
    if stage.outbox:
        report.fault |= stage.outbox.said
    report.campaign_s = round((max(e.timestamp for e in entries[STATUS]) - min(e.timestamp for e in entries[REQUESTS])) / 1000, 1)
    further(verdict)
    report.verdict, report.holds = verdict.report(), verdict.holds
    report.memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    report.line = _line(report, verdict)


def _dead_letters(stage: Stage, report: Report, verdict: Verdict) -> None:
    """Every record that was to be refused is there, and nothing else."""
    letters: dict[tuple[str, int, int], Any] = {}
    for entry in stage.view.entries[DLQ]:
        letter: Any = entry.record
        letters[letter.topic, letter.partition, letter.offset] = letter
    planted = stage.load.poisoned
    for place in letters.keys() - planted.keys():
        verdict.blame("dead letters", letters[place])
    for place, sum_ in planted.items():
        if place not in letters:
            verdict.blame("poison that is no dead letter", place)
        elif crc32(letters[place].value or b"") != sum_:
            verdict.blame("dead letters with other bytes", place)
    report.dead_letters = [str(letter)[:400] for letter in list(letters.values())[:10]]
    if planted:
        report.fault |= {"poison": len(planted), "dead_letters": len(letters), "written_again": len(stage.view.entries[DLQ]) - len(letters)}


def _audit(stage: Stage, report: Report, verdict: Verdict) -> None:
    """The product's own checker on the same log, and the stores; None when it is not there or could not end, and why is said."""
    try:
        found = importlib.import_module("ops.audit.run").audit_log(stage.endpoints.kafka, stage.endpoints.registry)
        if stage.plan.projects:
            report.stores = judge_stores(found, replace(stage.endpoints, home=str(stage.workers.home)), verdict)
    except Exception as error:  # the oracle's verdict must not be lost with it
        report.audit_examples = [f"the audit could not be run: {error!r}"[:400]]
        if stage.plan.projects:
            verdict.blame("stores not compared", error)
        return
    violations = found.violations
    report.audit_violations = len(violations)
    report.audit_examples = [str(each)[:400] for each in violations[:10]]
    for violation in violations:
        verdict.blame("audit", violation)


def _line(report: Report, verdict: Verdict) -> dict[str, Any]:
    took = [each["recovery_s"] for each in report.kills if each["recovery_s"] is not None]
    return {
        "kills": len(report.kills),
        "in_flight_kills": sum(bool(each["ready"] and each["left"]) for each in report.kills),
        "attempts": verdict.sandbox_received,
        "lost": verdict.wrong.get("lost", 0),
        "doubled": verdict.wrong.get("sent twice and not listed", 0) + verdict.wrong.get("recipients with two statuses", 0),
        "unknown": verdict.by_status.get("unknown", 0),
        "audit_violations": report.audit_violations,
        "seed": report.plan["seed"],
        "recovery_p50_s": round(median(took), 2) if took else None,
        "recovery_max_s": max(took, default=None),
        "in_start_up_kills": sum(not each["ready"] for each in report.kills),
        "open_send_kills": sum(bool(each["ready"] and each["open_sends"]) for each in report.kills),
        "recipients": verdict.expected,
        "duplicates_listed": verdict.sandbox_duplicates if "sent twice and not listed" not in verdict.wrong else None,
        "holds": report.holds,
    }


def _ask_sandbox(stage: Stage) -> SandboxSays:
    asked = {entry.record.notification.notification_id for entry in stage.view.entries[REQUESTS] if entry.record}  # type: ignore[attr-defined]
    says = SandboxSays(0, {}, set())
    for sandbox in {stage.sandbox, stage.other}:
        with httpx.Client(base_url=sandbox.base_url, timeout=30) as client:
            _ask(client, asked, says)
    return says


def _ask(client: httpx.Client, asked: Iterable[str], says: SandboxSays) -> None:
    """Add what one of them counted."""
    total = client.get("/v1/stats").json()
    if total["duplicates"] > LISTED:
        raise RuntimeError(f"{total['duplicates']} repeated arrivals, {LISTED} can be judged: take fewer users")
    says.received += total["received"]
    twice = client.get("/v1/duplicates", params={"limit": LISTED}).json()
    says.duplicates |= {(each["notification_id"], each["channel"], each["user_id"]) for each in twice}
    for notification in asked:
        for channel, tally in client.get(f"/v1/received/{notification}").json()["channels"].items():
            says.reached[notification, channel] = tally["distinct"]
