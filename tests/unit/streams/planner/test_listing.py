"""A list in parts: everybody once, at home, in chunks that follow on from each other; and what is no list."""

from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.partition import partition_of
from schemas.records import Audience, ExpandAudience, NotificationRequested
from streams.digest.state import USERS_DIGESTED
from streams.planner.listing import in_parts, listing_of, plan_part, seen_of
from streams.planner.rules import USERS_PER_COMMAND, AudienceInvalid, IdempotencyConflict, Listing, RequestUnfit, Seen, digest_of, is_repeat
from tests.unit.streams.make import NOW, notification, request

Planned = list[tuple[int, ExpandAudience]]


def parts(users: Sequence[str], cuts: Sequence[int], **changed: object) -> list[NotificationRequested]:
    """Users in order, in parts that end at the cuts."""
    ends = sorted({0, len(users), *(cut for cut in cuts if 0 < cut < len(users))})
    asked = request(**changed)  # type: ignore[arg-type]
    return [
        msgspec.structs.replace(asked, audience=Audience(list(users[start:end])), part=number, users_in_all=len(users))
        for number, (start, end) in enumerate(zip(ends, ends[1:], strict=False))
    ]


def planned(asked: Sequence[NotificationRequested], partitions: int) -> tuple[list[Planned], Listing]:
    listing, found = Listing(), []
    for part in asked:
        commands, listing = plan_part(part, listing, partitions)
        found.append(commands)
    return found, listing


@given(
    st.sets(st.text(min_size=1, max_size=4), min_size=1, max_size=60), st.lists(st.integers(1, 60), max_size=6), st.sampled_from([1, 3, 8])
)
def test_each_user_goes_home_once_and_each_partition_ends_once(names: set[str], cuts: list[int], partitions: int) -> None:
    asked = parts(sorted(names), cuts)
    found, listing = planned(asked, partitions)
    everything = [each for commands in found for each in commands]
    assert sorted((partition, user) for partition, command in everything for user in command.users) == sorted(
        (partition_of(user, partitions), user) for user in names
    )
    for partition in range(partitions):
        mine = [command for number, command in everything if number == partition]
        assert [command.chunk for command in mine] == list(range(len(mine)))
        assert [command.last for command in mine] == [False] * (len(mine) - 1) + [True]
    assert {command.partitions for _, command in everything} == {partitions}
    assert (listing.parts, listing.users, listing.after) == (len(asked), len(names), max(names))
    assert all(command.users for commands in found[:-1] for _, command in commands)


@pytest.mark.parametrize(("key", "most"), [("", USERS_PER_COMMAND), ("post-1", USERS_DIGESTED)])
def test_commands_of_a_part_are_no_larger_than_others(key: str, most: int) -> None:
    users = sorted(f"u{number:05}" for number in range(2 * most + 2))
    found, _ = planned(parts(users, [most + 1], digest_key=key), 1)
    assert [[len(command.users) for _, command in commands] for commands in found] == [[most, 1], [most, 1]]


def test_users_are_in_the_order_of_their_bytes() -> None:
    names = ["a", "z", "é", "\uffff", "\U0001f600"]
    assert sorted(names) == sorted(names, key=str.encode) == names
    planned(parts(names, [2]), 4)


@pytest.mark.parametrize("users", [("b", "a"), ("a", "a")])
def test_who_is_named_twice_is_found(users: tuple[str, str]) -> None:
    for cuts in ([], [1]):
        with pytest.raises(AudienceInvalid, match=f"'{users[1]}' comes after '{users[0]}'.* ascending order over all parts, each once"):
            planned(parts(users, cuts), 4)


def test_a_part_before_its_turn_is_refused_and_planned_when_it_comes_again() -> None:
    first, second, third = parts("abc", [1, 2])
    with pytest.raises(RequestUnfit, match="part 1 of a list: part 0 is the next; this one may be replayed when those before it"):
        plan_part(second, Listing(), 4)
    assert planned([first, second, third], 4)[1].users == 3


def test_no_more_users_than_was_said() -> None:
    first, second = parts("ab", [1])
    _, listing = plan_part(first, Listing(), 4)
    with pytest.raises(RequestUnfit, match="3 users are named by now; users_in_all is 2"):
        plan_part(msgspec.structs.replace(second, audience=Audience(["b", "c"])), listing, 4)


@pytest.mark.parametrize("audience", [Audience(), Audience(["a"], "all")])
def test_a_part_names_users_alone(audience: Audience) -> None:
    with pytest.raises(AudienceInvalid, match="it names users, and has no expression"):
        plan_part(msgspec.structs.replace(request(), audience=audience, users_in_all=1), Listing(), 4)


def test_a_request_alone_is_no_part() -> None:
    assert not in_parts(request(users=("a",)))
    assert all(map(in_parts, parts("ab", [1])))
    plain = Seen(5, digest_of(request(users=("a",))))
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(plain)) == {"offset": 5, "digest": plain.digest}


def test_the_same_part_again_is_a_repeat_and_another_is_a_conflict() -> None:
    first, second = parts("ab", [1])
    own = Seen(5, digest_of(first), Listing())
    again = msgspec.structs.replace(first, notification=notification(accepted_at=NOW + 9))
    assert is_repeat(own, again, 6)
    assert not is_repeat(own, first, 5)
    with pytest.raises(IdempotencyConflict):
        is_repeat(own, msgspec.structs.replace(first, audience=Audience(["c"])), 6)
    with pytest.raises(IdempotencyConflict):
        is_repeat(own, second, 6)


def test_parts_share_everything_but_their_users() -> None:
    first, second = parts("ab", [1])
    known = seen_of(None, first, 5, Listing(1, 1, "a"))
    assert listing_of(known, None, second) == Listing(1, 1, "a")
    assert listing_of(None, None, first) == Listing()
    assert seen_of(known, second, 6, Listing(2, 2, "b")) == Seen(5, known.digest, Listing(2, 2, "b"))
    for other in (
        msgspec.structs.replace(second, notification=notification(template_version=2)),
        msgspec.structs.replace(second, users_in_all=3),
        msgspec.structs.replace(second, idempotency_key="other"),
    ):
        with pytest.raises(IdempotencyConflict, match="part 1 of notification .*: offset 5 used key .* for another content"):
            listing_of(known, None, other)


def test_a_list_and_a_request_alone_share_no_key() -> None:
    first, alone = parts("ab", [1])[0], request(users=("a", "b"))
    with pytest.raises(IdempotencyConflict):
        listing_of(Seen(3, digest_of(alone)), None, first)
    with pytest.raises(IdempotencyConflict):
        is_repeat(seen_of(None, first, 3, Listing(1, 1, "a")), alone, 4)


def test_what_comes_again_after_a_crash_is_planned_from_where_it_was() -> None:
    first, second = parts("ab", [1])
    commands, after = plan_part(first, Listing(), 4)
    known, own = seen_of(None, first, 5, after), Seen(5, digest_of(first), Listing())
    assert plan_part(first, listing_of(known, own, first), 4) == (commands, after)
    assert listing_of(known, None, second) == after
