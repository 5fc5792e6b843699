"""Timers on a real log: written when they are due and not before, moved, taken back, and none lost or changed when the worker is killed."""

import time
import uuid
from collections.abc import Iterator

import pytest
from confluent_kafka import Consumer, TopicPartition

from schemas.clients import consumer_config
from schemas.clock import now_ms
from schemas.partition import partition_of
from schemas.records import Audience, DeadLetter, NotificationRequested, Output, SetTimer
from schemas.topics import DEFAULT_PARTITIONS, DLQ, FEEDBACK, TIMERS
from tests.integration.streams.conftest import Pipeline
from tests.integration.streams.test_pipeline import became, name, put_profile
from tests.unit.streams import make

WORKER = "timers"
ROUNDS, OF_EACH, AHEAD_MS = 3, 400, 2000
LONG_MS = 15_000
"""In which all can be said on a machine that is busy."""


class Written:
    """What timers wrote to a topic that nobody reads: by key, in which bytes and when."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._consumer = Consumer(dict(consumer_config(pipeline.endpoints.kafka, "test")))
        self._consumer.assign([TopicPartition(FEEDBACK, partition, 0) for partition in range(DEFAULT_PARTITIONS)])
        self.found: dict[str, list[tuple[int, bytes | None, int]]] = {}

    def read(self) -> None:
        """Note what has come."""
        for message in self._consumer.consume(1000, timeout=0.1):
            assert message.error() is None, message.error()
            record = (int(message.partition() or 0), message.value(), int(message.timestamp()[1]))
            self.found.setdefault((message.key() or b"").decode(), []).append(record)

    def of(self, prefix: str) -> dict[str, list[tuple[int, bytes | None, int]]]:
        """Those whose key begins so."""
        self.read()
        return {key: records for key, records in self.found.items() if key.startswith(prefix)}

    def close(self) -> None:
        """Read no more."""
        self._consumer.close()


@pytest.fixture
def written(pipeline: Pipeline) -> Iterator[Written]:
    made = Written(pipeline)
    yield made
    made.close()


def put(
    pipeline: Pipeline, timer_id: str, due: int, value: bytes | None = b"v", *, taken_back: bool = False, partition: int | None = None
) -> tuple[int, int]:
    """Set a timer, in the partition of its id when no other is named; returns where the record of it is."""
    partition = partition_of(timer_id, DEFAULT_PARTITIONS) if partition is None else partition
    write = None if taken_back else Output(topic=FEEDBACK, partition=partition, key=timer_id.encode(), value=value)
    return pipeline.log.write(TIMERS, SetTimer(timer_id, due, "test", write), key=timer_id, partition=partition)


def test_each_is_written_once_in_its_bytes_and_not_early(pipeline: Pipeline, written: Written) -> None:
    mine, now = name("t"), now_ms()
    due = {f"{mine}.{number}": now + number * 20 for number in range(-5, 100)}
    for timer_id, at in due.items():
        put(pipeline, timer_id, at, f"at {at}".encode())
    found = pipeline.log.until(lambda: some if len(some := written.of(mine)) == len(due) else None, "not all were written")
    for timer_id, records in found.items():
        ((partition, value, at),) = records
        assert (partition, value) == (partition_of(timer_id, DEFAULT_PARTITIONS), f"at {due[timer_id]}".encode())
        assert at >= due[timer_id]


def test_the_last_word_counts(pipeline: Pipeline, written: Written) -> None:
    mine, now = name("t"), now_ms()
    far = now + 3_600_000
    put(pipeline, f"{mine}.sooner", far, b"first")
    put(pipeline, f"{mine}.sooner", now + 1000, b"moved")
    put(pipeline, f"{mine}.back", now + LONG_MS)
    put(pipeline, f"{mine}.back", now + LONG_MS, taken_back=True)
    put(pipeline, f"{mine}.tombstone", now + 1000, None)
    put(pipeline, f"{mine}.after", now + LONG_MS)
    partition_of_back = partition_of(f"{mine}.back", DEFAULT_PARTITIONS)
    put_in = next(key for n in range(999) if partition_of(key := f"{mine}.{n}", DEFAULT_PARTITIONS) == partition_of_back)
    put(pipeline, put_in, now + LONG_MS + 500)  # of the same partition: when it is written the one that was taken back would have been
    pipeline.log.until(lambda: {put_in, f"{mine}.after", f"{mine}.sooner", f"{mine}.tombstone"} <= written.of(mine).keys(), "not all came")
    assert {key: [value for _, value, _ in records] for key, records in written.of(mine).items()} == {
        f"{mine}.sooner": [b"moved"],
        f"{mine}.tombstone": [None],
        f"{mine}.after": [b"v"],
        put_in: [b"v"],
    }


def test_killed_while_they_are_set_and_while_they_fire_none_is_lost_or_changed(pipeline: Pipeline, written: Written) -> None:
    mine, due = name("t"), dict[str, int]()
    for turn in range(ROUNDS):
        began = now_ms()
        for number in range(OF_EACH):
            timer_id = f"{mine}.{turn}.{number}"
            due[timer_id] = began + AHEAD_MS + number * 5
            put(pipeline, timer_id, due[timer_id], f"at {due[timer_id]}".encode())
            if number == OF_EACH // 2:
                pipeline.workers.kill(WORKER)
        pipeline.log.until(lambda: len(written.of(mine)) >= len(due) - OF_EACH // 2, "they do not fire")
        pipeline.workers.kill(WORKER)
    pipeline.log.until(lambda: written.of(mine).keys() >= due.keys(), "some were lost")
    found = written.of(mine)
    assert found.keys() == due.keys()
    assert {key: {value for _, value, _ in records} for key, records in found.items()} == {
        key: {f"at {at}".encode()} for key, at in due.items()
    }
    assert all(at >= due[key] for key, records in found.items() for _, _, at in records)


def test_what_waits_outlives_the_worker_and_what_was_taken_back_stays_so(pipeline: Pipeline, written: Written) -> None:
    """While nobody works their time comes; then they fire at once."""
    mine, now = name("t"), now_ms()
    pipeline.log.until(lambda: pipeline.workers.ready(WORKER), "not ready")
    due = {f"{mine}.{number}": now + LONG_MS + number for number in range(50)}
    for timer_id, at in due.items():
        put(pipeline, timer_id, at)
        put(pipeline, f"back.{timer_id}", at)
        put(pipeline, f"back.{timer_id}", at, taken_back=True)
    for partition in range(DEFAULT_PARTITIONS):  # what was written before it is had by then
        put(pipeline, f"had.{mine}.{partition}", 0, partition=partition)
    pipeline.log.until(lambda: len(written.of(f"had.{mine}")) == DEFAULT_PARTITIONS, "not read")
    pipeline.workers.end([WORKER])
    assert now_ms() < min(due.values()), "on so slow a machine this says nothing"
    pipeline.log.until(lambda: now_ms() > max(due.values()), "time does not pass")
    pipeline.workers.start([WORKER])
    pipeline.log.until(lambda: written.of(mine).keys() >= due.keys(), "some were lost")
    pipeline.log.until(lambda: pipeline.workers.ready(WORKER), "not ready")
    assert written.of(f"back.{mine}") == {}


def test_a_request_may_be_a_timer_s(pipeline: Pipeline) -> None:
    user, nid, due = name("ann"), str(uuid.uuid4()), now_ms() + 1500
    put_profile(pipeline, user, email="ann@example.com")
    about = make.notification(notification_id=nid, accepted_at=now_ms(), occurred_at=now_ms(), channels=["email"])
    request = pipeline.log.codec.encode(NotificationRequested(about, Audience([user]), nid))
    write = Output(topic="notify.requests", key=nid.encode(), value=request)
    pipeline.log.write(TIMERS, SetTimer(nid, due, "schedule", write), key=nid, partition=partition_of(user, DEFAULT_PARTITIONS))
    assert became(pipeline, nid, 1) == {(user, "email"): ("sent", "")}
    assert time.time() * 1000 >= due
    assert pipeline.received(nid, "email") == 1


def test_what_could_never_be_written_is_a_dead_letter(pipeline: Pipeline, written: Written) -> None:
    mine = name("t")
    nowhere = SetTimer(mine, 0, "test", Output(topic="no.such.topic", key=b"k"))
    places = [pipeline.log.write(TIMERS, value, key=mine, partition=2) for value in (b"\1garbage", nowhere, None)]
    put(pipeline, f"{mine}.good", 0)
    pipeline.log.until(lambda: written.of(f"{mine}.good"), "its neighbour does not go on")

    def letters() -> list[DeadLetter]:
        return pipeline.log.of(DLQ, lambda one: (one.partition, one.offset) in places and one.topic == TIMERS)

    pipeline.log.until(lambda: len(letters()) == len(places), "no dead letters")
    assert [one.reason for one in sorted(letters(), key=lambda one: one.offset)] == ["bad_magic", "timer_unfit", "truncated"]
