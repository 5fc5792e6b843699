"""The two ways in which Faust itself loses records (docs/adr/0001), probed. Look at them again on every upgrade of Faust."""

import random
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from faust.transport.consumer import Consumer as FaustConsumer
from faust.types import TP

from ops.endpoints import Endpoints
from ops.local.paths import REPOSITORY
from schemas.clients import consumer_config, producer_config
from schemas.provision import create
from tests.faults.stack import fresh_stack

pytestmark = [pytest.mark.faults, pytest.mark.timeout(180)]

PARTITIONS = 4
STARTS = 6
BACKLOG = 4000
TIMEOUT_S = 60.0


def new_offset(committed: int, acked: list[int]) -> int | None:
    """What Faust would commit: records below it do not come again."""
    tp = TP("t", 0)
    state: Any = SimpleNamespace(
        _acked={tp: list(acked)},
        _acked_index=defaultdict(set, {tp: set(acked)}),
        _gap={tp: None},
        _committed_offset={tp: committed},
    )
    return FaustConsumer._new_offset(state, tp)


def test_faust_commits_over_one_record_that_was_not_acknowledged() -> None:
    """B2. 50 is not done, 51 to 99 are: it commits 100. When this fails, Faust has mended it: then say so in docs/adr/0001."""
    assert new_offset(50, list(range(51, 100))) == 100
    assert new_offset(50, list(range(52, 100))) is None


def test_in_order_it_commits_what_was_acknowledged() -> None:
    """What `PartitionRunner` does, and why it must."""
    for done in range(51, 60):
        assert new_offset(50, list(range(50, done))) == done


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoints]:
    with fresh_stack(tmp_path_factory.mktemp("stack") / "home") as endpoints:
        yield endpoints


class Copier:
    """The probe's process."""

    def __init__(self, kafka: Endpoints, folder: Path) -> None:
        self._command = [sys.executable, "-m", "tests.faults.probe", kafka.kafka, str(folder), "in", "out"]
        self._log = (folder / "log").open("ab")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, cwd=REPOSITORY, stdout=self._log, stderr=self._log)

    def kill(self, how: signal.Signals = signal.SIGKILL) -> int:
        assert self._process
        self._process.send_signal(how)
        return self._process.wait(30)

    def ended(self) -> bool:
        return self._process is not None and self._process.poll() is not None

    def close(self) -> None:
        if self._process and self._process.poll() is None:
            self._process.kill()
            self._process.wait(30)
        self._log.close()


def test_no_start_skips_a_record(kafka: Endpoints, tmp_path: Path) -> None:
    """B1. Faust opens the flow before it has sought the committed offsets; ours stays shut until it has. A skip would end the process."""
    admin = AdminClient({"bootstrap.servers": kafka.kafka})
    create(admin, [NewTopic(name, PARTITIONS, 1) for name in ("in", "out")])
    written = write(kafka, BACKLOG)
    dice = random.Random(1)
    copier, copied = Copier(kafka, tmp_path), Copied(kafka)
    try:
        for _ in range(STARTS):
            copier.start()
            copied.more_than(len(copied.found), copier)
            deadline = time.monotonic() + dice.uniform(0, 0.6)
            while time.monotonic() < deadline:
                copied.read()
            written += write(kafka, BACKLOG // 4)
            copier.kill()
        copier.start()
        copied.more_than(written - 1, copier)
        assert copier.kill(signal.SIGTERM) == 0
        assert "was skipped" not in (tmp_path / "log").read_text()
    finally:
        copied.close()
        copier.close()


def write(kafka: Endpoints, count: int) -> int:
    producer = Producer(producer_config(kafka.kafka))
    for number in range(count):
        producer.produce("in", value=b"v", partition=number % PARTITIONS)
        producer.poll(0)
    assert producer.flush(30) == 0
    return count


class Copied:
    """What was copied so far: (partition, offset)."""

    def __init__(self, kafka: Endpoints) -> None:
        self.found: set[tuple[int, int]] = set()
        self._consumer = Consumer(consumer_config(kafka.kafka, "copied"))
        self._consumer.assign([TopicPartition("out", number, 0) for number in range(PARTITIONS)])

    def read(self) -> None:
        for message in self._consumer.consume(2000, timeout=0.05):
            assert message.error() is None
            self.found.add((int(message.partition() or 0), int(message.key() or b"0")))

    def more_than(self, count: int, copier: Copier) -> None:
        """Read on until there are more than so many."""
        deadline = time.monotonic() + TIMEOUT_S
        while len(self.found) <= count:
            self.read()
            assert not copier.ended(), "the copier ended by itself"
            assert time.monotonic() < deadline, f"{len(self.found)} of {count + 1} copied"

    def close(self) -> None:
        self._consumer.close()
