import msgspec

from ops.cli.standing import Standing, scheduled, standing
from ops.cli.status import rendered, verdict
from projections.base import Position
from projections.cassandra.header import Header
from projections.cassandra.timeline import Event, Progress
from tests.unit.ops.cli.made import NOTIFICATION_ID

HEADER = Header(
    notification_id=NOTIFICATION_ID,
    event_type="campaign",
    source="api:cli",
    campaign="autumn",
    template_id="flash_sale",
    template_version=1,
    category="promotional",
    priority="low",
    channels=["push", "email"],
    data={},
    occurred_at=1,
    accepted_at=2,
    expires_at=None,
    audience_users=0,
    audience_expression="tag:x",
    idempotency_key="k",
    rules_version="",
    position=Position("notify.requests", 0, 9),
)


def event(channel: str, tally: dict[str, int]) -> Event:
    return Event(
        3, channel, tally, sum(tally.values()), "sandbox", 1, "p", "b", "s", "notify.status", 0, 1, "notify.deliver.push.low", 0, 2
    )


def stands(counts: dict[str, dict[str, int]], *, complete: bool = True) -> Standing:
    progress = Progress(10, 2, complete, {"push": 8, "email": 5}, {"push": 2, "email": 5})
    events = [event("push", {"sent": 8, "suppressed:category_muted": 2}), event("email", {"suppressed:no_address": 4})]
    return standing(HEADER, progress, counts, events)


def test_the_sum_by_channel_comes_out() -> None:
    it = stands({"push": {"sent": 8, "suppressed": 2}, "email": {"sent": 5, "suppressed": 5}})
    assert it.complete
    assert it.channels["push"].audience == 10
    assert it.channels["push"].reasons == {"suppressed:category_muted": 2}
    assert "complete" in verdict(it)


def test_what_has_no_outcome_is_pending() -> None:
    it = stands({"push": {"sent": 8, "suppressed": 2}, "email": {"suppressed": 4}})
    assert it.channels["email"].pending == 6
    assert not it.complete
    assert "6 recipients" in verdict(it)


def test_more_outcomes_than_recipients_is_said_loudly() -> None:
    it = stands({"push": {"sent": 9, "suppressed": 2}, "email": {"sent": 10}})
    assert not it.channels["push"].adds_up
    assert "do not come out" in verdict(it)


def test_an_audience_that_is_still_expanded_is_not_complete() -> None:
    it = stands({"push": {"sent": 10}, "email": {"sent": 10}}, complete=False)
    assert not it.complete
    assert rendered(it)


def test_who_is_held_is_pending_and_said_to_be() -> None:
    it = stands({"push": {"sent": 7, "suppressed": 2, "deferred": 1}, "email": {"sent": 5, "suppressed": 5}})
    assert (it.channels["push"].pending, it.channels["push"].held) == (1, 1)
    assert not it.complete
    assert "1 recipients have no outcome yet, 1 of them are held until their quiet hours end" in verdict(it)
    assert rendered(it)


LATER = msgspec.structs.replace(HEADER, not_before=1_800_000_000_000)


def test_what_is_for_later_says_for_when() -> None:
    it = standing(LATER, Progress(0, 0, False, {}, {}), {}, [])
    assert verdict(it) == "[yellow]scheduled for 2027-01-15 08:00:00.000 UTC: nobody was decided yet[/yellow]"
    assert "accepted 1970-01-01 00:00:00.002 UTC, scheduled for 2027-01-15 08:00:00.000 UTC" in [*rendered(it).renderables]
    assert "going on" in verdict(standing(LATER, Progress(10, 2, False, {"push": 8}, {}), {}, []))
    assert not standing(msgspec.structs.replace(HEADER, not_before=HEADER.accepted_at), Progress(0, 0, False, {}, {}), {}, []).waits


def test_what_it_has_beside_its_text_is_named() -> None:
    image = msgspec.structs.replace(HEADER, overrides="push.image #5d41402a")
    it = standing(image, Progress(0, 0, False, {}, {}), {}, [])
    assert "accepted 1970-01-01 00:00:00.002 UTC, with push.image #5d41402a" in [*rendered(it).renderables]


def test_a_local_time_is_told_too() -> None:
    there = " 09:05 where each recipient is"
    assert scheduled(HEADER) == ""
    assert scheduled(msgspec.structs.replace(HEADER, local_minute=545)) == f", scheduled for{there}"
    assert scheduled(msgspec.structs.replace(LATER, local_minute=545)) == f", scheduled for 2027-01-15 08:00:00.000 UTC, then{there}"


def test_a_channel_that_is_tried_after_another_has_those_for_its_audience_who_came_to_it() -> None:
    of_policy = msgspec.structs.replace(HEADER, channels=[])
    counts = {"push": {"sent": 7, "failed": 3}, "email": {"sent": 2, "deferred": 1}}
    it = standing(of_policy, Progress(10, 2, True, {"push": 9}, {"push": 1}), counts, [])
    assert {channel: (one.audience, one.pending, one.held) for channel, one in it.channels.items()} == {
        "push": (10, 0, 0),
        "email": (3, 1, 1),
    }
