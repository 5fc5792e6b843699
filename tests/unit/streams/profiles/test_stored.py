"""How a profile is kept locally: its bytes, and keys that sort by bucket."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from schemas.partition import bucket_of
from schemas.records import Device, Profile, QuietHours
from streams.profiles.stored import (
    NOBODY,
    PROFILE,
    Known,
    pack,
    platform_prefix,
    prefixes,
    tag_prefix,
    unpack,
    unpack_many,
    user_key,
    user_keys,
    user_of,
)
from tests.unit.streams.make import profile

users = st.text(min_size=1, max_size=12)


@given(users, st.integers(0, 2**63 - 1))
def test_a_profile_comes_back_whole(user: str, offset: int) -> None:
    made = profile(
        user,
        devices=[Device("ios", "a"), Device("web", "b")],
        quiet_hours=QuietHours(1320, 420),
        tags=["x"],
        source_positions={"api": 5, "cdc:t": 2**40},
        daily_digest=8,
        suppressed={"a@x": "hard_bounce"},
        unsubscribed=["promotional"],
        chat={"slack": "U1"},
    )
    known = unpack(pack(msgspec.structs.asdict(made), offset))
    assert known.offset == offset
    assert known.profile is not None
    assert msgspec.structs.asdict(known.profile) == msgspec.structs.asdict(made) | {"source_positions": {}}


def test_a_row_that_was_kept_before_a_field_was_added_can_be_read() -> None:
    """A copy without an index is never made anew."""
    row = list(msgspec.structs.astuple(profile(tags=["x"], source_positions={"api": 5})))
    known = unpack(bytes(8) + msgspec.msgpack.encode(row[: Profile.__struct_fields__.index("source_positions") + 1]))
    assert known.profile is not None
    assert (known.profile.tags, known.profile.suppressed, known.profile.daily_digest, known.profile.chat) == (["x"], {}, None, {})


def test_nothing_is_nobody() -> None:
    assert unpack(None) == NOBODY == Known(None, -1)


@given(users)
def test_a_key_is_bucket_and_user(user: str) -> None:
    assert user_key(user)[:2] == bucket_of(user).to_bytes(2, "big")
    assert user_of(user_key(user)) == user


@given(st.lists(users))
def test_many_keys_are_those_of_each(some: list[str]) -> None:
    assert user_keys(some) == [user_key(user) for user in some]


@given(users, users)
def test_keys_sort_by_bucket(one: str, other: str) -> None:
    if bucket_of(one) != bucket_of(other):
        assert (user_key(one) < user_key(other)) == (bucket_of(one) < bucket_of(other))


@given(st.text(alphabet="ab:", max_size=4), st.text(alphabet="ab:", max_size=4), users)
def test_no_tag_begins_like_another(tag: str, other: str, user: str) -> None:
    entry = tag_prefix(tag) + user_key(user)
    assert entry.startswith(tag_prefix(other)) == (tag == other)


def test_a_user_is_found_as_everybody_by_tag_and_by_platform() -> None:
    made = profile(tags=["x", "x", "z\0"], devices=[Device("ios", "a"), Device("ios", "b"), Device("web", "c"), Device("i\0", "d")])
    assert prefixes(made) == {PROFILE, tag_prefix("x"), platform_prefix("ios"), platform_prefix("web")}
    assert prefixes(None) == set()


def test_no_tag_is_a_platform_or_everybody() -> None:
    assert len({tag_prefix("ios"), platform_prefix("ios"), PROFILE}) == 3


def test_many_are_unpacked_as_each_alone() -> None:
    rows = [
        pack(msgspec.structs.asdict(Profile(user_id=f"u-{n}", channels=["push"], updated_at=n, applied_offset=n)), n) for n in range(70_000)
    ]
    values = [None, *rows[:3], None, rows[-1]]
    assert unpack_many(values) == [unpack(value) for value in values]
    assert unpack_many([]) == []
    assert unpack_many([None]) == [NOBODY]
    assert [known.offset for known in unpack_many(rows)] == list(range(70_000)), "more than the shorter lengths of an array count"
