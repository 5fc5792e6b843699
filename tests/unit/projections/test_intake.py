from collections.abc import Callable

import pytest

from projections.base import Item, Position
from projections.intake import Intake
from projections.retry import Backoff
from schemas import contract
from schemas.codec import Codec
from schemas.errors import BadMagic, RecordRefused, RegistryUnavailable, Truncated, WrongType
from schemas.provision import subject, subjects
from schemas.records import NotificationRequested, StatusBatch
from schemas.registry import MemoryRegistry
from schemas.topics import REQUESTS, STATUS, catalogue
from tests.unit.projections.made import requested, status_batch


class Sent:
    """As much of a Message as intake looks at."""

    def __init__(self, value: bytes | None, offset: int = 0, topic: str = STATUS) -> None:
        self._value, self._offset, self._topic = value, offset, topic

    def value(self) -> bytes | None:
        return self._value

    def topic(self) -> str:
        return self._topic

    def partition(self) -> int:
        return 4

    def offset(self) -> int:
        return self._offset


class Aside:
    def __init__(self) -> None:
        self.refused: list[tuple[int, RecordRefused]] = []

    def put(self, message: Sent, error: RecordRefused) -> None:
        self.refused.append((message.offset(), error))


class Sulking(MemoryRegistry):
    """Does not answer the first `times` questions."""

    def __init__(self) -> None:
        super().__init__()
        self.times = 0

    def schema(self, schema_id: int) -> str:
        if self.times:
            self.times -= 1
            raise RegistryUnavailable("not now")
        return super().schema(schema_id)


@pytest.fixture
def registry() -> Sulking:
    made = Sulking()
    for topic in catalogue():
        for kind in topic.records:
            made.register(subject(topic, kind), contract.schema_json(kind.__name__))
    return made


@pytest.fixture
def codec(registry: Sulking) -> Codec:
    return Codec(registry, subjects(catalogue()))


@pytest.fixture
def aside() -> Aside:
    return Aside()


@pytest.fixture
def make(registry: Sulking, aside: Aside) -> Callable[[], Intake]:
    kinds = {STATUS: StatusBatch, REQUESTS: NotificationRequested}
    return lambda: Intake(Codec(registry, subjects(catalogue())), kinds, aside, Backoff(attempts=4), lambda _: None)  # type: ignore[arg-type]


def test_good_records_come_through_with_their_positions(make: Callable[[], Intake], codec: Codec, aside: Aside) -> None:
    sent = [Sent(codec.encode(status_batch(["a"])), 7), Sent(codec.encode(requested()), 8, REQUESTS)]
    assert make().items(sent) == [
        Item(status_batch(["a"]), Position(STATUS, 4, 7)),
        Item(requested(), Position(REQUESTS, 4, 8)),
    ]
    assert aside.refused == []


def test_poison_goes_aside_and_its_neighbours_do_not(make: Callable[[], Intake], codec: Codec, aside: Aside) -> None:
    good = codec.encode(status_batch(["a"]))
    bad = [None, b"{}", good[:-3], codec.encode(requested()), codec.encode(status_batch(["a"], outcome_of=[5]))]
    sent = [message for i, value in enumerate(bad) for message in (Sent(value, 2 * i), Sent(good, 2 * i + 1))]
    assert [item.position.offset for item in make().items(sent)] == [1, 3, 5, 7, 9]
    assert [offset for offset, _ in aside.refused] == [0, 2, 4, 6, 8]
    assert [error.reason for _, error in aside.refused] == ["truncated", "bad_magic", "truncated", "wrong_type", "unprojectable"]
    assert [type(error) for _, error in aside.refused[:2]] == [Truncated, BadMagic]
    assert isinstance(aside.refused[3][1], WrongType)


def test_a_registry_that_does_not_answer_is_asked_again(make: Callable[[], Intake], codec: Codec, registry: Sulking, aside: Aside) -> None:
    sent = [Sent(codec.encode(status_batch(["a"])))]
    registry.times = 3
    assert len(make().items(sent)) == 1
    registry.times = 99
    with pytest.raises(RegistryUnavailable):
        make().items(sent)
    assert aside.refused == []
