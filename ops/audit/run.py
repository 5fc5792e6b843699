"""`audit_log`: the whole audit of a log. First what belongs to many partitions, then each partition by itself, as many at once as cores.

Ends are taken from the last step to the first, so that whatever is seen has its cause in what is read.
"""

import gc
import multiprocessing
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from typing import NamedTuple

import msgspec

from ops.audit.log import Log, Position, Span, only, opened
from ops.audit.model import SLACK_MS, Place, Terms
from ops.audit.partition import PartitionAudit, PartitionResult, concluded
from ops.audit.profiles import Version
from ops.audit.report import Findings, Report
from ops.audit.requests import Asked, Chunks, Expansions, Requests
from schemas.partition import partition_of
from schemas.records import AudienceExpanded, DeliverBatch, ExpandAudience, LedgerEntry, NotificationRequested, StatusBatch
from schemas.topics import DLQ, EXPANSIONS, FANOUTS, PROFILES, REQUESTS, STATUS, deliver_topic

DELIVER, LEDGER = "notify.deliver.", "notify.ledger."
CLOCK_SLACK_MS = 60_000
FEW_RECORDS = 20_000
"""Up to so many one process is faster than starting others."""


class Job(NamedTuple):
    """All that a process needs to audit one partition."""

    kafka: str
    registry: str
    partition: int
    partitions: int
    terms: Terms
    asked: Mapping[str, Asked]
    chunks: Chunks
    spans: Mapping[Position, Span]


def audit_log(
    kafka: str,
    registry: str,
    *,
    notification: str | None = None,
    since_ms: int | None = None,
    settled: bool = False,
    slack_ms: int = SLACK_MS,
    processes: int | None = None,
) -> Report:
    """Audit the log at `kafka` (bootstrap servers; `registry`: URL), of one notification or of those accepted since `since_ms`.

    `settled`: the caller knows that nothing is under way, so whoever is still pending is a violation. `slack_ms`: how much older than the
    last one the profile of a send may be. `processes`: None: as many as there are cores, or one for a small log.
    Raises KafkaException, RegistryUnavailable, NotRegistered, LogStalled.
    """
    began = time.monotonic()
    terms = Terms(now_ms=time.time_ns() // 1_000_000, slack_ms=slack_ms, settled=settled, partial=bool(notification or since_ms))
    findings = Findings()
    with opened(kafka, registry) as log:
        spans, partitions = _spans(log)
        lows = {place: span.low for place, span in spans.items()}
        terms = msgspec.structs.replace(terms, lows=lows, held=_held(log, spans))
        spans = _narrowed(log, spans, notification, since_ms)
        requests = _requests(log, spans, terms, findings, partitions, notification, since_ms)
        if notification:
            spans = _of_one(log, spans, requests.asked.get(notification))
        chunks = _chunks(log, spans, terms, findings, requests.asked)
    jobs = list(_jobs(kafka, registry, partitions, terms, requests.asked, chunks, spans))
    report = concluded(terms, findings, requests.asked, _worked(jobs, spans, processes))
    report.seconds = round(time.monotonic() - began, 2)
    return report


def audit_partition(job: Job) -> PartitionResult:
    """The audit of one partition, by a consumer of its own."""
    gc.disable()  # a million small objects without a cycle: looking for one takes longer than all the rest
    try:
        with opened(job.kafka, job.registry) as log:
            return _partition(log, job)
    finally:
        gc.enable()


def _partition(log: Log, job: Job) -> PartitionResult:
    audit = PartitionAudit(job.partition, job.partitions, job.terms, job.asked, job.chunks)
    held, spans = job.terms.held, job.spans
    for message in log.messages(only(spans, [PROFILES])):
        offset = int(message.offset() or 0)
        if not held or Place(PROFILES, job.partition, offset) not in held:
            audit.profile((message.key() or b"").decode(errors="replace"), Version(offset, message.timestamp()[1], len(message) == 0))
    for entry in log.entries(only(spans, FANOUTS), ExpandAudience):
        audit.command(entry)
    names = {topic for topic, _ in spans}
    for entry in log.entries(only(spans, [name for name in names if name.startswith(DELIVER)]), DeliverBatch):
        audit.batch(entry)
    for entry in log.entries(only(spans, [name for name in names if name.startswith(LEDGER)]), LedgerEntry):
        audit.ledger(entry)
    for entry in log.entries(only(spans, [STATUS]), StatusBatch):
        audit.status(entry)
    return audit.result()


def _spans(log: Log) -> tuple[dict[Position, Span], int]:
    """What there is, and how many partitions the users are spread over."""
    topics = log.topics("notify.")
    last_first = [STATUS, *(t for t in topics if t.startswith(LEDGER)), *(t for t in topics if t.startswith(DELIVER)), EXPANSIONS, *FANOUTS]
    names = [*last_first, REQUESTS, PROFILES, DLQ]
    return {(topic, number): log.span(topic, number) for topic in names for number in range(topics.get(topic, 0))}, topics.get(STATUS, 0)


def _held(log: Log, spans: Mapping[Position, Span]) -> frozenset[Place]:
    """The places that dead letters come from, by their keys."""
    found = set()
    for message in log.messages(only(spans, [DLQ])):
        topic, _, rest = (message.key() or b"").decode(errors="replace").partition("/")
        partition, _, offset = rest.partition("/")
        if partition.isdecimal() and offset.isdecimal():
            found.add(Place(topic, int(partition), int(offset)))
    return frozenset(found)


def _narrowed(log: Log, spans: dict[Position, Span], notification: str | None, since_ms: int | None) -> dict[Position, Span]:
    """The spans that can tell of what was asked for. Profiles and ledgers are compacted: of those all is needed."""
    if since_ms is not None:
        timed = {place: span for place, span in spans.items() if place[0] != PROFILES and not place[0].startswith(LEDGER)}
        spans = spans | log.since(timed, since_ms - CLOCK_SLACK_MS)
    return spans


def _of_one(log: Log, spans: dict[Position, Span], asked: Asked | None) -> dict[Position, Span]:
    """The spans that can tell of one notification."""
    if asked is None:
        return {}
    delivers = [deliver_topic(channel, asked.priority) for channel in asked.channels]
    ledgers = [topic.replace(DELIVER, LEDGER, 1) for topic in delivers]
    timed = only(spans, [*delivers, EXPANSIONS, *FANOUTS, STATUS])
    return only(spans, [PROFILES, *ledgers]) | log.since(timed, asked.timestamp - CLOCK_SLACK_MS)


def _requests(
    log: Log,
    spans: Mapping[Position, Span],
    terms: Terms,
    findings: Findings,
    partitions: int,
    notification: str | None,
    since_ms: int | None,
) -> Requests:
    requests = Requests(terms, findings, partitions)
    home = partition_of(notification, partitions) if notification else None
    for entry in log.entries(only(spans, [REQUESTS], home), NotificationRequested):
        other = notification is not None and entry.key != notification.encode()
        early = since_ms is not None and entry.record is not None and entry.record.notification.accepted_at < since_ms
        if not other and not early:
            requests.note(entry)
    return requests


def _chunks(log: Log, spans: Mapping[Position, Span], terms: Terms, findings: Findings, asked: Mapping[str, Asked]) -> Mapping[int, Chunks]:
    expansions = Expansions(terms, findings, asked)
    for entry in log.entries(only(spans, [EXPANSIONS]), AudienceExpanded):
        expansions.note(entry)
    return expansions.chunks


def _jobs(
    kafka: str,
    registry: str,
    partitions: int,
    terms: Terms,
    asked: Mapping[str, Asked],
    chunks: Mapping[int, Chunks],
    spans: Mapping[Position, Span],
) -> Iterator[Job]:
    for number in range(partitions):
        mine = {it: _at_home(one, number) for it, one in asked.items() if number in one.planned}
        topics = {topic for topic, _ in spans} - {REQUESTS, EXPANSIONS, DLQ}
        yield Job(kafka, registry, number, partitions, terms, mine, chunks.get(number, {}), only(spans, topics, number))


def _at_home(asked: Asked, number: int) -> Asked:
    return asked if asked.homes is None else asked._replace(homes={number: asked.homes.get(number, [])})


def _worked(jobs: list[Job], spans: Mapping[Position, Span], processes: int | None) -> Iterable[PartitionResult]:
    wanted = processes or (1 if sum(span.stop - span.start for span in spans.values()) < FEW_RECORDS else os.cpu_count() or 1)
    if wanted == 1:
        return list(map(audit_partition, jobs))
    with ProcessPoolExecutor(min(wanted, len(jobs)), multiprocessing.get_context("spawn")) as pool:
        return list(pool.map(audit_partition, jobs))
