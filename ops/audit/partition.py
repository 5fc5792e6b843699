"""The audit of one partition: its parts, put together; and what all partitions come to. Pure."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from ops.audit.batches import Handed
from ops.audit.commands import Commands
from ops.audit.digests import Digests
from ops.audit.holds import Holds
from ops.audit.ledger import Ledger
from ops.audit.model import OVERTAKEN_AGE_MS, SCHEDULE_LATE_MS, Entry, Terms
from ops.audit.profiles import Profiles, Version
from ops.audit.report import ChannelSums, Findings, NotificationSums, Report
from ops.audit.requests import Asked, Chunks
from ops.audit.sends import Sends
from ops.audit.statuses import Statuses
from ops.audit.sums import PartitionSums, Sums, merged


class PartitionResult(NamedTuple):
    """`commanded`: notifications with a command here. `finished`: those whose last chunk was told of."""

    partition: int
    findings: Findings
    sums: Sums
    commanded: set[str]
    finished: set[str]
    records: int


class PartitionAudit:
    """Is fed topic by topic, in the log's order: profiles, commands, batches, ledgers, statuses; then asked for its `result`."""

    def __init__(self, partition: int, partitions: int, terms: Terms, asked: Mapping[str, Asked], chunks: Chunks) -> None:
        self._partition, self._terms, self._asked = partition, terms, asked
        self._chunks = {step: chunk for step, chunk in chunks.items() if step[0] in asked}
        self.findings = Findings()
        self.profiles = Profiles()
        self.commands = Commands(partition, terms, self.findings, asked)
        self._handed = Handed(partition, partitions, terms, self.findings, asked, self.commands, self.profiles)
        self._ledgers: dict[str, Ledger] = {}
        sends = Sends(terms, self.findings, self._ledgers, self.profiles)
        self._holds = Holds(terms, self.findings)
        controls = self.commands.controls
        self._digests = Digests(terms, self.findings, controls, asked)
        self._statuses = Statuses(terms, self.findings, self._handed, self._holds, self._digests, sends, controls, frozenset(asked))
        self.records = 0

    def profile(self, user: str, version: Version) -> None:
        """A record of notify.profiles."""
        self.records += 1
        self.profiles.note(user, version)

    def command(self, entry: Entry) -> None:
        """A record of a fan-out lane."""
        self.records += 1
        self.commands.note(entry)

    def batch(self, entry: Entry) -> None:
        """A record of a deliver topic."""
        self.records += 1
        self._handed.note(entry)

    def ledger(self, entry: Entry) -> None:
        """A record of a ledger topic."""
        self.records += 1
        topic = entry.place.topic
        if topic not in self._ledgers:
            self._ledgers[topic] = Ledger(self.findings, self._terms.lows.get((topic, self._partition), 0))
        self._ledgers[topic].note(entry)

    def status(self, entry: Entry) -> None:
        """A record of notify.status."""
        self.records += 1
        self._statuses.note(entry)

    def result(self) -> PartitionResult:
        """What it all comes to."""
        frontiers = self.commands.check(self._chunks)
        self._holds.check(self.commands, self._chunks)
        self._digests.check(self._partition)
        self._handed.check_tries()
        sums = PartitionSums(self._terms, self.findings, self._asked, self._handed, self._statuses, self.commands).add_up(
            self._chunks, frontiers
        )
        finished = {step[0] for step, chunk in self._chunks.items() if chunk.told.last}
        commanded = {step[0] for step in self.commands.known}
        return PartitionResult(self._partition, self.findings, sums, commanded, finished, self.records)


def concluded(terms: Terms, findings: Findings, asked: Mapping[str, Asked], results: Iterable[PartitionResult]) -> Report:
    """The report on all partitions; `findings`: what was found before them."""
    parts = list(results)
    for part in parts:
        findings.add(part.findings)
    _planned(terms, findings, asked, parts)
    found = _notifications(asked, parts, merged(part.sums for part in parts))
    _sums(findings, asked, found)
    return Report(
        violations=findings.violations,
        counts=dict(findings.counts),
        notifications=found,
        not_checkable=dict(findings.not_checkable),
        profiles_behind=findings.behind,
        records=sum(part.records for part in parts),
    )


def _planned(terms: Terms, findings: Findings, asked: Mapping[str, Asked], parts: list[PartitionResult]) -> None:
    """Each request has a command on each of its partitions; one that has none at all may be waiting for the planner, or for its time."""
    commanded: dict[str, set[int]] = {}
    for part in parts:
        for notification in part.commanded:
            commanded.setdefault(notification, set()).add(part.partition)
    frontiers: dict[int, int] = {}
    for notification in commanded:
        if (one := asked.get(notification)) is not None:
            frontiers[one.place.partition] = max(frontiers.get(one.place.partition, -1), one.place.offset)
    for notification, one in asked.items():
        missing = one.planned - commanded.get(notification, set())
        if one.due and terms.now_ms < one.due + (0 if terms.settled else SCHEDULE_LATE_MS):
            continue
        if one.parts is not None and one.parts.missing:
            if terms.settled and not one.parts.refused:
                findings.blame("part_missing", f"{notification}: {one.parts.missing} users are named by no part of its list", one.place)
            continue
        offset, timestamp = (one.parts.offset, one.parts.timestamp) if one.parts is not None else (one.place.offset, one.timestamp)
        old = timestamp < terms.now_ms - OVERTAKEN_AGE_MS and notification in commanded
        if missing and (old or terms.passed(offset, timestamp, frontiers.get(one.place.partition, -1))):
            said = f"{notification}: no command on partition {', '.join(map(str, sorted(missing)))} of {len(one.planned)}"
            findings.blame("command_missing", said, one.place)


def _notifications(asked: Mapping[str, Asked], parts: list[PartitionResult], sums: Sums) -> dict[str, NotificationSums]:
    finished: dict[str, int] = {}
    for part in parts:
        for notification in part.finished:
            finished[notification] = finished.get(notification, 0) + 1
    found = {
        notification: NotificationSums(
            notification, finished.get(notification, 0) >= len(one.planned), {channel: ChannelSums() for channel in one.channels}
        )
        for notification, one in asked.items()
    }
    for (notification, channel), channel_sums in sums.items():
        found.setdefault(notification, NotificationSums(notification)).channels[channel] = channel_sums
    return found


def _sums(findings: Findings, asked: Mapping[str, Asked], found: Mapping[str, NotificationSums]) -> None:
    for notification, one in found.items():
        request = asked.get(notification)
        for channel, sums in one.channels.items():
            if request is not None and sums.difference:
                said = f"{notification} {channel}: audience {sums.audience:,}, outcomes {sums.outcomes}, pending {sums.pending:,}"
                findings.blame("sum", f"{said}: {sums.difference:+,}", request.place)
