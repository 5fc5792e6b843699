"""Which partitions expand a request, and which requests are had already."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.partition import partition_of
from schemas.records import Audience, NotificationRequested, Output
from streams.audience.own import bytes_of, own_of
from streams.digest.state import USERS_DIGESTED
from streams.planner.rules import (
    MAX_AHEAD_MS,
    MAX_NOTIFICATION_BYTES,
    MAX_OWN_BYTES,
    OWN_BYTES_PER_COMMAND,
    USERS_PER_COMMAND,
    AudienceInvalid,
    IdempotencyConflict,
    RequestUnfit,
    Seen,
    at_its_time,
    check,
    digest_of,
    due_of,
    expiring,
    is_repeat,
    plan,
)
from streams.profiles.rules import UserInvalid
from tests.unit.streams.make import ALL, NOW, notification, request


def test_a_request_that_was_never_seen_is_none_again() -> None:
    assert not is_repeat(None, request(users=("ann",)), 5)


def test_the_same_record_after_a_crash_is_planned_again() -> None:
    asked = request(users=("ann",))
    assert not is_repeat(Seen(5, digest_of(asked)), asked, 5)


def test_the_same_request_from_another_record_is_a_repeat() -> None:
    asked = request(users=("ann",))
    again = msgspec.structs.replace(asked, notification=notification(accepted_at=NOW + 9), rules_version="newer")
    assert is_repeat(Seen(5, digest_of(asked)), again, 6)
    assert is_repeat(Seen(5, digest_of(asked)), again, 4)


@pytest.mark.parametrize(
    "other",
    [
        request(users=("bob",)),
        request(expression="all"),
        request(users=("ann",), key="other"),
        request(users=("ann",), template_version=2),
        request(users=("ann",), local_minute=540),
        request(users=("ann",), data={"order_id": "2", "total": "9.99", "name": "Ann"}),
    ],
)
def test_the_same_id_with_another_content_is_a_conflict(other: NotificationRequested) -> None:
    seen = Seen(5, digest_of(request(users=("ann",))))
    with pytest.raises(IdempotencyConflict, match="offset 5 used key .* for another content"):
        is_repeat(seen, other, 6)


def test_the_digest_does_not_depend_on_the_order_of_data() -> None:
    one = request(users=("ann",), data={"a": "1", "b": "2"})
    other = request(users=("ann",), data={"b": "2", "a": "1"})
    assert digest_of(one) == digest_of(other)
    assert len(digest_of(one)) == 16


@pytest.mark.parametrize("channels", [["push", "fax"], ["fax"]])
def test_channels_nobody_serves(channels: list[str]) -> None:
    with pytest.raises(RequestUnfit, match="some of push, email, in_app, or none"):
        check(request(channels=channels), ALL)


def test_who_names_no_channel_takes_those_of_policy() -> None:
    asked = request(users=("ann",), channels=[])
    check(asked, ALL)
    ((_, command),) = plan(asked, 4)
    assert (command.notification.channels, command.channels) == ([], [])


def test_a_notification_is_at_most_64_kib() -> None:
    room = MAX_NOTIFICATION_BYTES - len(msgspec.msgpack.encode(notification(data={"x": "." * 60_000}))) + 60_000
    check(request(data={"x": "." * room}), ALL)
    with pytest.raises(RequestUnfit, match="65537 bytes; the limit is 65536"):
        check(request(data={"x": "." * (room + 1)}), ALL)


@pytest.mark.parametrize("user", ["", "x" * 257])
def test_user_ids_that_can_not_be_used(user: str) -> None:
    check(request(users=("ann", "x" * 256)), ALL)
    with pytest.raises(UserInvalid, match="1 to 256"):
        check(request(users=("ann", user)), ALL)


def test_an_audience_is_somebody() -> None:
    with pytest.raises(AudienceInvalid, match="needs users or an expression"):
        plan(msgspec.structs.replace(request(), audience=Audience()), 8)


def test_all_commands_say_when_it_is_too_late() -> None:
    asked = request(users=("ann", "bob"), expression="all")
    assert {one.notification.expires_at for _, one in plan(expiring(asked, NOW + 7), 4)} == {NOW + 7}
    assert expiring(asked, None) == asked


@given(st.lists(st.text(min_size=1, max_size=4), max_size=60), st.sampled_from([1, 2, 8, 64]))
def test_users_and_an_expression_add_up(users: list[str], partitions: int) -> None:
    commands = plan(request(users=tuple(users), expression="all"), partitions)
    assert [partition for partition, _ in commands] == list(range(partitions))
    assert {(c.expression, c.chunk, c.last, c.partitions) for _, c in commands} == {("all", 0, True, partitions)}
    planned = [(partition, user) for partition, command in commands for user in command.users]
    assert sorted(planned) == sorted((partition_of(user, partitions), user) for user in set(users))


def test_beside_an_expression_a_command_names_a_thousand_at_most() -> None:
    users = tuple(f"u{number}" for number in range(USERS_PER_COMMAND))
    assert len(plan(request(users=users, expression="all"), 1)[0][1].users) == USERS_PER_COMMAND
    with pytest.raises(AudienceInvalid, match="1001 users of one partition are named beside an expression; the limit is 1000"):
        plan(request(users=(*users, "one more"), expression="all"), 1)


@given(st.integers(1, 64))
def test_an_expression_goes_to_every_partition_once(partitions: int) -> None:
    commands = plan(request(expression="tag:sale"), partitions)
    assert [partition for partition, _ in commands] == list(range(partitions))
    assert {(c.expression, c.cursor, c.chunk, c.last, c.partitions) for _, c in commands} == {("tag:sale", "", 0, True, partitions)}
    assert all(not command.users for _, command in commands)


@given(st.lists(st.text(min_size=1, max_size=4), min_size=1, max_size=60), st.sampled_from([1, 2, 8, 64]))
def test_each_named_user_goes_home_once(users: list[str], partitions: int) -> None:
    commands = plan(request(users=tuple(users)), partitions)
    planned = [(partition, user) for partition, command in commands for user in command.users]
    assert sorted(planned) == sorted((partition_of(user, partitions), user) for user in set(users))
    assert {command.partitions for _, command in commands} == {len({partition for partition, _ in commands})}
    assert [partition for partition, _ in commands] == sorted(partition for partition, _ in commands)


@given(st.sampled_from([1, 999, 1000, 1001, 2000, 2001, 3500]))
def test_many_users_of_one_partition_are_chunks_with_numbers(count: int) -> None:
    commands = plan(request(users=tuple(f"u{number}" for number in range(count))), 1)
    sizes = [len(command.users) for _, command in commands]
    assert sum(sizes) == count
    assert all(size == USERS_PER_COMMAND for size in sizes[:-1])
    assert [command.chunk for _, command in commands] == list(range(len(commands)))
    assert [command.last for _, command in commands] == [False] * (len(commands) - 1) + [True]


def test_the_same_request_gives_the_same_commands() -> None:
    users = tuple(f"u{number}" for number in range(50))
    assert plan(request(users=users), 8) == plan(request(users=users), 8)


# --- for later


def test_the_digest_is_the_one_from_before_there_were_schedules() -> None:
    """Else a release would refuse whatever is repeated over it."""
    assert digest_of(request(users=("ann",))).hex() == "921a6a6a9a238ff8b4efb577081b229d"


def test_who_asks_again_for_later_asks_for_another_time() -> None:
    assert is_repeat(Seen(5, digest_of(request(users=("ann",), not_before=NOW + 1))), request(users=("ann",), not_before=NOW + 9), 6)
    assert is_repeat(Seen(5, digest_of(request(users=("ann",)))), request(users=("ann",), not_before=NOW + 9), 6)


@pytest.mark.parametrize(
    ("not_before", "due"),
    [(None, None), (0, None), (NOW - 1, None), (NOW, None), (NOW + 1, NOW + 1), (NOW + MAX_AHEAD_MS, NOW + MAX_AHEAD_MS)],
)
def test_what_lies_ahead_when_it_is_accepted_is_scheduled(not_before: int | None, due: int | None) -> None:
    asked = request(users=("ann",), not_before=not_before)
    check(asked, ALL)
    assert due_of(asked.notification) == due


@pytest.mark.parametrize(
    ("schedule", "says"),
    [
        ({"not_before": NOW + MAX_AHEAD_MS + 1}, "60.0 days ahead; the limit is 60"),
        ({"local_minute": -1}, "local_minute -1: 0 to 1439"),
        ({"local_minute": 1440}, "local_minute 1440"),
        ({"not_before": NOW + 9, "expires_at": NOW + 9}, f"it expires at {NOW + 9}, and nobody is told before {NOW + 9}"),
    ],
)
def test_a_schedule_that_can_t_be_kept(schedule: dict[str, int], says: str) -> None:
    with pytest.raises(RequestUnfit, match=says):
        check(request(users=("ann",), **schedule), ALL)


@pytest.mark.parametrize(
    "schedule", [{"local_minute": 0}, {"not_before": NOW + 9, "expires_at": NOW + 10, "local_minute": 1439}, {"expires_at": 1}]
)
def test_a_schedule_that_can(schedule: dict[str, int]) -> None:
    check(request(users=("ann",), **schedule), ALL)


def test_each_command_has_a_timer_of_its_own() -> None:
    users = tuple(f"u{number}" for number in range(3 * USERS_PER_COMMAND))
    timers = [
        at_its_time(command, NOW + 5, Output(topic="notify.fanout", partition=partition, key=b"k"))
        for partition, command in plan(request(users=users, not_before=NOW + 5), 2)
    ]
    assert len({timer.timer_id for timer in timers}) == len(timers) >= 4
    assert {(timer.kind, timer.due) for timer in timers} == {("schedule", NOW + 5)}


def test_a_command_names_fewer_whose_digests_it_changes() -> None:
    asked = request(users=tuple(f"u{number}" for number in range(USERS_DIGESTED + 1)), digest_key="k")
    assert [(len(one.users), one.chunk, one.last) for _, one in plan(asked, 1)] == [(USERS_DIGESTED, 0, False), (1, 1, True)]


def test_what_a_digest_can_not_be() -> None:
    check(request(digest_key="k" * 256, actor="Ann", withheld={"push": "seen"}), ALL)
    for changed in ({"digest_key": "k" * 257}, {"actor": "ü" * 129}):
        with pytest.raises(RequestUnfit, match=r"(digest_key|actor) has 25\d bytes; the limit is 256"):
            check(request(**changed), ALL)
    with pytest.raises(RequestUnfit, match="withheld for no_such: there is no such reason"):
        check(request(withheld={"push": "no_such"}), ALL)


def test_what_a_notification_could_not_say_at_first_counts_where_it_is_said() -> None:
    plain = digest_of(request(users=("ann",)))
    others = [{"digest_key": "k"}, {"actor": "Ann"}, {"withheld": {"push": "seen"}}, {"local_minute": 0}]
    assert len({plain, *(digest_of(request(users=("ann",), **one)) for one in others)}) == 5
    assert plain.hex() == "921a6a6a9a238ff8b4efb577081b229d"


# --- data of recipients' own


def with_data(*data: dict[str, str], expression: str = "") -> NotificationRequested:
    users = [f"u{number}" for number in range(len(data))]
    return msgspec.structs.replace(request(), audience=Audience(users, expression, list(data)))


@given(
    st.lists(st.dictionaries(st.sampled_from("ab"), st.text(max_size=3), max_size=2), min_size=1, max_size=30), st.sampled_from(["", "all"])
)
def test_each_command_has_the_data_of_its_users(data: list[dict[str, str]], expression: str) -> None:
    asked = with_data(*data, expression=expression)
    found: dict[str, dict[str, str]] = {}
    for _, command in plan(asked, 4):
        found |= own_of(command.users, command.data)
        assert command.data == [] or any(command.data)
    assert found == own_of(asked.audience.users, data)


def test_commands_are_cut_by_the_bytes_of_their_data_too() -> None:
    large = {"x": "." * (MAX_OWN_BYTES - 1)}
    most = OWN_BYTES_PER_COMMAND // MAX_OWN_BYTES
    commands = [command for _, command in plan(with_data(*[large] * (2 * most + 1)), 1)]
    assert [(len(command.users), command.chunk, command.last) for command in commands] == [(most, 0, False), (most, 1, False), (1, 2, True)]
    assert max(sum(map(bytes_of, command.data)) for command in commands) == OWN_BYTES_PER_COMMAND
    with pytest.raises(AudienceInvalid, match="bytes of data for users of one partition are beside an expression; the limit is 262144"):
        plan(with_data(*[large] * (most + 1), expression="all"), 1)


def test_data_that_can_not_be() -> None:
    check(with_data({"x": "." * (MAX_OWN_BYTES - 1)}, {}), ALL)
    with pytest.raises(RequestUnfit, match="the data of user 'u1' have 4097 bytes; the limit is 4096"):
        check(with_data({}, {"x": "." * MAX_OWN_BYTES}), ALL)
    with pytest.raises(RequestUnfit, match="data of 1 recipients beside 2 users"):
        check(msgspec.structs.replace(request(), audience=Audience(["a", "b"], data=[{}])), ALL)


def test_data_are_part_of_what_was_asked_for() -> None:
    assert digest_of(with_data({"x": "1"})) != digest_of(with_data({"x": "2"})) != digest_of(with_data({}))
