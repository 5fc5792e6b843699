"""Who is found: as an oracle says in generated histories, and in cases that are worth a name."""

import pytest

from schemas.records import Device, Profile
from streams.audience.expression import parse
from streams.audience.matching import holds
from streams.audience.search import LOOK_AT, Found, search
from streams.profiles.stored import user_key
from tests.generated import HISTORIES
from tests.unit.streams.audience.histories import run
from tests.unit.streams.audience.index import MemoryIndex
from tests.unit.streams.make import profile


class Counting(MemoryIndex):
    """An index that knows how much was read of it."""

    def __init__(self, *args: object) -> None:
        super().__init__(*args)  # type: ignore[arg-type]
        self.read = 0

    def keys(self, prefix: bytes, start: bytes, limit: int) -> list[bytes]:
        found = super().keys(prefix, start, limit)
        self.read += len(found)
        return found


def people(count: int) -> list[Profile]:
    """User n has the tag `by-N` for each N that divides n, and an iPhone when n is even."""
    return [
        profile(f"u{n}", tags=[f"by-{by}" for by in (2, 3, 5, 400) if n % by == 0], devices=[Device("ios", "t")] if n % 2 == 0 else [])
        for n in range(count)
    ]


def found(expression: str, index: MemoryIndex, users: tuple[str, ...] = (), cursor: str = "", limit: int = 10_000) -> Found:
    wanted = parse(expression)
    assert wanted is not None
    return search(wanted, users, index, cursor, limit, look_at=10**9)


def test_every_chunk_is_what_the_oracle_says() -> None:
    assert run(HISTORIES, derandomize=HISTORIES <= 1000) >= HISTORIES


@pytest.mark.parametrize(
    "expression",
    [
        "all", "tag:by-2", "not tag:by-2", "tag:by-2 and tag:by-3 and tag:by-5", "tag:by-2 or tag:by-3", "platform:ios and not tag:by-3",
        "tag:by-400 and tag:by-2", "tag:by-2 and not (tag:by-3 or tag:by-5)", "not tag:by-2 and not tag:by-3", "tag:by-3 or not tag:by-2",
        "(tag:by-2 or tag:by-3) and (tag:by-5 or tag:by-400)", "tag:nobody", "platform:android or user:u7 or user:ghost", "all and not all",
        "all and not (user:u1 or user:u2)", "tag:by-2 and not (tag:by-3 and platform:ios)",
    ],
)  # fmt: skip
@pytest.mark.parametrize("limit", [7, 250, 5000])
def test_many_are_found_as_the_plain_rule_says(expression: str, limit: int) -> None:
    profiles = people(3000)
    index, wanted = MemoryIndex.of(profiles), parse(expression)
    assert wanted is not None
    expected = sorted((one.user_id for one in profiles if holds(wanted, one)), key=user_key)
    users: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        some, cursor = found(expression, index, cursor=cursor, limit=limit)
        users += some
    assert users == expected


def test_named_users_need_no_profile_and_are_found_once() -> None:
    index = MemoryIndex.of(people(4))
    assert sorted(found("tag:by-2", index, ("u0", "u1", "ghost")).users) == ["ghost", "u0", "u1", "u2"]
    assert found("user:ghost", index).users == []


def test_the_smallest_set_is_read_and_the_rest_is_leapt_over() -> None:
    index = Counting.of(people(20_000))
    assert isinstance(index, Counting)
    assert len(found("tag:by-2 and platform:ios and tag:by-400", index).users) == 50
    assert index.read < 1500


def test_a_union_reads_each_part_about_once() -> None:
    index = Counting.of(people(20_000))
    assert isinstance(index, Counting)
    cursor: str | None = ""
    while cursor is not None:
        cursor = found("tag:by-2 or tag:by-400", index, cursor=cursor, limit=250).cursor
    assert index.read < 1.3 * (10_000 + 50)


def test_a_chunk_looks_at_so_much_and_goes_on_from_there() -> None:
    """Two large sets that share nobody: found in bounded chunks, though each finds nobody."""
    index = Counting.of([profile(f"u{n}", tags=["odd" if n % 2 else "even"]) for n in range(60_000)])
    assert isinstance(index, Counting)
    wanted, cursor, chunks = parse("tag:odd and tag:even"), "", 0
    assert wanted is not None
    while cursor is not None:
        before = index.read
        users, cursor = search(wanted, (), index, cursor, 250)
        assert (users, index.read - before < 2 * LOOK_AT) == ([], True)
        chunks += 1
    assert 5 < chunks < 30


def test_chunks_of_one_set_read_no_more_than_they_give() -> None:
    index = Counting.of(people(1000))
    assert isinstance(index, Counting)
    assert len(found("tag:by-2", index, limit=250).users) == 250
    assert index.read == 250
