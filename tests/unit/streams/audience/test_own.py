"""Data of a recipient's own go with the recipient, wherever the command is cut."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from streams.audience.holds import Until, Waiting, holds_of
from streams.audience.own import bytes_of, column, own_of, told_to
from streams.audience.rules import Person, expand, next_chunk
from streams.audience.told import Place
from streams.policy.loader import load_policy
from streams.profiles.stored import user_key
from tests.unit.streams.make import NOW, command, notification, profile

PLACE = Place("notify.fanout", 0, 7, NOW)
POLICY = load_policy()
DATA = st.dictionaries(st.sampled_from("ab"), st.text(max_size=3), max_size=2)


@given(st.dictionaries(st.text(min_size=1, max_size=3), DATA, max_size=8))
def test_a_column_says_of_its_users_what_was_said(told: dict[str, dict[str, str]]) -> None:
    users, data = list(told), list(told.values())
    own = own_of(users, data)
    assert {user: own.get(user, {}) for user in users} == told
    assert column(own, users) in (data, [])
    assert (column(own, users) == []) == (not any(data))
    assert column(own, ["nobody of them"]) == []


def test_of_one_who_is_named_twice_the_first_data_count() -> None:
    assert own_of(["a", "a", "a"], [{}, {"x": "1"}, {"x": "2"}]) == {"a": {"x": "1"}}


def test_what_is_ones_own_goes_over_what_is_everybodys() -> None:
    about = notification(data={"name": "you", "total": "1"})
    own = {"ann": {"name": "Ann"}}
    assert told_to("ann", about, own).data == {"name": "Ann", "total": "1"}
    assert told_to("bo", about, own) is about


def test_bytes_are_of_names_and_values() -> None:
    assert bytes_of({"n": "\u00e9", "m": ""}) == 4


def people(*users: str) -> list[Person]:
    return [Person(user, profile(user, channels=["push"] if user == "cy" else ["push", "email"]), 3) for user in users]


def test_each_batch_has_the_data_of_its_users() -> None:
    users, data = ["ann", "bo", "cy"], [{"name": "Ann"}, {}, {"name": "Cy"}]
    made = expand(command(users=users, data=data), people(*users), None, POLICY, PLACE)
    assert {batch.channel: dict(zip(batch.users, batch.data, strict=True)) for batch in made.batches} == {
        "push": {"ann": {"name": "Ann"}, "bo": {}, "cy": {"name": "Cy"}},
        "email": {"ann": {"name": "Ann"}, "bo": {}},
    }
    assert [batch.data for batch in expand(command(users=users), people(*users), None, POLICY, PLACE).batches] == [[], []]


def test_who_was_found_has_no_data_but_those_who_were_named_too() -> None:
    asked = command(users=["bo"], data=[{"name": "Bo"}], expression="all")
    push, *_ = expand(asked, people("ann", "bo"), None, POLICY, PLACE).batches
    assert (push.users, push.data) == (["ann", "bo"], [{}, {"name": "Bo"}])


def test_the_rest_of_a_command_has_the_data_of_the_rest() -> None:
    users = sorted(["ann", "bo", "cy", "di"], key=user_key)
    asked = command(users=users, data=[{"name": user} for user in users], expression="all")
    rest = next_chunk(asked, users[1])
    assert (rest.users, rest.data) == (users[2:], [{"name": user} for user in users[2:]])


def test_who_is_held_keeps_their_data() -> None:
    asked = command(users=["ann", "bo", "cy"], data=[{"name": "Ann"}, {"name": "Bo"}, {}])
    early, late = Until(NOW + 1, ("push",), "quiet_hours"), Until(NOW + 2, ("push",), "quiet_hours")
    holds = holds_of(asked, "0", 0, {early: Waiting(["bo", "cy"], [3, 3]), late: Waiting(["ann"], [3])})
    assert [(hold.command.users, hold.command.data) for hold in holds] == [
        (["bo", "cy"], [{"name": "Bo"}, {}]),
        (["ann"], [{"name": "Ann"}]),
    ]
    (alone,) = holds_of(asked, "0", 0, {early: Waiting(["cy"], [3])})
    assert alone.command.data == []
    assert alone.command == msgspec.structs.replace(holds[0].command, users=["cy"], data=[])
