"""The rate of a campaign: never more than it says, and no slower than it must be. Partitions are played against one clock."""

import heapq
from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.records import ExpandAudience
from streams.audience.control import CANCELLED, Campaign, controlled
from streams.audience.pace import chunk_limit, following, passed, postponed, time_of, turn_of
from tests.unit.streams.make import NOW, command, control

CHUNK = 250


def at_rate(per_second: int, **changed: object) -> Campaign:
    return msgspec.structs.replace(Campaign(per_second=per_second), **changed)


def play(per_second: int, sizes: Sequence[int], late: Sequence[int]) -> list[tuple[int, int]]:
    """(time, users) of each chunk of a search, one partition of so many users each; the nth timer fires `late[n]` ms late."""
    events = [(NOW, number, command(expression="all", partitions=len(sizes))) for number in range(len(sizes))]
    states, left, chunks = [at_rate(per_second)] * len(sizes), list(sizes), []
    while events:
        now, number, one = heapq.heappop(events)
        assert turn_of(states[number], one) <= now
        users = min(left[number], chunk_limit(states[number], len(sizes), CHUNK))
        chunks.append((now, users))
        left[number] -= users
        states[number] = passed(states[number], one, users, now)
        if left[number]:
            rest = following(states[number], msgspec.structs.replace(one, chunk=one.chunk + 1, not_before=0))
            heapq.heappush(events, (max(now, rest.not_before) + late[len(chunks) % len(late)], number, rest))
    return chunks


@settings(deadline=None)
@given(
    st.integers(1, 3000),
    st.lists(st.integers(0, 400), min_size=1, max_size=8),
    st.lists(st.integers(0, 1500), min_size=1, max_size=5),
)
def test_no_window_holds_more_than_the_rate_allows(per_second: int, sizes: list[int], late: list[int]) -> None:
    chunks = play(per_second, sizes, late)
    assert sum(users for _, users in chunks) == sum(sizes)
    largest = len(sizes) * max(1, min(CHUNK, per_second // len(sizes)))
    done, least = 0, 0  # the window of all that has most for its length ends here, and began where this was least
    for number, (now, users) in enumerate(chunks):
        begun = 1000 * done - per_second * (now - NOW)
        least = min(least, begun) if number else begun
        done += users
        assert 1000 * done - per_second * (now - NOW) - least <= 1000 * (per_second + largest)


@pytest.mark.parametrize(("per_second", "partitions"), [(1, 8), (7, 8), (8, 8), (100, 8), (500, 8), (5000, 8), (1000, 1)])
def test_punctual_timers_make_the_rate(per_second: int, partitions: int) -> None:
    sizes = [max(40, per_second) for _ in range(partitions)]
    chunks = play(per_second, sizes, [0])
    took = max(now for now, _ in chunks) - NOW
    ideal = sum(sizes) * 1000 / per_second
    assert ideal - 2000 - 1000 * partitions / per_second <= took <= ideal


def test_late_timers_cost_no_rate_while_they_are_less_than_a_second_late() -> None:
    assert max(now for now, _ in play(100, [1000], [400])) - NOW <= 10_000 + 400


def test_a_chunk_is_what_a_second_allows_and_one_at_least() -> None:
    assert chunk_limit(at_rate(500), 8, CHUNK) == 62
    assert chunk_limit(at_rate(5), 8, CHUNK) == 1
    assert chunk_limit(at_rate(1_000_000), 8, CHUNK) == CHUNK
    assert chunk_limit(at_rate(0), 8, CHUNK) == CHUNK


def test_time_is_rounded_up() -> None:
    assert (time_of(1, 3, 1), time_of(1, 3, 8), time_of(0, 3, 8)) == (334, 2667, 0)


def named(users: int, chunk: int, **changed: object) -> ExpandAudience:
    return command(users=[f"u{number}" for number in range(users)], chunk=chunk, partitions=2, **changed)


def test_named_users_have_their_turns_one_command_after_the_other() -> None:
    state = passed(at_rate(100), named(1000, 0), 1000, NOW)
    assert state.next_at == NOW - 1000 + 20_000
    state, one = postponed(state, named(1000, 1))
    state, two = postponed(state, named(500, 2))
    assert (one.not_before, two.not_before, state.next_at) == (NOW + 19_000, NOW + 39_000, NOW + 49_000)
    assert turn_of(state, one) == NOW + 19_000
    assert passed(state, one, 1000, NOW + 19_000) == state, "their time was taken with their turn"


def test_who_has_a_turn_keeps_it() -> None:
    state, again = postponed(at_rate(100, next_at=NOW + 9000), named(10, 1, not_before=NOW + 500))
    assert (again.not_before, state.next_at) == (NOW + 500, NOW + 9000)


def test_without_a_rate_everything_is_at_once() -> None:
    for state in (Campaign(), at_rate(5, state=CANCELLED, next_at=NOW + 1000)):
        assert turn_of(state, command(not_before=NOW + 9000)) == 0
        assert following(state, command()).not_before == 0
        assert passed(state, command(), 1000, NOW).next_at == 0


def test_a_rate_that_is_lifted_lets_go_at_once() -> None:
    slow = passed(controlled(Campaign(), control("rate", NOW, per_second=1)), named(1000, 0), 1000, NOW)
    assert turn_of(slow, named(1000, 1)) > NOW + 1_000_000
    assert turn_of(controlled(slow, control("rate", NOW + 1, per_second=0)), named(1000, 1)) == 0
