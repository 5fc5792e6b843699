"""Counts that are given back: once, of whom no channel is left, whatever comes twice and in whatever order."""

from collections import Counter

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from schemas.records import SendsEnded
from streams.audience.ended import Ended, ended, key_of
from streams.policy.caps import is_given_back
from tests.unit.streams.make import NOW

CHANNELS = ("push", "email", "sms")
USERS = ("ann", "bob", "cid")
STATUSES = ("sent", "unknown", "failed", "suppressed", "expired", "cancelled")
ends = st.fixed_dictionaries({}, optional={(user, channel): st.sampled_from(STATUSES) for user in USERS for channel in CHANNELS})


def told(channel: str, **counted_on: int) -> SendsEnded:
    return SendsEnded("n", 7, "promotional", channel, list(counted_on), list(counted_on.values()), NOW)


def records(decided: dict[tuple[str, str], str]) -> list[SendsEnded]:
    """What delivery says of the batches of one decision; `decided`: how each who was handed over ended on a channel."""
    on = Counter(user for user, _ in decided)
    found = [
        told(channel, **{user: on[user] for user in USERS if is_given_back([decided.get((user, channel), "sent")])}) for channel in CHANNELS
    ]
    return [one for one in found if one.users]


@given(decided=ends, data=st.data())
def test_it_is_given_back_once_of_whom_every_channel_ended_so(decided: dict[tuple[str, str], str], data: st.DataObject) -> None:
    said = records(decided)
    row, back = Ended(), list[str]()
    for one in data.draw(st.permutations(said + data.draw(st.lists(st.sampled_from(said), max_size=4)) if said else [])):
        row, some = ended(row, one)
        back += some
    mine = {user: [status for (whose, _), status in decided.items() if whose == user] for user in USERS}
    assert sorted(back) == [user for user in USERS if mine[user] and is_given_back(mine[user])]
    assert set(row.left) == {user for user in USERS if 0 < sum(map(is_given_back, zip(mine[user]))) < len(mine[user])}
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(row), type=Ended) == row


def test_what_was_had_changes_nothing() -> None:
    row, back = ended(Ended(), told("push", ann=1, bob=2))
    assert (row, back) == (Ended(("push",), {"bob": 1}), ["ann"])
    assert ended(row, told("push", ann=1, bob=2)) == (row, [])
    assert ended(row, told("email", bob=2)) == (Ended(("push", "email"), {}), ["bob"])


def test_each_decision_has_a_row() -> None:
    one = told("push", ann=1)
    keys = {key_of(one), key_of(msgspec.structs.replace(one, fanout_offset=8)), key_of(msgspec.structs.replace(one, notification_id="m"))}
    assert len(keys) == 3
    assert key_of(told("email", bob=2)) == key_of(one)
