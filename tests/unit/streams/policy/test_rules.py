"""May it be sent: every reason, their order, and nothing else."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.records import Device, Notification, Outcome, Profile
from streams.policy.policy import CategoryPolicy
from streams.policy.rules import REASONS, SEND, addresses, chats, outcome_of, reason_against
from tests.unit.streams.make import NOW, binding, notification, profile, unbound

BINDS = binding()
LOOSE = unbound()
CHANNELS = ("push", "email", "in_app", "sms")


def why_not(channel: str = "push", binds: CategoryPolicy = BINDS, now: int = NOW, about: dict[str, Any] | None = None, **of: Any) -> str:
    return reason_against(profile(**{"channels": list(CHANNELS)} | of), channel, notification(**about or {}), binds, now)


@pytest.mark.parametrize("channel", CHANNELS)
def test_nothing_speaks_against_a_willing_reachable_user(channel: str) -> None:
    assert why_not(channel) == SEND


@pytest.mark.parametrize(("expires_at", "reason"), [(None, SEND), (NOW + 1, SEND), (NOW, "expired"), (NOW - 1, "expired")])
def test_expiry_counts_from_its_very_millisecond(expires_at: int | None, reason: str) -> None:
    assert why_not(about={"expires_at": expires_at}) == reason


def test_a_user_nobody_knows() -> None:
    assert reason_against(None, "push", notification(), BINDS, NOW) == "user_unknown"


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("binds", [BINDS, LOOSE])
def test_a_channel_that_is_off_binds_every_category(channel: str, binds: CategoryPolicy) -> None:
    others = [other for other in CHANNELS if other != channel]
    assert why_not(channel, binds, channels=others) == "channel_disabled"


@pytest.mark.parametrize(("binds", "reason"), [(BINDS, "category_muted"), (LOOSE, SEND)])
def test_a_mute_binds_where_policy_says_so(binds: CategoryPolicy, reason: str) -> None:
    assert why_not(binds=binds, muted_categories=["transactional"]) == reason
    assert why_not(binds=binds, muted_categories=["promotional"]) == SEND


@pytest.mark.parametrize(
    ("channel", "missing"),
    [("push", {"devices": []}), ("email", {"email": ""}), ("sms", {"phone": ""})],
)
def test_no_address(channel: str, missing: dict[str, Any]) -> None:
    assert why_not(channel, **missing) == "no_address"
    assert why_not("in_app", **missing) == SEND


def test_sms_needs_a_verified_phone_before_anything_about_its_number() -> None:
    assert why_not("sms", phone_verified=False) == "phone_not_verified"
    assert why_not("sms", phone_verified=False, phone="") == "phone_not_verified"


@given(
    known=st.booleans(), expired=st.booleans(), off=st.booleans(), left=st.booleans(), muted=st.booleans(), mutes=st.booleans(),
    unverified=st.booleans(), nowhere=st.booleans(), dead=st.booleans(), channel=st.sampled_from(CHANNELS),
)  # fmt: skip
def test_the_first_reason_decides(
    known: bool, expired: bool, off: bool, left: bool, muted: bool, mutes: bool, unverified: bool, nowhere: bool, dead: bool, channel: str
) -> None:
    who: Profile | None = profile(
        channels=[] if off else list(CHANNELS),
        muted_categories=["transactional"] if muted else [],
        phone_verified=not unverified,
        devices=[] if nowhere else [Device("web", "t")],
        email="" if nowhere else "a@example.com",
        phone="" if nowhere else "+1",
        unsubscribed=["transactional"] if left else [],
        suppressed=dict.fromkeys(("t", "a@example.com", "+1"), "hard_bounce") if dead else {},
    )
    about: Notification = notification(expires_at=NOW if expired else NOW + 1)
    speaks = {
        "expired": expired,
        "user_unknown": not known,
        "channel_disabled": off,
        "unsubscribed": left and channel == "email",
        "category_muted": muted and mutes,
        "phone_not_verified": channel == "sms" and unverified,
        "no_address": nowhere and channel != "in_app",
        "address_suppressed": dead and channel != "in_app",
    }
    assert tuple(speaks) == REASONS
    expected = next((reason for reason in REASONS if speaks[reason]), SEND)
    assert reason_against(who if known else None, channel, about, binding() if mutes else unbound(), NOW) == expected


def test_an_address_that_is_suppressed_is_not_used_and_the_others_are() -> None:
    who = profile(devices=[Device("ios", "a"), Device("web", "b")], suppressed={"a": "dead_token", "ann@example.com": "complaint"})
    assert addresses(who, "push") == ["b"]
    assert why_not("push", devices=who.devices, suppressed=who.suppressed) == SEND
    assert why_not("push", devices=who.devices[:1], suppressed=who.suppressed) == "address_suppressed"
    assert why_not("email", suppressed=who.suppressed) == "address_suppressed"
    assert why_not("in_app", suppressed={"ann": "stop"}) == "address_suppressed"
    assert why_not("email", unsubscribed=["promotional"]) == SEND


def test_chat_goes_to_every_address_with_its_kind() -> None:
    chat = {"slack": "U1", "webhook": "https://x.example/1", "teams": "https://x.example/2"}
    who = profile(channels=["chat"], chat=chat, suppressed={"https://x.example/1": "dead_token"})
    assert addresses(who, "chat") == ["U1", "https://x.example/2"]
    assert chats(who) == [("U1", "slack"), ("https://x.example/2", "teams")]
    assert why_not("chat", channels=["chat"], chat=chat, suppressed=who.suppressed) == SEND
    assert why_not("chat", channels=["chat"], chat={"slack": "U1"}, suppressed={"U1": "stop"}) == "address_suppressed"
    assert why_not("chat", channels=["chat"], chat=chat) == SEND
    assert why_not("chat", chat=chat) == "channel_disabled"


def test_where_each_channel_goes() -> None:
    who = profile(devices=[Device("ios", "a"), Device("web", "b")])
    assert addresses(who, "push") == ["a", "b"]
    assert addresses(who, "email") == ["ann@example.com"]
    assert addresses(who, "sms") == ["+4915112345678"]
    assert addresses(who, "in_app") == ["ann"]
    assert addresses(who, "carrier_pigeon") == []
    assert addresses(profile(email="", phone="", devices=[]), "email") == []


def test_chat_without_an_address_is_no_address() -> None:
    assert why_not("chat", channels=["chat"]) == "no_address"
    assert why_not("chat", channels=["chat"], suppressed={"U1": "stop"}) == "no_address"


def test_what_is_refused_has_a_status() -> None:
    assert outcome_of("expired") == Outcome("expired", "expired")
    assert {outcome_of(reason).status for reason in REASONS if reason != "expired"} == {"suppressed"}
    assert [outcome_of(reason).reason for reason in REASONS] == list(REASONS)
