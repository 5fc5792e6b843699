"""Columns by their distinct values say the same as the columns."""

from hypothesis import given
from hypothesis import strategies as st

from schemas.coded import coded, rows_of

COLUMN = st.lists(st.sampled_from("abcd"))


@given(COLUMN)
def test_each_value_is_there_once_and_each_row_finds_its_own(column: list[str]) -> None:
    values, indexes = coded(column)
    assert values == list(dict.fromkeys(column))
    assert [values[number] for number in indexes] == column


@given(COLUMN.filter(bool), st.data())
def test_some_rows_are_coded_as_if_there_were_no_others(column: list[str], data: st.DataObject) -> None:
    rows = data.draw(st.lists(st.integers(0, len(column) - 1)))
    assert rows_of(*coded(column), rows) == coded(column[row] for row in rows)
