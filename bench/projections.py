"""How fast the projections write, and in how much memory: `python -m bench.projections [recipients]`.

Puts the status batches of one campaign on topics of its own (as the audience and delivery steps write them: of 1000 users, in order of
their buckets), runs each projection over them in a fresh process, once with a tenth and once with all, and reads the counts back.
"""

import json
import multiprocessing
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import psutil
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

from ops.endpoints import Endpoints
from projections.cassandra.connect import connected
from projections.cassandra.reader import Reader
from projections.clickhouse.reader import Analytics
from projections.run import run
from projections.settings import INPUTS, Settings
from projections.sinks import contact, engine
from schemas.clients import producer_config
from schemas.codec import Codec
from schemas.ids import batch_id, notification_id, status_id
from schemas.partition import bucket_of
from schemas.provision import apply_topics, register_schemas, subjects
from schemas.records import Audience, AudienceExpanded, Notification, NotificationRequested, Outcome, Priority, Record, StatusBatch
from schemas.registry import ConfluentRegistry
from schemas.topics import DEFAULT_PARTITIONS, DLQ, EXPANSIONS, REQUESTS, STATUS, catalogue

CHUNK = 1000
P = DEFAULT_PARTITIONS
PREFIX = f"bench-{uuid.uuid4().hex[:8]}"


def settings() -> Settings:
    """Topics, groups, keyspace and database of this run alone."""
    name = PREFIX.replace("-", "_")
    inputs = {f"{PREFIX}.{topic}": kind for topic, kind in INPUTS.items()}
    return Settings(inputs=inputs, dlq=f"{PREFIX}.{DLQ}", group_prefix=PREFIX, keyspace=name, database=name)


def campaign(name: str, recipients: int) -> Iterator[tuple[str, int, Record]]:
    """(topic, partition, record) of a campaign: everybody by push, one in twenty suppressed."""
    now = time.time_ns() // 1_000_000
    told = Notification(
        notification_id("bench", name), "campaign", "api:bench", name, "spring-sale", 3, "promotional", Priority.LOW, ["push"],
        {"title": "Spring"}, now, now,
    )  # fmt: skip
    yield REQUESTS, 0, NotificationRequested(told, Audience(expression="all"), name)
    shares: list[list[tuple[int, str]]] = [[] for _ in range(P)]
    for i in range(recipients):
        user = f"user-{i:08d}"
        bucket = bucket_of(user)
        shares[bucket % P].append((bucket, user))
    for partition, share in enumerate(shares):
        users = [user for _, user in sorted(share)]
        for chunk, start in enumerate(range(0, len(users), CHUNK)):
            last = start + CHUNK >= len(users)
            yield from _chunk(told, partition, chunk, users[start : start + CHUNK], last, now)


def _chunk(told: Notification, partition: int, chunk: int, users: list[str], last: bool, now: int) -> Iterator[tuple[str, int, Record]]:
    batch = batch_id(told.notification_id, partition, chunk, "push")
    suppressed = users[::20]
    sent = [user for i, user in enumerate(users) if i % 20]
    yield EXPANSIONS, partition, AudienceExpanded(
        told.notification_id, partition, chunk, P, last, len(users), {"push": len(sent)}, {"push": len(suppressed)}, now + chunk, chunk
    )  # fmt: skip
    for kind, some, outcome in (("suppressed", suppressed, Outcome("suppressed", "quiet_hours")), ("sent", sent, Outcome("sent"))):
        yield STATUS, partition, StatusBatch(
            status_id=status_id(batch, kind), notification=told, channel="push", batch_id=batch, provider="fcm" if kind == "sent" else "",
            attempt=int(kind == "sent"), users=some, outcomes=[outcome], outcome_of=[0] * len(some),
            provider_message_ids=[f"projects/shop/messages/{uuid.uuid4().hex}" for _ in some] if kind == "sent" else [],
            profile_offsets=list(range(chunk * CHUNK, chunk * CHUNK + len(some))), policy_version="2026-11", at=now + chunk,
            caused_by_topic="notify.fanout", caused_by_partition=partition, caused_by_offset=chunk,
        )  # fmt: skip


def feed(endpoints: Endpoints, mine: Settings, name: str, recipients: int) -> str:
    """Put a campaign on the topics; returns its notification id."""
    registry = ConfluentRegistry(endpoints.registry)
    register_schemas(registry, endpoints.registry, catalogue())
    wanted = [replace(topic, name=f"{PREFIX}.{topic.name}") for topic in catalogue() if topic.name in {*INPUTS, DLQ}]
    apply_topics(AdminClient({"bootstrap.servers": endpoints.kafka}), wanted)
    codec, producer = Codec(registry, subjects(catalogue())), Producer(producer_config(endpoints.kafka))
    for topic, partition, record in campaign(name, recipients):
        producer.produce(f"{PREFIX}.{topic}", codec.encode(record), partition=partition)
        producer.poll(0)
    if producer.flush(60):
        raise SystemExit("the feed could not be written")
    return notification_id("bench", name)


def measure(sink: str, endpoints: Endpoints, mine: Settings, queue: Any) -> None:
    """In a process of its own: run the projection to the end of the topics, and say what it took."""
    before, times = psutil.Process().cpu_times(), [time.monotonic()]
    records = run([sink], endpoints, mine, until_end=True, ready=lambda: times.append(time.monotonic()))[sink]
    cpu = psutil.Process().cpu_times()
    queue.put({
        "records": records,
        "seconds": time.monotonic() - times[-1],
        "cpu_s": cpu.user + cpu.system - before.user - before.system,
        "peak_mb": peak_mb(),
    })  # fmt: skip


def peak_mb() -> float:
    """The most memory this process had at once. Not ru_maxrss: that counts what the parent had when it forked."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def in_process(sink: str, endpoints: Endpoints, mine: Settings) -> dict[str, float]:
    """`measure` in a fresh interpreter."""
    context = multiprocessing.get_context("spawn")
    queue: Any = context.Queue()
    process = context.Process(target=measure, args=(sink, endpoints, mine, queue))
    process.start()
    answer: dict[str, float] = queue.get(timeout=600)
    process.join(60)
    return answer


def cassandra_cpu(endpoints: Endpoints) -> float:
    """CPU seconds of the local Cassandra, if it is on this machine."""
    pid_file = Path(endpoints.home) / "run" / "cassandra.pid"
    try:
        cpu = psutil.Process(json.loads(pid_file.read_text())["pid"]).cpu_times()
    except (OSError, ValueError, psutil.Error):
        return 0.0
    return float(cpu.user + cpu.system)


def main(recipients: int) -> None:
    """Both sinks, a tenth first and then all."""
    with tempfile.TemporaryDirectory() as folder:
        endpoints = msgspec.structs.replace(Endpoints.load(), clickhouse=f"chdb:///{folder}/engine", home=folder)
        mine, real_home = settings(), Endpoints.load()
        try:
            for number in (recipients // 10, recipients):
                notification = feed(endpoints, mine, f"campaign-{number}", number)
                for sink in ("cassandra", "clickhouse"):
                    jvm = cassandra_cpu(real_home)
                    figures = in_process(sink, endpoints, mine)
                    figures |= {"recipients": number, "recipients_per_s": number / figures["seconds"]}
                    if sink == "cassandra":
                        figures["jvm_cpu_s"] = cassandra_cpu(real_home) - jvm
                    print(sink, json.dumps({k: round(v, 1) for k, v in figures.items()}), flush=True)  # noqa: T201
                check(endpoints, mine, notification)
        finally:
            clean(endpoints, mine)


def check(endpoints: Endpoints, mine: Settings, notification: str) -> None:
    """Read the counts back from both."""
    reader = Reader.open(contact(endpoints, mine))
    started = time.monotonic()
    print("cassandra_recipients", reader.counts(notification), f"{time.monotonic() - started:.2f} s")  # noqa: T201
    reader.close()
    analytics = Analytics.open(engine(endpoints, mine), endpoints.home)
    started = time.monotonic()
    print("clickhouse", analytics.funnel(notification), f"{time.monotonic() - started:.2f} s")  # noqa: T201
    analytics.close()


def clean(endpoints: Endpoints, mine: Settings) -> None:
    """Remove the topics and the keyspace."""
    admin = AdminClient({"bootstrap.servers": endpoints.kafka})
    for future in admin.delete_topics([*mine.inputs, mine.dlq]).values():
        future.result(30)
    with connected(contact(endpoints, mine)) as session:
        session.execute(f'DROP KEYSPACE IF EXISTS "{mine.keyspace}"', timeout=60)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
