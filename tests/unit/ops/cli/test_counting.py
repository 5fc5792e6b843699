"""How many an audience has: the last profile of each user counts, and a part stands for the whole with a margin that holds."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.cli.audience import checked, told
from ops.cli.counting import Counter, count_of
from ops.cli.errors import BadRequest
from schemas.records import Profile
from tests.unit.streams.make import profile


def vip(user: str, *, yes: bool) -> Profile:
    return profile(user, tags=["vip"] if yes else [])


def test_the_last_profile_of_a_user_counts() -> None:
    counter = Counter(checked("tag:vip and not platform:web"))
    for user, yes in (("a", True), ("b", False), ("c", True), ("b", True), ("a", False)):
        counter.note(user.encode(), vip(user, yes=yes))
    counter.note(b"c", None)
    counter.note(b"ghost", None)
    assert counter.totals() == (1, 2)


def test_all_partitions_are_exact() -> None:
    found = count_of("all", [(3, 10), (0, 0)], 2)
    assert (found.users, found.profiles, found.margin, found.exact) == (3, 10, 0, True)
    assert told(found) == "3 of 10 users (exact, as of now)"


def test_some_stand_for_all() -> None:
    found = count_of("all", [(1032, 12_484)], 8)
    assert told(found) == "about 8,256 (± 472) of 99,872 users (estimated from 1 of 8 partitions)"


@given(st.integers(0, 2**32))
def test_nobody_in_a_part_is_not_nobody_for_certain(seed: int) -> None:
    assert count_of("all", [(0, seed)], 8).margin > 0


def test_the_margin_holds_as_often_as_it_says() -> None:
    dice, inside = random.Random(5), 0
    for _ in range(400):
        part = sum(dice.randrange(8) == 0 for _ in range(1000))
        found = count_of("all", [(part, part)], 8)
        inside += abs(found.users - 1000) <= found.margin
    assert 0.92 < inside / 400 < 0.99


@pytest.mark.parametrize(("expression", "complaint"), [("", "the audience is empty"), ("tag:a or", "found the end \\(character 9\\)")])
def test_what_can_not_be_counted(expression: str, complaint: str) -> None:
    with pytest.raises(BadRequest, match=complaint):
        checked(expression)
