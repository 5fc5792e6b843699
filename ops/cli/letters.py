"""The dead letters: the records of each `topic/partition/offset` together say how it stands. The pure part is `Letters`."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import msgspec
from confluent_kafka import Consumer, Message

from ops.cli.errors import NotFound
from ops.cli.logtail import consumer, read_all, read_at, watermarks
from ops.endpoints import Endpoints
from schemas.codec import Codec
from schemas.deadletter import dead_letter_key
from schemas.records import DeadLetter
from schemas.topics import DLQ

DEAD = "dead"


class Letter(msgspec.Struct, frozen=True):
    """One dead letter without its bytes. Times in epoch ms; `at`: (partition, offset) in `notify.dlq`.

    Several steps may read a topic and give up on the same record: `step` names all of them, the first one first.
    """

    id: str
    state: str
    reason: str
    step: str
    detail: str
    topic: str
    partition: int
    offset: int
    timestamp: int
    failed_at: int
    key: str
    size: int
    at: tuple[int, int]


class Filter(msgspec.Struct, frozen=True):
    """Which letters; empty fields choose all. `reason` and `step` as they are written, `topic` whole."""

    state: str = DEAD
    topic: str = ""
    reason: str = ""
    step: str = ""

    def takes(self, letter: Letter) -> bool:
        """Whether a letter is meant."""
        wanted = ((self.state, letter.state), (self.topic, letter.topic), (self.reason, letter.reason))
        return all(want in ("", have) for want, have in wanted) and (not self.step or self.step in letter.step.split(", "))


class Letters:
    """Letters by id. What was replayed or discarded stays so, even when a slower step gives up on the same record later."""

    def __init__(self) -> None:
        self._letters: dict[str, Letter] = {}

    def add(self, record: DeadLetter, at: tuple[int, int]) -> None:
        """Take note of one record of the topic."""
        letter = letter_of(record, at)
        before = self._letters.get(letter.id)
        self._letters[letter.id] = letter if before is None else joined(before, letter)

    def chosen(self, wanted: Filter) -> list[Letter]:
        """Those that are meant, oldest first."""
        return sorted(filter(wanted.takes, self._letters.values()), key=lambda letter: (letter.failed_at, letter.id))

    def named(self, ids: Iterable[str]) -> list[Letter]:
        """Those of these ids. Raises NotFound."""
        wanted = list(ids)
        if unknown := [one for one in wanted if one not in self._letters]:
            raise NotFound(f"no dead letter {', '.join(unknown)}; `carillon dlq list` shows what there is")
        return [self._letters[one] for one in wanted]


def joined(before: Letter, now: Letter) -> Letter:
    """Two records of one letter as one."""
    if before.state != DEAD:
        return before
    steps = dict.fromkeys([*before.step.split(", "), *now.step.split(", ")])
    return msgspec.structs.replace(now, step=", ".join(steps))


def letter_of(record: DeadLetter, at: tuple[int, int]) -> Letter:
    """A record of the topic, without the bytes."""
    return Letter(
        id=dead_letter_key(record.topic, record.partition, record.offset).decode(),
        state=record.state,
        reason=record.reason,
        step=record.step,
        detail=record.detail,
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        timestamp=record.timestamp,
        failed_at=record.failed_at,
        key=(record.key or b"").decode(errors="replace"),
        size=len(record.value or b""),
        at=at,
    )


class DeadLetterTopic:
    """`notify.dlq`, read whole for a list and one record at a time for its bytes."""

    def __init__(self, reader: Consumer, codec: Codec) -> None:
        self._reader, self._codec = reader, codec

    def letters(self) -> Letters:
        """All there are now."""
        found = Letters()
        marks = watermarks(self._reader, DLQ)

        def visit(message: Message) -> None:
            found.add(self._codec.decode(message.value(), DeadLetter), (int(message.partition() or 0), int(message.offset() or 0)))

        starts = {(DLQ, number): low for number, (low, _) in marks.items()}
        read_all(self._reader, starts, {(DLQ, number): end for number, (_, end) in marks.items()}, visit)
        return found

    def whole(self, letter: Letter) -> DeadLetter:
        """The record with its bytes. Raises NotFound when it is no longer on the topic."""
        message = read_at(self._reader, DLQ, *letter.at)
        if message is None:
            raise NotFound(f"{letter.id} is no longer on {DLQ}")
        return self._codec.decode(message.value(), DeadLetter)


@contextmanager
def dead_letters(endpoints: Endpoints, codec: Codec) -> Iterator[DeadLetterTopic]:
    """The topic, for the time of the block."""
    with consumer(endpoints.kafka) as reader:
        yield DeadLetterTopic(reader, codec)
