"""Records that must be refused, in bulk and of many kinds, into every topic that workers read."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from confluent_kafka import KafkaError, Message, Producer

from schemas.clients import producer_config
from schemas.codec import HEADER_BYTES
from schemas.topics import DEFAULT_PARTITIONS
from tests.faults.log import POISON
from tests.faults.plan import READS
from tests.faults.stage import Stage

OF_EACH = 12
BIG, BIG_BYTES = 2, 900_000
"""So many of each topic are almost as large as a topic takes (1 MiB)."""
Make = Callable[[random.Random, list[bytes]], bytes]


def garbage(dice: random.Random, _: list[bytes]) -> bytes:
    """Not our format."""
    return bytes([dice.randint(1, 255)]) + dice.randbytes(dice.randint(0, 300))


def unknown_schema(dice: random.Random, _: list[bytes]) -> bytes:
    """Our format, with a schema that nobody registered."""
    return b"\0" + dice.randint(10**6, 10**6 + 3).to_bytes(4, "big") + dice.randbytes(50)


def truncated(dice: random.Random, good: list[bytes]) -> bytes:
    """A record of the load, cut anywhere, its header included."""
    record = dice.choice(good)
    return record[: dice.randint(1, len(record) - 1)]


def noise(dice: random.Random, good: list[bytes]) -> bytes:
    """A known schema before what no schema allows: the first number is longer than any."""
    return dice.choice(good)[:HEADER_BYTES] + b"\xff" * 12 + dice.randbytes(dice.randint(0, 200))


KINDS: tuple[Make, ...] = (garbage, unknown_schema, truncated, noise)


@contextmanager
def poisoned(stage: Stage) -> Iterator[None]:
    """All of it at once; where it lies is noted in the load."""
    dice = random.Random(stage.plan.seed)
    producer = Producer(producer_config(stage.endpoints.kafka))

    def placed(error: KafkaError | None, message: Message) -> None:
        if error:
            raise RuntimeError(f"poison could not be written: {error}")
        stage.load.poisoned.add((str(message.topic()), int(message.partition() or 0), int(message.offset() or 0)))

    for topic in (topic for topics in READS.values() for topic in topics):
        for value in _records(dice, stage):
            partition = dice.randrange(DEFAULT_PARTITIONS)
            producer.produce(topic, key=b"poison", value=value, partition=partition, headers={POISON: b"1"}, on_delivery=placed)
            producer.poll(0)
    if producer.flush(60):
        raise RuntimeError("poison could not be written in 60 s")
    yield


def _records(dice: random.Random, stage: Stage) -> Iterator[bytes]:
    good = [
        entries[0].value for entries in stage.view.entries.values() if entries and entries[0].value and len(entries[0].value) > HEADER_BYTES
    ]
    for make in KINDS:
        yield from (make(dice, good) for _ in range(OF_EACH))
    yield from (b"\1" + dice.randbytes(BIG_BYTES) for _ in range(BIG))
