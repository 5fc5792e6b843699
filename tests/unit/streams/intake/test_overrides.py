"""What a rule gives a notification beside its text, filled from an event."""

from base64 import b64encode
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.records import Attachment, ChatOverrides, EmailOverrides, Overrides, PushOverrides, SmsOverrides
from streams.intake.errors import RuleUnfit
from streams.intake.overrides import OverridesRule, filled
from streams.intake.parts import DigestRule
from streams.intake.trigger import Trigger
from tests.unit.streams.intake.test_rules import one, trigger

FIELDS = {
    "user": "u-1",
    "order": {"id": "o-17", "lines": 3},
    "agent": None,
    "sound": None,
    "unread": 5,
    "receipt": b"%PDF-1.4",
    "logo": "iVBORw==",
    "price": 49.9,
}


def said(**written: Any) -> Any:
    """The section of a rule."""
    return msgspec.convert(written, OverridesRule)


def told(fields: dict[str, Any] = FIELDS, **written: Any) -> Overrides | None:
    return one(fields, channels=[], overrides=said(**written)).notification.overrides


def test_a_rule_without_says_nothing() -> None:
    assert one(FIELDS).notification.overrides is None


@pytest.mark.parametrize(
    ("written", "overrides"),
    [
        ({"push": {"sound": "default"}}, Overrides(push=PushOverrides(sound="default"))),
        ({"push": {"link": "shop://orders/{{ order.id }}/{{order.lines}}"}}, Overrides(push=PushOverrides(link="shop://orders/o-17/3"))),
        ({"push": {"sound": {"field": "sound", "otherwise": "default"}}}, Overrides(push=PushOverrides(sound="default"))),
        ({"push": {"badge": {"field": "unread"}}}, Overrides(push=PushOverrides(badge=5))),
        ({"push": {"badge": 0}}, Overrides(push=PushOverrides(badge=0))),
        (
            {"push": {"data": {"field": "x", "order": {"field": "order.id"}, "price": "{{ price }} EUR"}}},
            Overrides(push=PushOverrides(data={"field": "x", "order": "o-17", "price": "49.9 EUR"})),
        ),
        (
            {"email": {"cc": ["a@shop.example", {"field": "agent", "otherwise": ""}, "{{ order.id }}@shop.example"]}},
            Overrides(email=EmailOverrides(cc=["a@shop.example", "o-17@shop.example"])),
        ),
        ({"email": {"headers": {"X-Order": "{{ order.id }}"}}}, Overrides(email=EmailOverrides(headers={"X-Order": "o-17"}))),
        (
            {
                "email": {
                    "attachments": [{"filename": "{{ order.id }}.pdf", "content_type": "application/pdf", "content": {"field": "receipt"}}]
                }
            },
            Overrides(email=EmailOverrides(attachments=[Attachment("o-17.pdf", "application/pdf", b"%PDF-1.4")])),
        ),
        (
            {
                "email": {
                    "attachments": [{"filename": "l.png", "content_type": "image/png", "content": {"field": "logo"}, "content_id": "l"}]
                }
            },
            Overrides(email=EmailOverrides(attachments=[Attachment("l.png", "image/png", b"\x89PNG", "l")])),
        ),
        (
            {"email": {"attachments": [{"filename": "l.png", "content_type": "image/png", "content": "iVBORw=="}]}},
            Overrides(email=EmailOverrides(attachments=[Attachment("l.png", "image/png", b"\x89PNG")])),
        ),
        (
            {"sms": {"media": ["https://shop.example/{{ order.id }}.png"]}, "chat": {"thread": "{{ order.id }}"}},
            Overrides(sms=SmsOverrides(["https://shop.example/o-17.png"]), chat=ChatOverrides(thread="o-17")),
        ),
    ],
)
def test_what_a_rule_says_is_filled(written: dict[str, Any], overrides: Overrides) -> None:
    assert told(**written) == overrides


@pytest.mark.parametrize(
    ("written", "complaint"),
    [
        ({"push": {"link": "https://shop.example/{{ order.no }}"}}, "field 'order.no' is missing; the payload has: agent, "),
        ({"push": {"sound": "{{ sound }}"}}, "field 'sound' is null"),
        ({"push": {"sound": "{{ receipt }}"}}, "field 'receipt' can't be made text"),
        ({"push": {"badge": {"field": "logo"}}}, "field 'overrides' can't be told: Expected `int | null`, got `str` - at `$.push.badge`"),
        ({"push": {"badge": {"field": "agent"}}}, "field 'agent' is null"),
        ({"push": {"image": "{{ logo }}"}}, "field 'overrides.push.image' is no URL"),
        ({"email": {"cc": ["{{ order.id }}"]}}, "field 'overrides.email.cc[0]' is no e-mail address"),
        (
            {"email": {"attachments": [{"filename": "a", "content_type": "a/b", "content": {"field": "unread"}}]}},
            "field 'overrides' can't be told: Expected `bytes`, got `int` - at `$.email.attachments[0].content`",
        ),
        (
            {"email": {"attachments": [{"filename": "a", "content_type": "a/b", "content": {"field": "user"}}]}},
            "field 'overrides' can't be told: Invalid base64",
        ),
    ],
)
def test_an_event_that_does_not_fit_is_refused(written: dict[str, Any], complaint: str) -> None:
    with pytest.raises(RuleUnfit) as refused:
        told(**written)
    assert str(refused.value).startswith(f"rule rule: {complaint}")


def test_a_file_of_the_event_that_is_too_large_refuses_it() -> None:
    written = {"email": {"attachments": [{"filename": "a", "content_type": "a/b", "content": {"field": "receipt"}}]}}
    with pytest.raises(RuleUnfit, match="'overrides.email.attachments.0..content' has 32769 bytes; the limit is 32768"):
        told(FIELDS | {"receipt": b"." * 32_769}, **written)


def test_what_is_digested_has_less_room() -> None:
    fields, written = {"user": "u", "x": "." * 9_000}, said(push={"data": {"x": "{{ x }}"}})
    assert one(fields, overrides=written).notification.overrides is not None
    with pytest.raises(RuleUnfit, match="'overrides' have 9112 bytes in all; the limit is 8192"):
        one(fields, overrides=written, digest=DigestRule(by=["user"]))


def test_what_is_written_like_a_field_in_an_event_stays_as_it_is() -> None:
    assert told({"user": "u", "x": "{{ user }}"}, push={"sound": "{{ x }}"}) == Overrides(push=PushOverrides(sound="{{ user }}"))


TEXT = st.text(st.characters(exclude_characters="{}", exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1, max_size=6)
WEB = st.builds("https://shop.example/{}".format, st.sampled_from("abc"))
ADDRESSES = st.lists(st.sampled_from(["a@shop.example", "b@shop.example"]), max_size=2)
FILES = st.builds(Attachment, st.sampled_from(["a.pdf", "b"]), st.just("a/b"), st.binary(max_size=9), TEXT)
HEADERS = st.dictionaries(st.sampled_from(["X-A", "X-B"]), TEXT)
ANY = st.builds(
    Overrides,
    st.none() | st.builds(EmailOverrides, TEXT, ADDRESSES, ADDRESSES, ADDRESSES, HEADERS, st.lists(FILES, max_size=2)),
    st.none() | st.builds(
        PushOverrides, WEB, TEXT, TEXT, st.none() | st.integers(0, 9), TEXT, TEXT, TEXT, TEXT, st.dictionaries(TEXT, TEXT, max_size=2)
    ),
    st.none() | st.builds(SmsOverrides, st.lists(WEB, max_size=2)),
    st.none() | st.builds(ChatOverrides, TEXT, WEB, TEXT),
)  # fmt: skip


@given(ANY)
def test_what_is_written_out_is_told_as_it_is(overrides: Overrides) -> None:
    written = msgspec.convert(msgspec.to_builtins(overrides), OverridesRule)
    assert filled(rule(), written, {}, digested=False) == overrides


@given(ANY)
def test_what_is_all_of_the_event_is_told_as_if_it_were_written_out(overrides: Overrides) -> None:
    fields: dict[str, Any] = {}

    def of_event(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: of_event(each) for name, each in value.items()}
        if isinstance(value, list):
            return [of_event(each) for each in value]
        if value in ("", None):
            return value
        fields[name := f"f{len(fields)}"] = value
        return {"field": name}

    written = msgspec.convert(of_event(msgspec.to_builtins(overrides, builtin_types=(bytes,))), OverridesRule)
    assert filled(rule(), written, fields, digested=False) == overrides
    told_in_base64 = {name: b64encode(value).decode() if isinstance(value, bytes) else value for name, value in fields.items()}
    assert filled(rule(), written, told_in_base64, digested=False) == overrides


def rule() -> Trigger:
    return trigger()
