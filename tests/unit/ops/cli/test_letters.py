import msgspec
import pytest

from ops.cli.dlq import described
from ops.cli.errors import NotFound
from ops.cli.letters import Filter, Letters, letter_of
from schemas.codec import Codec
from schemas.records import DeadLetter
from schemas.registry import MemoryRegistry


def record(offset: int = 0, **changes: object) -> DeadLetter:
    fields: dict[str, object] = {
        "topic": "notify.requests",
        "partition": 3,
        "offset": offset,
        "timestamp": 1_000,
        "key": b"n1",
        "value": b"\xffgarbage",
        "step": "planner",
        "reason": "bad_magic",
        "detail": "BadMagic: ...",
        "failed_at": 2_000 + offset,
    }
    return DeadLetter(**fields | changes)  # type: ignore[arg-type]


def letters(*records: DeadLetter) -> Letters:
    made = Letters()
    for offset, one in enumerate(records):
        made.add(one, (0, offset))
    return made


def test_the_oldest_come_first_and_only_the_dead_unless_asked() -> None:
    made = letters(record(1), record(0), record(2, state="discarded"))
    assert [one.id for one in made.chosen(Filter())] == ["notify.requests/3/0", "notify.requests/3/1"]
    assert [one.offset for one in made.chosen(Filter(state="discarded"))] == [2]
    assert len(made.chosen(Filter(state=""))) == 3


def test_a_later_record_says_what_was_done() -> None:
    made = letters(record(), record(state="replayed"))
    assert made.chosen(Filter()) == []
    assert made.chosen(Filter(state="replayed"))[0].at == (0, 1)


def test_what_was_settled_stays_settled_when_a_slower_step_gives_up_later() -> None:
    made = letters(record(), record(state="discarded"), record(step="projections.clickhouse", failed_at=9_999))
    assert made.chosen(Filter()) == []


def test_every_step_that_gave_up_is_named_and_can_be_chosen_by() -> None:
    made = letters(record(), record(step="projections.cassandra"), record())
    (one,) = made.chosen(Filter(step="projections.cassandra"))
    assert one.step == "planner, projections.cassandra"
    assert made.chosen(Filter(step="planner")) == [one]
    assert made.chosen(Filter(step="audience")) == []


def test_filters_must_all_hold() -> None:
    made = letters(record(0), record(1, reason="truncated"), record(2, topic="events.order"))
    assert [one.offset for one in made.chosen(Filter(reason="bad_magic", topic="notify.requests"))] == [0]


def test_an_unknown_id_is_named() -> None:
    with pytest.raises(NotFound, match="events.order/1/2"):
        letters(record()).named(["notify.requests/3/0", "events.order/1/2"])


def test_a_letter_is_described_with_its_bytes_and_why_they_are_not_readable() -> None:
    whole = record(headers={"id": b"e1"}, stack_hash="abc")
    shown = described(letter_of(whole, (1, 2)), whole, Codec(MemoryRegistry(), {}))
    assert shown["value_hex"] == b"\xffgarbage".hex()
    assert shown["headers"] == {"id": "e1"}
    assert shown["decoded"].startswith("not decodable: BadMagic")
    assert shown["timestamp"] == "1970-01-01 00:00:01.000"
    assert msgspec.json.encode(shown)
