"""How changes become a profile, in every order in which they can come."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.partition import partition_of
from schemas.records import Device, Profile, ProfileChanged, QuietHours
from streams.profiles.rules import DEFAULT_CHANNELS, WrongPartitionError, check_partition, fold
from tests.unit.streams.make import NOW, change, profile

# two sources that say different things, as the API and a table's CDC do
OF_API: dict[str, st.SearchStrategy[Any]] = {
    "channels": st.lists(st.sampled_from(["push", "email", "in_app", "sms"]), unique=True),
    "muted_categories": st.lists(st.sampled_from(["promotional", "engagement"]), unique=True),
    "language": st.sampled_from(["en", "de"]),
}
OF_CDC: dict[str, st.SearchStrategy[Any]] = {
    "email": st.sampled_from(["", "a@example.com", "b@example.com"]),
    "devices": st.lists(st.sampled_from([Device("ios", "1"), Device("web", "2")]), unique=True, max_size=2),
    "tags": st.lists(st.sampled_from(["x", "y"]), unique=True),
}


def fold_all(changes: list[ProfileChanged], known: Profile | None = None, first_offset: int = 0) -> Profile | None:
    for offset, each in enumerate(changes, first_offset):
        known = fold(known, each, offset)
    return known


def content(known: Profile | None) -> object:
    """A profile without where it stands in the log."""
    return known and [getattr(known, name) for name in known.__struct_fields__ if name not in ("applied_offset", "source_positions")]


def changes_of(source: str, fields: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[list[ProfileChanged]]:
    patches = st.lists(st.fixed_dictionaries({}, optional=fields), max_size=4)
    return patches.map(lambda all_: [change(source=source, position=number, **patch) for number, patch in enumerate(all_)])


@st.composite
def interleavings(draw: st.DrawFn) -> tuple[list[ProfileChanged], list[ProfileChanged]]:
    one, two = draw(changes_of("api", OF_API)), draw(changes_of("cdc", OF_CDC))
    turns = draw(st.permutations([0] * len(one) + [1] * len(two)))
    queues = [iter(one), iter(two)]
    return [*one, *two], [next(queues[turn]) for turn in turns]


def test_a_new_user_has_the_default_channels() -> None:
    made = fold(None, change(email="a@example.com"), 7)
    assert made is not None
    assert (made.user_id, made.channels, made.email, made.applied_offset) == ("ann", list(DEFAULT_CHANNELS), "a@example.com", 7)
    assert made.source_positions == {"api": 0}


def test_what_a_change_does_not_name_stays() -> None:
    before = profile(language="de", tags=["x"], quiet_hours=QuietHours(1, 2))
    after = fold(before, change(tags=[]), 1)
    assert after is not None
    assert (after.tags, after.language, after.email, after.quiet_hours) == ([], "de", before.email, QuietHours(1, 2))


def test_an_empty_value_is_a_value() -> None:
    after = fold(profile(), change(email="", channels=[], phone_verified=False), 1)
    assert after is not None
    assert (after.email, after.channels, after.phone_verified) == ("", [], False)


def test_time_does_not_run_back() -> None:
    after = fold(profile(updated_at=NOW + 5), change(), 1)
    assert after is not None
    assert after.updated_at == NOW + 5


def test_a_deleted_user_is_gone_and_may_come_back() -> None:
    assert fold(profile(), change(deleted=True, position=1), 1) is None
    again = fold(None, change(position=2, tags=["new"]), 2)
    assert again is not None
    assert (again.tags, again.email) == (["new"], "")


def test_deleting_nobody_is_nothing() -> None:
    assert fold(None, change(deleted=True), 1) is None


def test_an_older_change_of_the_same_source_changes_nothing() -> None:
    known = fold(None, change(position=5, email="new@example.com"), 0)
    assert fold(known, change(position=4, email="old@example.com"), 1) is known
    assert fold(known, change(position=4, deleted=True), 1) is known


def test_two_changes_at_one_position_both_count() -> None:
    """A snapshot's row and the change after it share one."""
    known = fold_all([change(position=5, email="a@example.com"), change(position=5, email="b@example.com")])
    assert known is not None
    assert known.email == "b@example.com"


def test_sources_count_apart() -> None:
    known = fold_all([change(source="api", position=100), change(source="cdc", position=1, email="cdc@example.com")])
    assert known is not None
    assert known.email == "cdc@example.com"
    assert known.source_positions == {"api": 100, "cdc": 1}


@given(interleavings())
def test_two_sources_in_any_order_of_arrival(orders: tuple[list[ProfileChanged], list[ProfileChanged]]) -> None:
    in_order, interleaved = orders
    assert content(fold_all(interleaved)) == content(fold_all(in_order))


@given(st.lists(st.tuples(st.sampled_from(["api", "cdc"]), st.sampled_from([["push"], ["email"], []])), min_size=1, max_size=6), st.data())
def test_changes_that_come_again_never_bring_back_an_older_state(said: list[tuple[str, list[str]]], data: st.DataObject) -> None:
    """After a crash the last changes come again, in order: a user who opted out last stays out, also for the moment in between."""
    changes = [change(source=source, position=number, channels=channels) for number, (source, channels) in enumerate(said)]
    known = fold_all(changes)
    start = data.draw(st.integers(0, len(changes) - 1))
    for offset in range(start, len(changes)):
        again = fold(known, changes[offset], offset)
        assert again is not None
        assert known is not None
        assert again.channels == known.channels
        known = again


def test_one_record_that_comes_again_is_applied_again_whole() -> None:
    """Its changes share an offset."""
    both = [change(position=5, email="a@example.com", tags=["x"]), change(position=5, tags=[])]
    once = fold(fold(None, both[0], 3), both[1], 3)
    assert fold(fold(once, both[0], 3), both[1], 3) == once


@pytest.mark.parametrize("user", ["ann", "bob", "", "å"])
def test_users_live_in_one_partition(user: str) -> None:
    home = partition_of(user, 8)
    check_partition(user, home, 8)
    with pytest.raises(WrongPartitionError, match=f"lives in partition {home}, not {(home + 1) % 8}"):
        check_partition(user, (home + 1) % 8, 8)
