"""The local store, on a real RocksDB."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streams.step import store as store_module
from streams.step.store import OrderedPartition, Store, TablePartition, _successor

ALL = 10_000


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path / "db")
    yield made
    made.close()


def test_a_new_partition_is_empty(store: Store) -> None:
    table = store.partition("t", 0)
    assert table.position() == 0
    assert table.get(b"k") is None
    assert table.snapshot().keys(b"", b"", ALL) == []
    assert table.get_many([]) == []


def test_values_and_position_are_written_together(store: Store) -> None:
    table = store.partition("t", 0)
    table.write([(b"a", b"1"), (b"b", b""), (b"c", b"3"), (b"c", None), (b"a", b"2")], 17)
    assert table.get_many([b"a", b"b", b"c", b"d"]) == [b"2", b"", None, None]
    assert table.position() == 17
    table.write([(b"a", None)], 18)
    assert (table.get(b"a"), table.position()) == (None, 18)


def test_it_knows_how_long_ago_it_was_written(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1_700_000_000.0
    monkeypatch.setattr(store_module.time, "time", lambda: now)
    table = store.partition("t", 0)
    assert table.age_s() == 0
    table.write([], 5)
    now += 90
    assert (table.age_s(), table.position()) == (90, 5)
    table.write([], 6)
    assert table.age_s() == 0


def test_tables_and_partitions_do_not_see_each_other(store: Store) -> None:
    places = [store.partition(name, number) for name in ("t", "tt", "s") for number in (0, 1, 255, 256, 2047)]
    for number, table in enumerate(places):
        table.write([(b"k", str(number).encode()), (b"own-%d" % number, b"")], number + 1)
    for number, table in enumerate(places):
        assert (table.get(b"k"), table.position()) == (str(number).encode(), number + 1)
        assert table.snapshot().keys(b"", b"", ALL) == [b"k", b"own-%d" % number]
    places[3].clear()
    assert (places[3].snapshot().keys(b"", b"", ALL), places[3].position()) == ([], 0)
    assert all(table.get(b"k") is not None for table in places if table is not places[3])


def test_it_is_all_there_after_a_restart(tmp_path: Path) -> None:
    first = Store(tmp_path / "db")
    first.partition("t", 3).write([(b"k", b"v")], 9)
    first.close()
    again = Store(tmp_path / "db")
    assert (again.partition("t", 3).get(b"k"), again.partition("t", 3).position()) == (b"v", 9)
    again.close()


def test_a_second_process_is_kept_out(tmp_path: Path, store: Store) -> None:
    with pytest.raises(Exception, match="(?i)lock"):
        Store(tmp_path / "db")


def test_values_that_may_be_forgotten_are_there_until_then(tmp_path: Path) -> None:
    for round_ in range(2):
        store = Store(tmp_path / "db", ttl_s=3600)
        table = store.partition("t", 0)
        table.write([(f"k{round_}".encode(), b"v")], round_ + 1)
        assert table.snapshot().keys(b"", b"", ALL) == [f"k{number}".encode() for number in range(round_ + 1)]
        assert (table.get(b"k0"), table.position()) == (b"v", round_ + 1)
        store.close()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TablePartition]:
    store = Store(tmp_path_factory.mktemp("shared") / "db")
    store.partition("t", 6).write([(b"before", b""), (b"\xff" * 4, b"")], 1)
    store.partition("t", 8).write([(b"after", b""), (b"", b"")], 1)
    store.partition("u", 7).write([(b"other", b"")], 1)
    yield store.partition("t", 7)
    store.close()


keys = st.binary(max_size=3) | st.text(alphabet="ab\xff", max_size=3).map(lambda text: text.encode("latin-1"))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(there=st.sets(keys, max_size=12), start=keys, prefix=keys, limit=st.integers(1, 15))
def test_a_snapshot_gives_the_keys_from_the_start_that_begin_with_the_prefix(
    shared: TablePartition, there: set[bytes], start: bytes, prefix: bytes, limit: int
) -> None:
    shared.clear()
    shared.write([(key, b"") for key in there], 1)
    expected = sorted(key[len(prefix) :] for key in there if key.startswith(prefix) and key[len(prefix) :] >= start)
    assert shared.snapshot().keys(prefix, start, limit) == expected[:limit]


def test_a_snapshot_does_not_see_what_comes_after_it(store: Store) -> None:
    table = store.partition("t", 0)
    table.write([(b"a", b""), (b"b", b"")], 1)
    snapshot = table.snapshot()
    table.write([(b"a", None), (b"c", b"")], 2)
    assert snapshot.keys(b"", b"", ALL) == [b"a", b"b"]
    assert table.snapshot().keys(b"", b"", ALL) == [b"b", b"c"]


@pytest.mark.parametrize(("prefix", "after"), [(b"a", b"b"), (b"a\xff", b"b"), (b"a\x00", b"a\x01"), (b"a\xff\xfe", b"a\xff\xff")])
def test_the_end_of_a_prefix(prefix: bytes, after: bytes) -> None:
    assert _successor(prefix) == after


# --- tables in the order of their values


@pytest.fixture
def ordered(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path / "db", ordered=("o",))
    yield made
    made.close()


def place(number: int) -> bytes:
    return number.to_bytes(8, "big")


def of(store: Store, partition: int = 0) -> OrderedPartition:
    table = store.partition("o", partition)
    assert isinstance(table, OrderedPartition)
    return table


LAST = b"\xff" * 9


def test_only_the_tables_that_were_named_are_ordered(ordered: Store) -> None:
    assert not isinstance(ordered.partition("p", 0), OrderedPartition)
    assert of(ordered).places(b"", LAST, ALL) == []


def test_places_follow_the_values(ordered: Store) -> None:
    table = of(ordered)
    table.write([(b"a", place(5) + b"x"), (b"b", place(3)), (b"c", place(4)), (b"c", place(9)), (b"d", place(1)), (b"d", None)], 1)
    assert table.places(b"", LAST, ALL) == [place(3) + b"b", place(5) + b"a", place(9) + b"c"]
    table.write([(b"a", place(1) + b"y"), (b"b", None), (b"nobody", None)], 2)
    assert table.places(b"", LAST, ALL) == [place(1) + b"a", place(9) + b"c"]
    table.clear()
    assert table.places(b"", LAST, ALL) == []


def test_places_are_read_from_a_start_to_the_first_that_is_not_before_the_end(ordered: Store) -> None:
    table = of(ordered)
    table.write([(b"k", place(number)) if number == 7 else (b"%d" % number, place(number)) for number in range(10)], 1)
    assert table.places(place(2), place(4), ALL) == [place(2) + b"2", place(3) + b"3", place(4) + b"4"]
    assert table.places(place(2) + b"3", place(2), ALL) == [place(3) + b"3"]
    assert table.places(place(2), LAST, 2) == [place(2) + b"2", place(3) + b"3"]
    assert table.places(place(8), LAST, ALL) == [place(8) + b"8", place(9) + b"9"]
    assert table.places(place(11), LAST, ALL) == []
    assert [table.count(until) for until in (b"", place(0), place(7), place(7) + b"z", LAST)] == [0, 0, 7, 8, 10]


def test_places_of_partitions_are_apart_and_outlive_the_process(tmp_path: Path) -> None:
    first = Store(tmp_path / "db", ordered=("o", "oo"))
    for number in (0, 1, 255, 256):
        of(first, number).write([(b"k%d" % number, place(number))], 1)
    first.partition("oo", 0).write([(b"other", place(0))], 1)
    first.close()
    again = Store(tmp_path / "db", ordered=("o", "oo"))
    for number in (0, 1, 255, 256):
        assert of(again, number).places(b"", LAST, ALL) == [place(number) + b"k%d" % number]
        assert of(again, number).count(LAST) == 1
    of(again, 1).clear()
    assert [len(of(again, number).places(b"", LAST, ALL)) for number in (0, 1, 255, 256)] == [1, 0, 1, 1]
    again.close()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.tuples(st.sampled_from([b"", b"a", b"b", b"ab"]), st.none() | st.integers(0, 4)), max_size=6), max_size=6))
def test_places_are_the_sorted_rows(ordered: Store, batches: list[list[tuple[bytes, int | None]]]) -> None:
    table, rows = of(ordered), dict[bytes, int]()
    table.clear()
    for batch in batches:
        table.write([(key, None if number is None else place(number)) for key, number in batch], 1)
        for key, number in batch:
            rows.pop(key, None)
            if number is not None:
                rows[key] = number
        assert table.places(b"", LAST, ALL) == sorted(place(number) + key for key, number in rows.items())
