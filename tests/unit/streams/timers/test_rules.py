"""What is kept of a timer, where its place is, and what can't be one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.records import Output, SetTimer, Write
from streams.timers import rules
from streams.timers.rules import APPLIED, NEVER, TABLE, Setting, TimerUnfit, applied_in, applied_row, due_of, place_at, setting_of, settle

WRITE = Output(topic="t", partition=3, key=b"k", value=b"\0\0\0\0\x09body")
LATEST = (1 << 63) - 1
dues = st.integers(0, LATEST)


def row(due: int, write: Output = WRITE) -> bytes:
    made = setting_of(SetTimer("x", due, "", write)).row
    assert made is not None
    return made


@given(dues, dues, st.binary(), st.binary())
def test_places_are_in_the_order_of_time(one: int, other: int, key: bytes, another: bytes) -> None:
    if one < other:
        assert place_at(one) + key < place_at(one + 1) <= place_at(other) + another < NEVER
    assert due_of(place_at(one) + key) == one == due_of(row(one))


@given(st.builds(Output, topic=st.text(), partition=st.integers(-1, 100), key=st.binary(), value=st.none() | st.binary()), dues)
def test_the_record_comes_out_as_it_went_in(write: Output, due: int) -> None:
    (fired,) = rules.fire([b"x"], [row(due, write)]).outputs
    assert fired == write


def test_a_row_without_a_timer_is_no_timer() -> None:
    assert due_of(applied_row(7)) is None
    assert [applied_in(None), applied_in(applied_row(0)), applied_in(applied_row(1 << 40))] == [-1, 0, 1 << 40]
    assert not APPLIED.decode().isprintable(), "it could be the id of a timer"


@pytest.mark.parametrize(
    ("due", "write", "known", "outputs", "writes"),
    [
        (11, WRITE, None, [], [Write(TABLE, b"x", row(11))]),
        (11, WRITE, row(11), [], []),
        (11, WRITE, row(12), [], [Write(TABLE, b"x", row(11))]),
        (10, WRITE, None, [WRITE], []),
        (10, WRITE, row(11), [WRITE], [Write(TABLE, b"x")]),
        (0, WRITE, row(11), [WRITE], [Write(TABLE, b"x")]),
        (11, None, None, [], []),
        (11, None, row(11), [], [Write(TABLE, b"x")]),
        (0, None, row(11), [], [Write(TABLE, b"x")]),
    ],
    ids=["new", "the same again", "moved", "due", "due, and was later", "long due", "nothing to take back", "taken back", "at any time"],
)
def test_the_last_word_counts(due: int, write: Output | None, known: bytes | None, outputs: list[Output], writes: list[Write]) -> None:
    effects = settle({b"x": setting_of(SetTimer("x", due, "", write))}, [known], now=10)
    assert (effects.outputs, effects.writes) == (outputs, writes)


def test_what_is_gone_already_is_only_forgotten() -> None:
    effects = rules.fire([b"x", b"y"], [None, row(1)])
    assert (effects.outputs, effects.writes) == ([WRITE], [Write(TABLE, b"x"), Write(TABLE, b"y")])


@pytest.mark.parametrize(
    ("timer", "why"),
    [
        (SetTimer("", 1, "", WRITE), "1 to 200 printable"),
        (SetTimer("x" * 201, 1, "", WRITE), "1 to 200 printable"),
        (SetTimer("\0", 1, "", None), "1 to 200 printable"),
        (SetTimer("x", -1, "", WRITE), "before there was a time"),
        (SetTimer("x", 1, "", Output(topic="other", key=b"k")), "no such topic: 'other'"),
        (SetTimer("x", 1, "", Output(topic="t", partition=8, key=b"k")), "no such partition: 8"),
        (SetTimer("x", 1, "", Output(topic="t", partition=-2, key=b"k")), "no such partition: -2"),
    ],
)
def test_what_could_never_be_written_is_refused(timer: SetTimer, why: str) -> None:
    with pytest.raises(TimerUnfit, match=why):
        rules.check(timer, {"t"}, 8)


def test_what_can_be_is_not() -> None:
    for partition in (-1, 0, 7):
        rules.check(SetTimer("x", 0, "", Output(topic="t", partition=partition, key=b"k")), {"t"}, 8)
    rules.check(SetTimer("x" * 200, LATEST, "", None), {"t"}, 8)
    assert setting_of(SetTimer("x", 5)) == Setting(5)
