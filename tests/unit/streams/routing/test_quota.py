"""A limit is cut by role and partition: all parts together are no more than it, and nearly all of it."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.routing.quota import quota_of, share_of


@given(limit=st.integers(1, 10**7), partitions=st.integers(1, 64), urgent=st.floats(0.01, 0.99))
def test_the_partitions_of_both_roles_together_have_no_more_than_the_limit_and_nearly_all(
    limit: int, partitions: int, urgent: float
) -> None:
    quotas = [quota_of(limit, part, number, partitions) for part in (urgent, 1 - urgent) for number in range(partitions)]
    assert min(quotas) >= 0
    assert limit - 2 <= sum(quotas) <= limit
    assert max(quotas[:partitions]) - min(quotas[:partitions]) <= 1


@given(limit=st.floats(0.1, 10**6), part=st.floats(0.01, 1), owner_of=st.dictionaries(st.integers(0, 23), st.integers(0, 5), max_size=24))
def test_whoever_has_which_partitions_all_together_have_the_limit(limit: float, part: float, owner_of: Mapping[int, int]) -> None:
    """However many are nobody's; who has one is never without a share."""
    owners = {owner: frozenset(one for one in owner_of if owner_of[one] == owner) for owner in owner_of.values()}
    shares = [share_of(limit, part, mine, 24) for mine in owners.values()]
    assert sum(shares) <= limit * part * len(owner_of) / 24 + len(owner_of)
    assert sum(shares) <= limit * part * (1 + 1e-9)
    assert all(share > 0 for share in shares)


@pytest.mark.parametrize(
    ("limit", "mine", "share"),
    [
        (500, range(6), 123.0),
        (500, range(18, 24), 124.0),
        (23, range(6), 5.6925),
        (25, range(6), 6.0),
        (0.5, range(24), 0.495),
        (500, (), 0.0),
    ],
)
def test_shares_are_whole_messages_where_each_partition_has_one(limit: float, mine: range, share: float) -> None:
    assert share_of(limit, 0.99, frozenset(mine), 24) == pytest.approx(share)
