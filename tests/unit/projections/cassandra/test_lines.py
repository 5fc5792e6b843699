from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.cassandra.entries import About, Key, Told, entry
from projections.cassandra.lines import BadCursor, Line, cursor_of, merged, order_of, read_cursor
from projections.cassandra.months import months
from tests.unit.projections.made import NOW


def line(created_at: int, *, named: bool = True) -> Line:
    key = Key("u", created_at, "n", "push")
    return Line(order_of(*key[1:]), entry(key, About("", "", "", "", "", 0), Told("sent", "", "", created_at, "s")) if named else None)


def test_sources_are_merged_newest_first_one_entry_a_place() -> None:
    entries = list(merged([line(9), line(5)], [line(7), line(5), line(5, named=False), line(3, named=False)]))
    assert [it.key.created_at for it in entries] == [9, 7, 5]


def test_no_source_is_read_further_than_needed() -> None:
    read: list[int] = []

    def source() -> Iterator[Line]:
        for created_at in range(100, 0, -1):
            read.append(created_at)
            yield line(created_at, named=False)

    own = [line(created_at) for created_at in (200, 150, 98)]
    entries = merged(own, source())
    assert [next(entries).key.created_at for _ in range(3)] == [200, 150, 98]
    assert min(read) >= 97


@given(st.integers(0, 2**50), st.text(max_size=40), st.text(max_size=10))
def test_a_cursor_names_its_place(created_at: int, notification_id: str, channel: str) -> None:
    place = order_of(created_at, notification_id, channel)
    assert read_cursor(cursor_of(place)) == place


@pytest.mark.parametrize("bad", ["x", "!!!", "WzFd", "e30", "\N{SNOWMAN}"])
def test_another_cursor_is_refused(bad: str) -> None:
    with pytest.raises(BadCursor):
        read_cursor(bad)


def test_months_go_down_over_a_new_year() -> None:
    january = 1_798_761_600_000
    assert list(months(january, january - 1)) == [202701, 202612]
    assert list(months(NOW, NOW)) == [202611]
    assert list(months(NOW, NOW + 40 * 86_400_000)) == []
