from hypothesis import given
from hypothesis import strategies as st

from projections.cassandra.grouping import grouped, weigh
from projections.cassandra.policy import Write


def small(n: int) -> Write:
    return Write("event", (n, "x" * 50))


@given(st.lists(st.integers(0, 3000).map(lambda n: Write("event", (b"x" * n,))), max_size=60), st.integers(1, 20), st.integers(1000, 5000))
def test_every_write_is_in_one_group_and_no_group_is_too_large(writes: list[Write], rows: int, size: int) -> None:
    groups = list(grouped(writes, rows, size))
    assert sorted(write for group in groups for write in group) == sorted(writes)
    assert all(len(group) == 1 or (len(group) <= rows and sum(map(weigh, group)) <= size) for group in groups)


def test_small_rows_travel_together_and_blobs_alone() -> None:
    groups = list(grouped([small(1), Write("outcomes", (b"x" * 20_000,)), small(2)], 50, 40_000))
    assert [len(group) for group in groups] == [1, 2]


def test_maps_have_a_weight() -> None:
    assert weigh(Write("inbox", ({"title": "x" * 1000},))) > 1000
