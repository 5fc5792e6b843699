"""Records that must be refused, in bulk and of many kinds, into every topic that workers read."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from zlib import crc32

from confluent_kafka import KafkaError, Message, Producer

from schemas.clients import producer_config
from schemas.codec import HEADER_BYTES
from schemas.contract import full_name
from schemas.delivery_report import not_written
from schemas.registry import ConfluentRegistry
from schemas.topics import DEFAULT_PARTITIONS
from tests.faults.log import KINDS as RECORDS
from tests.faults.log import POISON
from tests.faults.made_avro import Made, drawn, encoded, records
from tests.faults.plan import READS, ROLES
from tests.faults.stage import Stage

OF_EACH = 12
LARGE = (900_000, 1_500_000, 5_000_000)
"""Bytes. The largest two are more than a topic takes (1 MiB), but the broker counts what lz4 makes of them, and that may be little."""
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
    made = _made(stage, drawn(records(), stage.plan.seed, 2 * OF_EACH))
    producer = Producer(producer_config(stage.endpoints.kafka))
    for topic in (topic for role in ROLES for topic in READS[role]):
        for value in (*_records(dice, stage), *made(topic)):
            _write(producer, topic, value, dice.randrange(DEFAULT_PARTITIONS), _placed(stage))
        _write(producer, topic, b"\1" + dice.randbytes(LARGE[-1]), 0, _refused(stage))
        if producer.flush(60):
            raise RuntimeError("poison could not be written in 60 s")
    yield


def _write(producer: Producer, topic: str, value: bytes, partition: int, told: Callable[[KafkaError | None, Message], None]) -> None:
    producer.produce(topic, key=b"poison", value=value, partition=partition, headers={POISON: b"1"}, on_delivery=told)
    producer.poll(0)


def _placed(stage: Stage) -> Callable[[KafkaError | None, Message], None]:
    def placed(error: KafkaError | None, message: Message) -> None:
        if refusal := not_written(error, message):
            raise RuntimeError(f"poison could not be written: {refusal}")
        place = str(message.topic()), int(message.partition() or 0), int(message.offset() or 0)
        stage.load.poisoned[place] = crc32(message.value() or b"")

    return placed


def _refused(stage: Stage) -> Callable[[KafkaError | None, Message], None]:
    """What lz4 makes no smaller is the broker's to refuse: whoever writes it hears so, and no worker ever meets it."""

    def refused(error: KafkaError | None, message: Message) -> None:
        if error is None or error.code() != KafkaError.MSG_SIZE_TOO_LARGE:
            stage.complaints.append(f"{LARGE[-1]} bytes of noise in {message.topic()}: {error or 'taken'}")

    return refused


def _records(dice: random.Random, stage: Stage) -> Iterator[bytes]:
    good = [
        entries[0].value for entries in stage.view.entries.values() if entries and entries[0].value and len(entries[0].value) > HEADER_BYTES
    ]
    for make in KINDS:
        yield from (make(dice, good) for _ in range(OF_EACH))
    yield b"\1" + dice.randbytes(LARGE[0])
    yield from (b"\1" + dice.randbytes(1000) * (size // 1000) for size in LARGE[1:])


def _made(stage: Stage, some: list[Made]) -> Callable[[str], Iterator[bytes]]:
    """Good Avro of a schema that is registered: half of it under a name of its own, half under those of the topic's records."""
    registry = ConfluentRegistry(stage.endpoints.registry)

    def of(topic: str) -> Iterator[bytes]:
        names = [full_name(kind) for kind in RECORDS.get(topic, ())]
        for number, made in enumerate(some):
            name = names[number // 2 % len(names)] if names and number % 2 else "poison.Made"
            yield encoded(made, name, registry, f"poison-{name}-{number}")

    return of
