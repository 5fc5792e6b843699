"""Where counters are kept: each user in one place, few to a value, and what a search finds in a row lies together."""

from collections import Counter
from collections.abc import Sequence

from schemas.partition import BUCKETS, bucket_of
from streams.audience.counting import SPLIT, TABLE, Counting, counter_keys
from streams.profiles.stored import user_key
from tests.unit.streams.make import NOW, binding
from tests.unit.streams.policy.test_caps import POLICY

USERS = [f"user-{number:06d}" for number in range(20_000)]


def test_a_value_is_of_a_part_of_a_user_bucket() -> None:
    keys = counter_keys(USERS)
    assert [int.from_bytes(key[:2], "big") for key in keys] == [bucket_of(user) for user in USERS]
    assert {key[2] for key in keys} == set(range(SPLIT))
    sizes = Counter(keys).values()
    assert max(sizes) < 20 * len(USERS) / (BUCKETS * SPLIT)


def test_what_is_found_in_a_row_lies_together() -> None:
    chunk = sorted(USERS, key=user_key)[:250]
    assert len({key[:2] for key in counter_keys(chunk)}) <= 250 // 8, "some ten users a bucket"
    assert sorted(key[:2] for key in counter_keys(chunk)) == [key[:2] for key in counter_keys(chunk)]


def test_what_is_counted_is_written_and_read_again() -> None:
    rows: dict[bytes, bytes | None] = {}

    def read(keys: Sequence[bytes]) -> Sequence[bytes | None]:
        assert len(set(keys)) == len(keys)
        return [rows.get(key) for key in keys]

    some = USERS[:100]
    for told in range(3):
        counting = Counting(read, some, NOW)
        assert all(counting.of[user].over(user, binding("frequency_cap"), POLICY, told) == "frequency_cap" for user in some[:40])
        assert counting.writes() == []
        for user in some[:40]:
            counting.of[user].count(user, "promotional")
        writes = counting.writes()
        assert {write.table for write in writes} == {TABLE}
        assert {write.key for write in writes} == set(counter_keys(some[:40]))
        rows |= {write.key: write.value for write in writes}
