"""The audit of each partition by itself: a consumer, and on a large log a process, of its own. As many at once as there are cores."""

import gc
import multiprocessing
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from typing import NamedTuple

from ops.audit.gather import Gathered
from ops.audit.log import Log, Position, Span, only, opened
from ops.audit.model import Place, Terms
from ops.audit.partition import PartitionAudit, PartitionResult
from ops.audit.profiles import Version
from ops.audit.requests import Asked, Chunks
from ops.audit.scope import DELIVER, LEDGER
from schemas.records import ChannelEnded, ChannelOverdue, ControlCampaign, DeliverBatch, ExpandAudience, LedgerEntry, StatusBatch
from schemas.topics import DLQ, EXPANSIONS, FANOUTS, PROFILES, REQUESTS, STATUS

FEW_RECORDS = 20_000
"""Up to so many one process is faster than starting others."""


class Job(NamedTuple):
    """All that a process needs to audit one partition. `kafka`: bootstrap servers; `registry`: URL."""

    kafka: str
    registry: str
    partition: int
    partitions: int
    terms: Terms
    asked: Mapping[str, Asked]
    chunks: Chunks
    spans: Mapping[Position, Span]


def jobs(kafka: str, registry: str, shared: Gathered) -> Iterator[Job]:
    """A job for each partition, with what belongs to it."""
    topics = {topic for topic, _ in shared.spans} - {REQUESTS, EXPANSIONS, DLQ}
    for number in range(shared.partitions):
        mine = {it: _at_home(one, number) for it, one in shared.asked.items() if number in one.planned}
        spans = only(shared.spans, topics, number)
        yield Job(kafka, registry, number, shared.partitions, shared.terms, mine, shared.chunks.get(number, {}), spans)


def worked(waiting: list[Job], processes: int | None = None) -> list[PartitionResult]:
    """What the jobs come to. `processes`: None: as many as there are cores, or one for a small log."""
    records = sum(span.stop - span.start for job in waiting for span in job.spans.values())
    wanted = processes or (1 if records < FEW_RECORDS else os.cpu_count() or 1)
    if wanted == 1:
        return list(map(audit_partition, waiting))
    with ProcessPoolExecutor(min(wanted, len(waiting)), multiprocessing.get_context("spawn")) as pool:
        return list(pool.map(audit_partition, waiting))


def audit_partition(job: Job) -> PartitionResult:
    """The audit of one partition, by a consumer of its own."""
    gc.disable()  # a million small objects without a cycle: looking for one takes longer than all the rest
    try:
        with opened(job.kafka, job.registry) as log:
            return _read(log, job)
    finally:
        gc.enable()


def _read(log: Log, job: Job) -> PartitionResult:
    audit = PartitionAudit(job.partition, job.partitions, job.terms, job.asked, job.chunks)
    _profiles(log, job, audit)
    names = {topic for topic, _ in job.spans}
    for topics, kinds, note in (
        (FANOUTS, (ExpandAudience, ControlCampaign, ChannelEnded, ChannelOverdue), audit.command),
        ([name for name in names if name.startswith(DELIVER)], (DeliverBatch,), audit.batch),
        ([name for name in names if name.startswith(LEDGER)], (LedgerEntry,), audit.ledger),
        ([STATUS], (StatusBatch,), audit.status),
    ):
        for entry in log.entries(only(job.spans, topics), *kinds):
            note(entry)
    return audit.result()


def _profiles(log: Log, job: Job, audit: PartitionAudit) -> None:
    """Of profiles only keys and times are needed: a million need not be decoded."""
    held = job.terms.held
    for message in log.messages(only(job.spans, [PROFILES])):
        offset = int(message.offset() or 0)
        if not held or Place(PROFILES, job.partition, offset) not in held:
            audit.profile((message.key() or b"").decode(errors="replace"), Version(offset, message.timestamp()[1], len(message) == 0))


def _at_home(asked: Asked, number: int) -> Asked:
    return asked if asked.homes is None else asked._replace(homes={number: asked.homes.get(number, [])})
