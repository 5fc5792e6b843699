from collections.abc import Sequence
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from projections.base import Item, Position
from projections.connection import Connection
from projections.errors import StoreUnavailable, TopicUnreadable
from projections.log import commit, gather, is_read_to
from projections.runner import Runner
from projections.settings import BatchLimits
from tests.unit.projections.made import status_batch


class Sent:
    def __init__(self, offset: int, size: int = 10, partition: int = 0, error: KafkaError | None = None) -> None:
        self._offset, self._value, self._partition, self._error = offset, b"x" * size, partition, error

    def error(self) -> KafkaError | None:
        return self._error

    def value(self) -> bytes:
        return self._value

    def topic(self) -> str:
        return "t"

    def partition(self) -> int:
        return self._partition

    def offset(self) -> int:
        return self._offset


class Log:
    """A consumer over what it was given; then nothing more."""

    def __init__(self, messages: Sequence[Sent], refuse: int | None = None) -> None:
        self.left, self.refuse = list(messages), refuse
        self.committed: list[list[tuple[str, int, int]]] = []
        self.closed = False
        self.read = -1001

    def consume(self, count: int, timeout: float) -> list[Sent]:
        taken, self.left = self.left[:count], self.left[count:]
        self.read = taken[-1].offset() + 1 if taken else self.read
        return taken

    def commit(self, offsets: list[TopicPartition], asynchronous: bool) -> None:
        assert not asynchronous
        if self.refuse is not None:
            raise KafkaException(KafkaError(self.refuse))
        self.committed.append([(it.topic, it.partition, it.offset) for it in offsets])

    def assignment(self) -> list[TopicPartition]:
        return [TopicPartition("t", 0)]

    def position(self, places: list[TopicPartition]) -> list[TopicPartition]:
        return [TopicPartition("t", 0, self.read)]

    def get_watermark_offsets(self, place: TopicPartition, cached: bool) -> tuple[int, int]:
        return 0, 9

    def close(self) -> None:
        self.closed = True


class Steps:
    """Intake, projection and dead letters in one, in the order they are called."""

    name = "test"

    def __init__(self, fail: bool = False) -> None:
        self.calls: list[Any] = []
        self.fail = fail

    def items(self, messages: Sequence[Sent]) -> list[Item]:
        return [Item(status_batch(["a"]), Position("t", 0, message.offset())) for message in messages]

    def apply(self, items: Sequence[Item]) -> None:
        self.calls.append([item.position.offset for item in items])
        if self.fail:
            raise StoreUnavailable("down")

    def confirm(self) -> None:
        self.calls.append("confirm")

    def close(self) -> None:
        """Nothing to let go of."""


def runner(log: Log, steps: Steps, limits: BatchLimits) -> Runner:
    stopped = iter([False] * 200)
    return Runner(steps, Connection(lambda: log), steps, steps, limits, lambda: next(stopped, True))  # type: ignore[arg-type]


LIMITS = BatchLimits(records=4, bytes=10_000, wait_s=0.01)


def test_write_then_confirm_then_commit_batch_by_batch() -> None:
    log, steps = Log([Sent(i) for i in range(10)]), Steps()
    assert runner(log, steps, LIMITS).run(until={("t", 0): 10}) == 10
    assert steps.calls == [[0, 1, 2, 3], "confirm", [4, 5, 6, 7], "confirm", [8, 9], "confirm"]
    assert log.committed == [[("t", 0, 4)], [("t", 0, 8)], [("t", 0, 10)]]
    assert log.closed


def test_what_could_not_be_written_is_not_committed() -> None:
    log = Log([Sent(0)])
    with pytest.raises(StoreUnavailable):
        runner(log, Steps(fail=True), LIMITS).run()
    assert log.committed == []
    assert log.closed


def test_a_batch_is_bounded_in_records_bytes_and_time() -> None:
    many = [Sent(i, size=100) for i in range(500)]
    assert len(gather(Log(many), BatchLimits(records=30, bytes=10**6), lambda: False)) == 30
    assert len(gather(Log(many), BatchLimits(records=500, bytes=2500), lambda: False)) == 40
    assert len(gather(Log(many[:3]), BatchLimits(wait_s=0.01), lambda: False)) == 3
    assert gather(Log(many), BatchLimits(), lambda: True) == []


def test_errors_that_pass_are_passed_over_and_others_end_it() -> None:
    passing = Sent(0, error=KafkaError(KafkaError._ALL_BROKERS_DOWN))
    assert [message.offset() for message in gather(Log([passing, Sent(1)]), LIMITS, lambda: False)] == [1]
    with pytest.raises(TopicUnreadable, match="t: "):
        gather(Log([Sent(0, error=KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART))]), LIMITS, lambda: False)


def test_a_commit_names_each_partition_once() -> None:
    log = Log([])
    assert commit(log, [Sent(5), Sent(6), Sent(3, partition=1)])  # type: ignore[list-item]
    assert log.committed == [[("t", 0, 7), ("t", 1, 4)]]


def test_partitions_that_have_moved_on_are_no_error_and_other_refusals_are() -> None:
    assert not commit(Log([], refuse=KafkaError.ILLEGAL_GENERATION), [Sent(1)])  # type: ignore[list-item]
    with pytest.raises(KafkaException):
        commit(Log([], refuse=KafkaError.TOPIC_AUTHORIZATION_FAILED), [Sent(1)])  # type: ignore[list-item]


def test_the_end_is_where_the_topic_ended_at_the_start() -> None:
    log = Log([Sent(0), Sent(1)])
    log.consume(1, 0)
    assert not is_read_to(log, {("t", 0): 2})
    log.consume(1, 0)
    assert is_read_to(log, {("t", 0): 2})
    assert is_read_to(log, {})
