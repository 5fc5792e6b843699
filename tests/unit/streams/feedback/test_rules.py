"""What a provider says later becomes a status, a change of a profile and the end of a channel: once, in any order."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.records import ChannelEnded, DeliverBatch, FeedbackReceived, Outcome, ProfileChanged
from schemas.refs import MAX_CHARS, Ref, RefInvalid, parse
from streams.delivery.ends import ended_of
from streams.feedback.rules import Said, changes_of, grouped, news, outcome_of_event, said_of, status_of
from tests.unit.streams.make import NOW, batch

CAUSE = ("notify.feedback", 3, 11)


def event(kind: str, recipient: int = 0, **changed: Any) -> FeedbackReceived:
    ref = str(Ref("email", "normal", 3, 42, recipient, 0))
    told = FeedbackReceived(
        provider="acme", channel="email", provider_message_id="p-1", kind=kind, detail="their words", occurred_at=NOW,
        received_at=NOW + 5, raw=b"{}", ref=ref, address="ann@example.com", reason="why", event_id="e-1",
    )  # fmt: skip
    return msgspec.structs.replace(told, **changed)


def said(*events: FeedbackReceived) -> list[Said]:
    return said_of(events, 3)


def of_three(**changed: Any) -> DeliverBatch:
    return msgspec.structs.replace(batch("ann", "bob", "cid", channel="email"), partitions=8, **changed)


@given(
    st.builds(
        Ref,
        st.sampled_from(["push", "in_app", "email"]),
        st.sampled_from(["critical", "low"]),
        st.integers(0, 2047),
        st.integers(0, 10**18 - 1),
        st.integers(0, 10_000),
        st.integers(0, 50),
    )  # fmt: skip
)
def test_a_ref_comes_back(ref: Ref) -> None:
    assert parse(str(ref)) == ref
    assert len(str(ref)) <= MAX_CHARS
    assert str(ref).replace("-", "").replace("_", "").isalnum()


@pytest.mark.parametrize(
    "text", ["", "email-normal-3-42-0", "email-urgent-3-42-0-0", "x" * 300, "email-normal-3-42-0-٣", "email-normal--3-42-0-0"]
)
def test_what_is_none_of_ours_is_refused(text: str) -> None:
    with pytest.raises(RefInvalid):
        parse(text)


def test_events_of_another_partition_are_refused() -> None:
    with pytest.raises(RefInvalid, match="is of partition 3, and came in 4"):
        said_of([event("delivered")], 4)


def test_each_kind_is_heard_once_of_each_message() -> None:
    heard = dict[str, int]()
    first = news(said(event("delivered"), event("opened"), event("opened"), event("opened", 1)), of_three(), heard, 5)
    assert [(one.ref.recipient, one.event.kind) for one in first] == [(0, "delivered"), (0, "opened"), (1, "opened")]
    assert news(said(event("delivered"), event("opened", occurred_at=NOW + 9)), of_three(), heard, 6) == []
    assert len(news(said(event("opened", 2)), of_three(), heard, 7)) == 1
    again = news(said(event("delivered"), event("opened"), event("opened"), event("opened", 1)), of_three(), heard, 5)
    assert again == first, "the record that said it first says it again"


def test_who_is_not_in_the_batch_is_refused() -> None:
    with pytest.raises(RefInvalid, match="its batch has 3 recipients"):
        news(said(event("delivered", 3)), of_three(), {}, 5)


KINDS = {
    "delivered": "delivered",
    "read": "opened",
    "sent": "accepted",
    "accepted": "accepted",
    "bounced": "bounced",
    "soft_bounced": "bounced",
    "failed": "bounced",
    "deferred": "delayed",
    "other:strange": "other:strange",
}


@pytest.mark.parametrize(("kind", "status"), KINDS.items())
def test_a_kind_is_a_status_and_unknown_ones_are_kept(kind: str, status: str) -> None:
    assert outcome_of_event(event(kind)) == Outcome(status, "why", "their words")


def test_a_status_has_the_columns_of_whom_it_is_about_and_is_the_same_again() -> None:
    some = said(event("delivered", 2), event("bounced", 0), event("delivered", 1))
    ((key, group),) = grouped(some).items()
    told = status_of(group, of_three(), *key, CAUSE)
    assert told == status_of(group, of_three(), *key, CAUSE)
    assert (told.users, [told.outcomes[number].status for number in told.outcome_of]) == (
        ["cid", "ann", "bob"],
        ["delivered", "bounced", "delivered"],
    )
    assert (told.provider, told.at, told.caused_by_offset, told.batch_id) == ("acme", NOW, 11, "b-1")
    assert grouped(said(event("delivered"), event("delivered", 1, occurred_at=NOW + 1))).keys() == {("acme", NOW), ("acme", NOW + 1)}


@pytest.mark.parametrize(
    ("kind", "changed"),
    [
        ("bounced", {"suppress": {"ann@example.com": "hard_bounce"}}),
        ("complained", {"suppress": {"ann@example.com": "complaint"}}),
        ("stopped", {"suppress": {"ann@example.com": "stop"}}),
        ("started", {"unsuppress": ["ann@example.com"]}),
        ("unsubscribed", {"unsubscribe": ["transactional"]}),
        ("resubscribed", {"resubscribe": ["transactional"]}),
    ],
)
def test_what_profiles_have_to_know(kind: str, changed: dict[str, Any]) -> None:
    assert changes_of(said(event(kind)), of_three()) == [ProfileChanged("ann", "feedback", NOW, NOW, **changed)]


def test_a_device_that_bounced_is_removed() -> None:
    (change,) = changes_of(said(event("bounced", address="token")), msgspec.structs.replace(of_three(), channel="push"))
    assert (change.remove_devices, change.suppress) == (["token"], {"token": "dead_token"})


@pytest.mark.parametrize(("kind", "address"), [("delivered", "a@b.example"), ("opened", ""), ("bounced", ""), ("deferred", "a@b.example")])
def test_nothing_else_changes_a_profile(kind: str, address: str) -> None:
    assert changes_of(said(event(kind, address=address)), of_three()) == []


def channel_ended(some: list[Said], one: DeliverBatch) -> ChannelEnded | None:
    """What the route hears of the status."""
    ((key, group),) = grouped(some).items()
    return ended_of(one, status_of(group, one, *key, CAUSE))


def test_a_route_hears_of_what_ends_its_channel_or_leads_on() -> None:
    some = said(event("opened"), event("bounced", 1), event("clicked", 2), event("deferred", 2))
    assert channel_ended(some, of_three()) is None
    told = channel_ended(some, of_three(followed=True))
    assert told is not None
    assert (told.users, [told.outcomes[number].status for number in told.outcome_of]) == (
        ["ann", "bob", "cid"],
        ["opened", "bounced", "clicked"],
    )
    assert channel_ended(said(event("deferred")), of_three(followed=True)) is None
