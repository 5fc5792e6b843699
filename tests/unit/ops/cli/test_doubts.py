"""Who may have been sent to is listed until something is heard of them."""

import msgspec

from ops.cli.doubts import Doubts, chosen
from schemas.records import DeliverBatch, Outcome, StatusBatch
from schemas.topics import FEEDBACK, STATUS
from streams.delivery.ledger import Result, finished, opened, recorded, status_of
from tests.unit.streams.make import NOW, batch

OUTCOMES = [Outcome("sent"), Outcome("unknown", "no_answer", "cut"), Outcome("unknown", "crashed_in_flight"), Outcome("failed", "gone")]


def told(one: DeliverBatch, offset: int = 42) -> StatusBatch:
    entry = recorded(opened(None, offset), [Result(outcome, "", 7) for outcome in OUTCOMES], ["acme"] * 3 + ["other"])
    return status_of(one, finished(entry, NOW), "notify.deliver.push.normal", 3)


def heard(status: StatusBatch, *users: str) -> StatusBatch:
    return msgspec.structs.replace(status, users=list(users), outcome_of=[0] * len(users), caused_by_topic=FEEDBACK)


def test_those_are_listed_whose_outcome_is_unknown_with_where_their_batch_is() -> None:
    doubts = Doubts()
    doubts.told(told(batch("ann", "bob", "cid", "dan")))
    assert [(one.user_id, one.ref, one.provider, one.reason) for one in doubts.open] == [
        ("bob", "push-normal-3-42-1-0", "acme", "no_answer"),
        ("cid", "push-normal-3-42-2-0", "acme", "crashed_in_flight"),
    ]


def test_of_whom_something_was_heard_is_not_listed_whichever_comes_first() -> None:
    status = told(batch("ann", "bob", "cid", "dan"))
    for records in ([status, heard(status, "bob")], [heard(status, "bob"), status]):
        doubts = Doubts()
        for one in records:
            doubts.told(one)
        assert [one.user_id for one in doubts.open] == ["cid"]


def test_whom_a_replay_took_is_not_listed() -> None:
    status, doubts = told(batch("ann", "bob", "cid", "dan")), Doubts()
    doubts.told(status)
    doubts.told(msgspec.structs.replace(heard(status, "cid"), caused_by_topic=STATUS))
    assert [one.user_id for one in doubts.open] == ["bob"]


def test_they_are_chosen_by_notification_channel_and_provider() -> None:
    doubts = Doubts()
    doubts.told(told(batch("ann", "bob", "cid", "dan")))
    doubts.told(told(batch("ann", "bob", "cid", "dan", batch_id="b-2", notification_id="n-2"), offset=43))
    assert len(doubts.open) == 4
    assert {one.notification_id for one in chosen(doubts.open, notification="n-2")} == {"n-2"}
    assert chosen(doubts.open, channel="email") == chosen(doubts.open, provider="other") == []
    assert chosen(doubts.open, channel="push", provider="acme") == doubts.open
