"""A run in which every sum matches, and one broken run for each way in which one can fail to."""

from collections.abc import Callable

import msgspec
import pytest

from ops.cli.tally import Tally
from ops.demo.facts import addresses
from ops.demo.sandbox import Received, since
from ops.demo.sums import HANDED, Check, Facts, checks, compared, expected_ids, totals
from schemas.records import Audience, AudienceExpanded, NotificationRequested, Outcome
from streams.intake.loader import load_triggers
from tests.unit.ops.cli.made import notification, status

OUTBOX = {"e1": "sale.started", "e2": "item.liked"}
TRIGGERS = load_triggers()
SALE, LIKE = expected_ids(OUTBOX, TRIGGERS)
USERS = ["ann", "bo", "cy"]


def tally(notification_id: str, users: list[str], *outcomes: Outcome, of: list[int]) -> Tally:
    made = Tally()
    made.expanded(AudienceExpanded(notification_id, 0, 0, 1, True, len(users), {"push": len(users)}, {}, 1, 7))
    made.told(status(users, *outcomes, of=of))
    return made


def request(notification_id: str, event_id: str) -> NotificationRequested:
    return NotificationRequested(notification(notification_id=notification_id, source="events.sale"), Audience(), event_id)


def facts() -> Facts:
    sale = tally(SALE, USERS, Outcome("sent"), Outcome("suppressed", "no_address"), Outcome("failed", "unregistered"), of=[0, 1, 2])
    return Facts(
        outbox=dict(OUTBOX),
        outbox_ever={*OUTBOX, "earlier"},
        rolled_back=["e9"],
        requested={SALE: request(SALE, "e1"), LIKE: request(LIKE, "e2"), "old": request("old", "earlier")},
        planned={SALE, LIKE},
        tallies={SALE: sale, LIKE: tally(LIKE, ["ann"], Outcome("sent"), of=[0])},
        sale=SALE,
        people=3,
        addresses={"push": 3},
        received={"push": Received(2, 1, 0)},
        clickhouse={"push": {"sent": 2, "suppressed:no_address": 1, "failed:unregistered": 1}},
        cassandra_sale={"push": {"sent": 1, "suppressed": 1, "failed": 1}},
        dead_letters=0,
    )


def broken(them: Facts) -> list[str]:
    return [check.what for check in checks(them, TRIGGERS) if not check.holds]


def test_every_sum_matches() -> None:
    assert broken(facts()) == []
    assert len(list(checks(facts(), TRIGGERS))) > 10


def lose_a_request(it: Facts) -> None:
    del it.requested[LIKE]


def make_one_up(it: Facts) -> None:
    it.requested["ghost"] = request("ghost", "e7")


def hear_of_what_was_rolled_back(it: Facts) -> None:
    it.requested["ghost"] = request("ghost", "e9")


def lose_a_plan(it: Facts) -> None:
    it.planned.discard(LIKE)


def lose_a_customer(it: Facts) -> None:
    it.people = 4


def lose_an_outcome(it: Facts) -> None:
    it.tallies[LIKE] = Tally()
    it.tallies[LIKE].expanded(AudienceExpanded(LIKE, 0, 0, 1, True, 1, {"push": 1}, {}, 1, 7))


def send_twice(it: Facts) -> None:
    it.received["push"] = Received(2, 1, 1)


def lose_a_message(it: Facts) -> None:
    it.received["push"] = Received(1, 1, 0)


def mix_up_reasons(it: Facts) -> None:
    it.clickhouse["push"] = {"sent": 2, "suppressed:category_muted": 1, "failed:unregistered": 1}


def lose_a_row(it: Facts) -> None:
    it.cassandra_sale["push"] = {"sent": 1, "suppressed": 1}


def never_hear_of_the_sale(it: Facts) -> None:
    del it.tallies[SALE]


def have_a_dead_letter(it: Facts) -> None:
    it.dead_letters = 1


@pytest.mark.parametrize(
    ("harm", "found"),
    [
        (lose_a_request, "outbox rows committed = notifications requested"),
        (make_one_up, "requested but never committed (extra)"),
        (hear_of_what_was_rolled_back, "rolled back and yet heard of"),
        (lose_a_plan, "requested = planned"),
        (lose_a_customer, "the sale's audience = customers"),
        (never_hear_of_the_sale, "planned = expanded completely"),
        (lose_an_outcome, "push: audience = sent + failed + suppressed"),
        (send_twice, "received twice"),
        (lose_a_message, "push: addresses handed over = received + rejected"),
        (mix_up_reasons, "push: outcomes = rows, by reason"),
        (lose_a_row, "push: the sale's outcomes = recipients"),
        (have_a_dead_letter, "dead letters"),
    ],
)
def test_whatever_goes_wrong_breaks_a_sum(harm: Callable[[Facts], None], found: str) -> None:
    them = facts()
    harm(them)
    assert found in broken(them)


def test_comparing_holds_only_when_every_figure_is_equal() -> None:
    assert compared({"a": 1, "b": 2}, {"a": 1, "b": 2}) == (3, 3)
    for other in ({"a": 2, "b": 1}, {"a": 1}, {"a": 1, "b": 2, "c": 1}, {}):
        left, right = compared({"a": 1, "b": 2}, other)
        assert not Check("", left, right, "").holds


def test_totals_are_by_channel_and_reason() -> None:
    assert totals(facts().tallies.values()) == {"push": {"sent": 2, "suppressed:no_address": 1, "failed:unregistered": 1}}


def test_addresses_are_those_of_whoever_was_handed_over() -> None:
    push = status(USERS, Outcome("sent"), Outcome("suppressed", "x"), of=[0, 0, 1])
    email = status(["ann"], Outcome("failed", "x"), channel="email", status_id="s2")
    in_app = status(["ann"], channel="in_app", status_id="s3")
    devices = {"ann": 2, "bo": 1, "cy": 5}
    assert addresses([push, push, email, in_app], devices, HANDED, {}) == {"push": 3, "email": 1}
    assert addresses([push, email], devices, ("suppressed",), {}) == {"push": 5, "email": 0}


def test_who_lost_a_device_had_it_until_then() -> None:
    push = status(USERS, Outcome("sent"))
    (offset, *_) = push.profile_offsets
    found = [addresses([push], dict.fromkeys(USERS, 2), HANDED, {USERS[0]: [(0, 2), (since, 1)]})["push"] for since in (offset, offset + 1)]
    assert found == [5, 6]


@pytest.mark.parametrize(("received", "holds"), [(3, True), (4, True), (5, True), (2, False), (6, False)])
def test_of_those_whose_outcome_is_unknown_any_number_may_have_been_reached(received: int, holds: bool) -> None:
    them = facts()
    them.uncertain = {"push": 2}
    them.received = {"push": Received(received - 1, 1, 0)}
    assert ("push: addresses handed over = received + rejected" not in broken(them)) is holds


def test_what_came_since_is_the_difference() -> None:
    assert since({"push": Received(5, 2, 1), "email": Received(1)}, {"push": Received(3, 2, 1)}) == {
        "push": Received(2, 0, 0),
        "email": Received(1),
    }
    assert msgspec.structs.asdict(Received()) == {"distinct": 0, "rejected": 0, "duplicates": 0}
