"""Routes of policy: all channels at once, or one after the other with a row for each user."""

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from schemas.records import ChannelEnded, ChannelOverdue, DeliverBatch, ExpandAudience, Outcome, Priority, QuietHours
from schemas.topics import FANOUT
from streams.audience.rules import Expansion, Person, expand
from streams.audience.told import Place
from streams.audience.tries import After, Followed, decided, ended, first_route, given_up, overdue, uncounted
from streams.delivery.ends import ended_of
from streams.delivery.ledger import Result, finished, opened, recorded, status_of
from streams.policy.caps import Counters
from streams.policy.loader import load_policy
from streams.routing.rules import Tried
from tests.unit.streams.make import NOW, command, notification, profile

POLICY = load_policy()
PLACE = Place(topic=FANOUT, partition=3, offset=17, now=NOW)
MINUTE_MS = 60_000
CODE = notification(channels=[], priority=Priority.CRITICAL)
NOTICE = notification(channels=[], category="system", priority=Priority.HIGH)
PUSH, EMAIL = Tried(("push", "email"), 0, MINUTE_MS, None), Tried(("push", "email"), 1, MINUTE_MS, None)
GONE, ARRIVED, MUTED = Outcome("failed", "unregistered"), Outcome("delivered"), Outcome("suppressed", "category_muted")


def known(**changed: Mapping[str, Any]) -> list[Person]:
    return [Person(name, profile(name, **of), number) for number, (name, of) in enumerate(changed.items())]


def met(
    given: ExpandAudience, people: list[Person], rows: dict[str, Followed] | None = None, counters: dict[str, Counters] | None = None
) -> tuple[Expansion, After]:
    """What a command comes to, as the step puts it together."""
    rows, route = rows or {}, first_route(given, POLICY)
    assert route is not None
    if counters is not None:
        counters = {user: counters[user] for user in uncounted(given, route, counters, rows)}
    gone = given_up(given, route, [person.user for person in people], rows)
    expansion = expand(given, people, None, POLICY, PLACE, counters=counters, given_up=gone)
    return expansion, decided(given, route, expansion.batches, expansion.statuses, rows, PLACE.partition, NOW)


def row(tried: Tried, *, counted: bool = True) -> Followed:
    return Followed(tried, counted, 1)


def told(channel: str, **outcomes: Outcome) -> ChannelEnded:
    each = list(outcomes.values())
    return ChannelEnded(
        notification=CODE, channel=channel, users=list(outcomes), outcomes=each, outcome_of=list(range(len(each))), at=NOW
    )  # fmt: skip


def test_who_names_no_channel_is_told_on_all_of_the_route() -> None:
    given = command(notification=notification(channels=[]), users=["ann"])
    assert first_route(given, POLICY) is None
    expansion = expand(given, known(ann={}), None, POLICY, PLACE)
    assert {(batch.channel, batch.followed) for batch in expansion.batches} == {("push", False), ("email", False), ("in_app", False)}
    assert expansion.progress.queued == {"push": 1, "email": 1, "in_app": 1}


def test_or_on_the_first_alone_and_followed() -> None:
    expansion, after = met(command(notification=CODE, users=["ann"], partitions=4), known(ann={}))
    assert [(batch.channel, batch.followed) for batch in expansion.batches] == [("push", True)]
    assert (expansion.progress.queued, expansion.progress.suppressed, expansion.progress.tried) == ({"push": 1}, {"push": 0}, "")
    assert after.rows == {"ann": Followed(PUSH, counted=True, partitions=4)}
    assert after.waiting == {NOW + MINUTE_MS: ["ann"]}
    assert after.tries == []


def test_who_names_channels_is_told_on_them_whatever_policy_has() -> None:
    assert first_route(command(notification=notification(priority=Priority.CRITICAL)), POLICY) is None


def test_who_is_refused_on_it_is_tried_on_the_next_at_once() -> None:
    people = known(ann={"devices": []}, bob={}, cid={"channels": ["email"]})
    expansion, after = met(command(notification=CODE, users=["ann", "bob", "cid"], partitions=4), people)
    assert [batch.users for batch in expansion.batches] == [["bob"]]
    assert [status.users for status in expansion.statuses] == [["ann", "cid"]]
    (one,) = after.tries
    assert (one.users, one.channels, one.tried, one.partitions, one.last) == (["ann", "cid"], ["email"], "push", 4, False)
    assert one.hold_id
    assert after.rows["ann"] == Followed(EMAIL, counted=False, partitions=4)


def test_a_try_is_decided_on_its_channel_and_after_the_last_nothing_is_kept() -> None:
    given = command(notification=CODE, users=["ann", "bob"], channels=["email"], tried="push", hold_id="h")
    expansion, after = met(given, known(ann={}, bob={"email": ""}), {"ann": row(EMAIL), "bob": row(EMAIL)})
    assert [(batch.channel, batch.users) for batch in expansion.batches] == [("email", ["ann"])]
    assert (expansion.progress.hold_id, expansion.progress.tried) == ("h", "push")
    assert after == After({"ann": None, "bob": None}, [], {})


def test_a_try_of_whom_a_late_success_ended_is_decided_and_not_followed() -> None:
    given = command(notification=CODE, users=["ann"], channels=["email"], tried="push", hold_id="h")
    expansion, after = met(given, known(ann={}))
    assert expansion.progress.queued == {"email": 1}
    assert after == After({}, [], {})


def test_who_is_on_another_channel_by_now_is_not_tried_again_on_this_one() -> None:
    again = command(notification=CODE, users=["ann", "bob", "cid"], channels=["push"], hold_id="r", attempts=1, tried_since=NOW)
    expansion, after = met(again, known(ann={}, bob={}, cid={}), {"ann": row(PUSH), "bob": row(EMAIL)})
    assert [(one.channel, one.users) for one in expansion.batches] == [("push", ["ann"])]
    (status,) = expansion.statuses
    assert (status.users, status.outcomes) == (["bob", "cid"], [Outcome("failed", "tried_elsewhere")])
    assert after.tries == [], "they were tried on the next before, or reached"
    assert after.rows == {}


def test_of_the_last_channel_nobody_is_given_up() -> None:
    again = command(notification=CODE, users=["ann"], channels=["email"], hold_id="r", attempts=1, tried_since=NOW)
    expansion, after = met(again, known(ann={}))
    assert [(one.channel, one.users, one.attempts) for one in expansion.batches] == [("email", ["ann"], 1)]
    assert after == After({}, [], {})


def test_a_repetition_that_meets_a_later_row_leaves_it() -> None:
    _, after = met(command(notification=CODE, users=["ann"], channels=["push"], hold_id="h"), known(ann={}), {"ann": row(EMAIL)})
    assert after == After({}, [], {})


@pytest.mark.parametrize("refused", [{"muted_categories": ["system"]}, {"quiet_hours": QuietHours(0, 1439)}])
def test_what_is_true_of_the_person_is_the_end_or_waits(refused: dict[str, Any]) -> None:
    expansion, after = met(command(notification=NOTICE, users=["ann"]), known(ann=refused))
    assert after == After({}, [], {})
    (status,) = expansion.statuses
    assert status.channel == "push"
    assert [hold.command.channels for hold in expansion.holds] == ([["push"]] if "quiet_hours" in refused else [])


def test_a_release_begins_where_the_hold_was() -> None:
    _, after = met(command(notification=NOTICE, users=["ann"], channels=["push"], hold_id="h"), known(ann={}))
    assert after.rows["ann"]
    assert after.rows["ann"].tried.channel == "push"


def test_who_is_held_on_a_further_channel_is_released_as_held_and_not_as_a_try() -> None:
    asleep = {"quiet_hours": QuietHours(0, 1439)}
    given = command(notification=NOTICE, users=["ann"], channels=["email"], tried="push", hold_id="h")
    at_email = Followed(Tried(("push", "email"), 1, MINUTE_MS, None), counted=False, partitions=1)
    expansion, after = met(given, known(ann=asleep), {"ann": at_email})
    (hold,) = expansion.holds
    assert (hold.command.channels, hold.command.tried) == (["email"], "")
    assert after.rows == {}
    _, after = met(hold.command, known(ann={}), {"ann": at_email})
    assert after.rows == {"ann": None}


def hours_of(counters: Counters, user: str) -> int:
    limits = [msgspec.structs.replace(POLICY, an_hour=number) for number in range(1, 9)]
    return sum(counters.over(user, POLICY.categories["system"], limit, 100) != "" for limit in limits)


def test_a_person_is_counted_once_on_whichever_channel() -> None:
    counters = Counters(None, NOW)
    of = {"ann": counters, "bob": counters}
    _, after = met(command(notification=NOTICE, users=["ann", "bob"]), known(ann={}, bob={"devices": []}), counters=of)
    assert (hours_of(counters, "ann"), hours_of(counters, "bob")) == (1, 0)
    rows = {user: one for user, one in after.rows.items() if one}
    late = overdue(ChannelOverdue(NOTICE, "push", ["ann"]), rows, PLACE.partition, NOW + MINUTE_MS)
    moved = rows | {user: one for user, one in late.rows.items() if one}
    for one in (*after.tries, *late.tries):
        met(one, known(**{user: {} for user in one.users}), moved, of)
    assert (hours_of(counters, "ann"), hours_of(counters, "bob")) == (1, 1)


def test_what_delivery_tells_leads_on_or_ends_it_once() -> None:
    rows = dict.fromkeys(("ann", "bob", "cid"), row(PUSH))
    after = ended(told("push", ann=GONE, bob=ARRIVED, cid=MUTED, dan=GONE), rows, 3, NOW)
    assert after.rows == {"ann": row(EMAIL), "bob": None, "cid": None}
    assert [(one.users, one.channels, one.tried) for one in after.tries] == [(["ann"], ["email"], "push")]
    assert ended(told("push", ann=GONE), {"ann": row(EMAIL)}, 3, NOW) == After({}, [], {})


def test_whose_time_is_over_is_tried_on_the_next_once() -> None:
    after = overdue(ChannelOverdue(CODE, "push", ["ann", "bob"]), {"ann": row(PUSH)}, 3, NOW)
    assert after.rows == {"ann": row(EMAIL)}
    assert [(one.users, one.channels) for one in after.tries] == [(["ann"], ["email"])]
    assert overdue(ChannelOverdue(CODE, "push", ["ann"]), {"ann": row(EMAIL)}, 3, NOW) == After({}, [], {})


def test_those_of_one_try_are_named_by_its_id() -> None:
    def tried(users: list[str]) -> str:
        (one,) = overdue(ChannelOverdue(CODE, "push", users), dict.fromkeys(users, row(PUSH)), 3, NOW).tries
        return one.hold_id

    assert tried(["ann"]) == tried(["ann"]) != tried(["bob"])


def finished_batch(followed: bool, channel: str = "push") -> ChannelEnded | None:
    batch = DeliverBatch("b-1", CODE, channel, ["ann", "bob", "cid"], [0, 0, 0], "p-1", NOW, 0, followed=followed)
    results = [Result(outcome, "", 0) for outcome in (Outcome("sent"), GONE, Outcome("unknown", "no_answer"))]
    entry = finished(recorded(opened(None, 5), results, ["a"] * 3), NOW)
    return ended_of(batch, status_of(batch, entry, "t", 3))


def test_delivery_tells_of_those_alone_for_whom_it_changes_something() -> None:
    assert finished_batch(followed=False) is None
    said = finished_batch(followed=True)
    assert said
    assert (said.users, said.outcomes, said.outcome_of, said.at, said.batch_id) == (["bob"], [GONE], [0], NOW, "b-1")
    inbox = finished_batch(followed=True, channel="in_app")
    assert inbox
    assert (inbox.users, inbox.outcome_of) == (["ann", "bob"], [0, 1])
