"""A step that decides record by record: overlay, dead letters, and a registry that does not answer."""

import asyncio
from collections.abc import Sequence
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import RegistryUnavailable, WrongType
from schemas.records import DeadLetter, Output, Write
from schemas.topics import DLQ
from streams.step import step as step_module
from streams.step.model import MAX_EFFECTS_BYTES, MAX_RECORD_BYTES, Effects, Input, last_writes
from streams.step.partition import StepPartition
from streams.step.step import REGISTRY_ATTEMPTS, RecordStep, View
from tests.unit.streams.make import NOW, codec

CODEC = codec()


class FakePart:
    """A partition with fixed tables that counts signs of life."""

    def __init__(self, rows: dict[bytes, bytes] | None = None) -> None:
        self.rows = rows or {}
        self.signs = 0

    def get(self, table: str, key: bytes) -> bytes | None:
        return self.rows.get(key)

    def get_many(self, table: str, keys: Sequence[bytes]) -> list[bytes | None]:
        return [self.rows.get(key) for key in keys]

    def alive(self) -> None:
        self.signs += 1


def part(**rows: bytes) -> StepPartition:
    return cast(StepPartition, FakePart({key.encode(): value for key, value in rows.items()}))


def record(value: bytes | None, offset: int = 0, key: bytes | None = b"k") -> Input:
    return Input("in", 3, offset, NOW, key, value, {"id": b"\xff\x00"})


class Appends(RecordStep):
    """Appends each record to its key's value; refuses `bad`, and `boom` is a bug."""

    name = "appends"
    tables = {"t": "t.changelog"}

    def decide(self, view: View, record: Input) -> Effects:
        if record.value == b"bad":
            raise WrongType("a cat where a dog was expected")
        if record.value == b"boom":
            raise ZeroDivisionError("a bug")
        key = record.key or b""
        after = (view.get("t", key) or b"") + (record.value or b"-")
        return Effects([Output(topic="out", key=key, value=after)], [Write("t", key, after)])


def appends() -> Appends:
    return Appends(CODEC, lambda: NOW + 1)


async def test_later_records_of_a_batch_see_the_writes_of_earlier_ones() -> None:
    effects = await appends().handle(part(k=b"0"), [record(b"1"), record(b"2"), record(b"x", key=b"other"), record(b"3")])
    assert [output.value for output in effects.outputs] == [b"01", b"012", b"x", b"0123"]
    assert last_writes(effects.writes) == [Write("t", b"k", b"0123"), Write("t", b"other", b"x")]


@pytest.mark.parametrize("value", [b"bad", None])
async def test_a_refused_record_is_kept_whole(value: bytes | None) -> None:
    class Refuses(Appends):
        def decide(self, view: View, record: Input) -> Effects:
            raise WrongType("a cat where a dog was expected")

    effects = await Refuses(CODEC, lambda: NOW + 1).handle(part(), [record(value, offset=7)])
    (output,) = effects.outputs
    assert (output.topic, output.key, output.partition, effects.writes) == (DLQ, b"in/3/7", -1, [])
    letter = CODEC.decode(output.value, DeadLetter)
    assert (letter.topic, letter.partition, letter.offset, letter.timestamp) == ("in", 3, 7, NOW)
    assert (letter.key, letter.value, letter.headers) == (b"k", value, {"id": b"\xff\x00"})
    assert (letter.step, letter.reason, letter.failed_at, letter.state) == ("appends", "wrong_type", NOW + 1, "dead")
    assert letter.detail == "WrongType: a cat where a dog was expected"
    assert len(letter.stack_hash) == 12


async def test_a_refused_record_leaves_its_neighbours_alone() -> None:
    effects = await appends().handle(part(), [record(b"1", 0), record(b"bad", 1), record(b"2", 2)])
    assert [(output.topic, output.key) for output in effects.outputs] == [("out", b"k"), (DLQ, b"in/3/1"), ("out", b"k")]
    assert effects.outputs[2].value == b"12"


async def test_a_bug_is_no_bad_record() -> None:
    with pytest.raises(ZeroDivisionError):
        await appends().handle(part(), [record(b"1"), record(b"boom")])


@given(st.binary(max_size=64), st.one_of(st.none(), st.binary(max_size=16)), st.dictionaries(st.text(max_size=5), st.binary(max_size=5)))
def test_a_dead_letter_keeps_any_bytes(value: bytes, key: bytes | None, headers: dict[str, bytes]) -> None:
    refused = Input("in", 3, 7, NOW, key, value, headers)
    output = step_module.dead_letter_output(CODEC, "s", refused, WrongType("x" * 1000), NOW)
    letter = CODEC.decode(output.value, DeadLetter)
    assert (letter.key, letter.value, letter.headers) == (key, value, headers)
    assert len(letter.detail) == 500


async def test_a_record_whose_effects_no_topic_takes_is_refused() -> None:
    """Written anyway, the broker would refuse it, the process would end, and start, and meet it again."""
    value = b"x" * (MAX_RECORD_BYTES - len(b"k") + 1)
    effects = await appends().handle(part(), [record(b"1"), record(value, 1, key=b"l"), record(b"2", 2)])
    assert [(output.topic, output.key) for output in effects.outputs] == [("out", b"k"), (DLQ, b"in/3/1"), ("out", b"k")]
    assert effects.writes == [Write("t", b"k", b"1"), Write("t", b"k", b"12")]
    letter = CODEC.decode(effects.outputs[1].value, DeadLetter)
    assert (letter.reason, letter.value) == ("too_large", value)
    (output,) = (await appends().handle(part(), [record(value[1:])])).outputs
    assert output.topic == "out"


class Unlucky(RecordStep):
    """Meets a registry that does not answer so many times."""

    name = "unlucky"

    def __init__(self, silences: int) -> None:
        super().__init__(CODEC, lambda: NOW)
        self.silences = silences

    def decide(self, view: View, record: Input) -> Effects:
        self.silences -= 1
        if self.silences >= 0:
            raise RegistryUnavailable("timed out")
        return Effects([Output(topic="out", key=b"k")])


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    seen: list[float] = []
    real = asyncio.sleep

    async def sleep(seconds: float) -> None:
        seen.append(seconds)
        await real(0)

    monkeypatch.setattr(step_module.asyncio, "sleep", sleep)
    return seen


async def test_a_silent_registry_is_waited_for(waits: list[float]) -> None:
    fake = FakePart()
    effects = await Unlucky(REGISTRY_ATTEMPTS - 1).handle(cast(StepPartition, fake), [record(b"1")])
    assert [output.topic for output in effects.outputs] == ["out"]
    assert len(waits) == fake.signs == REGISTRY_ATTEMPTS - 1
    assert all(0 < wait <= 5.0 for wait in waits)


async def test_but_not_for_ever_and_its_record_is_not_a_dead_letter(waits: list[float]) -> None:
    with pytest.raises(RegistryUnavailable):
        await Unlucky(REGISTRY_ATTEMPTS).handle(part(), [record(b"1")])


def test_of_several_writes_to_a_key_the_last_counts() -> None:
    writes = [Write("t", b"a", b"1"), Write("u", b"a", b"2"), Write("t", b"a", None)]
    assert last_writes(writes) == [Write("t", b"a", None), Write("u", b"a", b"2")]


def test_effects_add_up_in_order() -> None:
    effects = Effects([Output(topic="a", key=b"")])
    effects.add(Effects([Output(topic="b", key=b"")], [Write("t", b"k")]))
    assert [output.topic for output in effects.outputs] == ["a", "b"]
    assert effects.writes == [Write("t", b"k")]
    assert effects
    assert not Effects()


def test_a_view_shows_removals() -> None:
    view = View(part(k=b"0"))
    view.apply(Effects(writes=[Write("t", b"k", None)]))
    assert view.get("t", b"k") is None


def test_many_values_are_seen_as_one_by_one() -> None:
    view = View(part(k=b"0", m=b"1"))
    keys = [b"k", b"l", b"m", b"k"]
    assert view.get_many("t", keys) == [b"0", None, b"1", b"0"]
    view.apply(Effects(writes=[Write("t", b"k", None), Write("t", b"l", b"2"), Write("other", b"m", b"3")]))
    assert view.get_many("t", keys) == [view.get("t", key) for key in keys] == [None, b"2", b"1", None]


class Floods(RecordStep):
    """Asks for many records that fit, each alone."""

    name = "floods"

    def decide(self, view: View, record: Input) -> Effects:
        return Effects([Output(topic="out", key=b"k", value=bytes(MAX_RECORD_BYTES // 2))] * 20)


@pytest.mark.parametrize(("journal", "outputs"), [(None, 20), ("j", 1)])
async def test_what_no_record_of_the_journal_can_hold_is_refused(journal: str | None, outputs: int) -> None:
    step = Floods(CODEC, lambda: NOW)
    step.journal = journal
    effects = await step.handle(part(), [record(b"x")])
    assert len(effects.outputs) == outputs
    if journal:
        letter = CODEC.decode(effects.outputs[0].value, DeadLetter)
        assert letter.reason == "too_large"
        assert f"the limit is {MAX_EFFECTS_BYTES}" in letter.detail
