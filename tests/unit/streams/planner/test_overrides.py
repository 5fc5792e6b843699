"""What a notification may have beside its text, and what the planner says of what it may not."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.smtp_letter import letter_of
from schemas.records import Attachment, ChatOverrides, EmailOverrides, Overrides, PushOverrides, SmsOverrides
from streams.digest.state import KNOWN, MOST_MEMBERS, SHOWN_BYTES, USERS_DIGESTED, State, joined, packed
from streams.planner.overrides import MAX_ATTACHMENT_BYTES, MAX_DIGESTED_BYTES, MAX_OVERRIDES_BYTES, Fault, faults
from streams.planner.rules import MAX_NOTIFICATION_BYTES, RequestUnfit, check
from streams.step.model import MAX_EFFECTS_BYTES
from tests.emulators.played import CHAT, EMAIL, PUSH, SMS
from tests.unit.providers.test_smtp_letter import PLAIN, SENDER
from tests.unit.streams.make import ALL, NOW, notification, request


def email(**fields: Any) -> Overrides:
    return Overrides(email=EmailOverrides(**fields))


def file(content: bytes = b"x", filename: str = "a.pdf", content_type: str = "application/pdf", content_id: str = "") -> Overrides:
    return email(attachments=[Attachment(filename, content_type, content, content_id)])


@pytest.mark.parametrize(
    "fine",
    [
        Overrides(),
        Overrides(EMAIL, PUSH, SMS, CHAT),
        Overrides(push=PushOverrides(badge=0, link="shop://orders/17")),
        email(headers={"X-Order": "č. 17", "List-Unsubscribe": "<mailto:no@shop.example>"}, cc=["žofie@bücher.example"]),
        file(b"", "účet č. 17.pdf", 'text/plain; charset="utf-8"'),
        file(b"." * MAX_ATTACHMENT_BYTES),
    ],
)
def test_what_may_be(fine: Overrides) -> None:
    assert list(faults(fine)) == []
    check(request(users=("ann",), overrides=fine), ALL)


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (email(from_name="Shop\r\nBcc: x@shop.example"), "overrides.email.from_name: has line breaks"),
        (email(cc=["a@shop.example", "b"]), "overrides.email.cc[1]: is no e-mail address"),
        (email(bcc=["a@shop.example, b@shop.example"]), "overrides.email.bcc[0]: is no e-mail address"),
        (email(reply_to=[""]), "overrides.email.reply_to[0]: is no e-mail address"),
        (email(cc=["a@x\uff20y.example"]), "overrides.email.cc[0]: is no e-mail address"),
        (email(headers={"X Order": "1"}), "overrides.email.headers: 'X Order' is no name of a header"),
        (email(headers={"": "1"}), "overrides.email.headers: '' is no name of a header"),
        (email(headers={"Subject": "1"}), "overrides.email.headers: Subject is what the message says itself"),
        (email(headers={"X-a": "1", "x-A": "2"}), "overrides.email.headers: X-a is there twice"),
        (email(headers={"X-A": "1\nX-B: 2"}), "overrides.email.headers[X-A]: has line breaks"),
        (file(filename=""), "overrides.email.attachments[0].filename: is no name of a file"),
        (file(filename="../a.pdf"), "overrides.email.attachments[0].filename: is no name of a file"),
        (file(content_type="pdf"), "overrides.email.attachments[0].content_type: is no media type"),
        (file(content_type="text/plain\r\nX: 1"), "overrides.email.attachments[0].content_type: is no media type"),
        (file(content_id="a\n"), "overrides.email.attachments[0].content_id: has line breaks"),
        (file(b"." * 32_769), "overrides.email.attachments[0].content: has 32769 bytes; the limit is 32768"),
        (Overrides(push=PushOverrides(image="x.png")), "overrides.push.image: is no URL"),
        (Overrides(push=PushOverrides(badge=2**31)), "overrides.push.badge: is not from 0 to 2147483647"),
        (Overrides(sms=SmsOverrides(media=["https://x.example/a.png", "ftp://x"])), "overrides.sms.media[1]: is no URL"),
        (Overrides(chat=ChatOverrides(image="javascript:alert(1)")), "overrides.chat.image: is no URL"),
    ],
)
def test_what_may_not_be_says_where_and_what(overrides: Overrides, said: str) -> None:
    with pytest.raises(RequestUnfit) as refused:
        check(request(users=("ann",), overrides=overrides), ALL)
    assert str(refused.value).startswith(said)


def sized(size: int) -> Overrides:
    """Of exactly so many bytes."""
    made = Overrides(push=PushOverrides(data={"x": "." * 1_000}))
    return Overrides(push=PushOverrides(data={"x": "." * (size - len(msgspec.msgpack.encode(made)) + 1_000)}))


@pytest.mark.parametrize(("key", "limit"), [("", MAX_OVERRIDES_BYTES), ("k", MAX_DIGESTED_BYTES)])
def test_how_much_they_may_be_in_all(key: str, limit: int) -> None:
    check(request(users=("ann",), overrides=sized(limit), digest_key=key), ALL)
    with pytest.raises(RequestUnfit, match=f"overrides: have {limit + 1} bytes in all; the limit is {limit}"):
        check(request(users=("ann",), overrides=sized(limit + 1), digest_key=key), ALL)


def test_beside_the_most_they_may_be_there_is_room_for_data() -> None:
    check(request(users=("ann",), overrides=sized(MAX_OVERRIDES_BYTES), data={"x": "." * 15_000}), ALL)
    with pytest.raises(RequestUnfit, match=f"the notification has .* bytes; the limit is {MAX_NOTIFICATION_BYTES}"):
        check(request(users=("ann",), overrides=sized(MAX_OVERRIDES_BYTES), data={"x": "." * 17_000}), ALL)


def largest_row(beside: int) -> int:
    """Bytes of a digest with as many members as are kept, whose first had overrides of so many bytes."""
    state = State("w", 0, 0)
    for number in range(MOST_MEMBERS + KNOWN):
        told = notification(notification_id=f"{number:036}", data={"x": "." * (SHOWN_BYTES // 20)}, overrides=sized(beside))
        state = joined(state, told, "Somebody With A Long Name", NOW)
    return len(packed(state) or b"")


def test_the_largest_digests_of_one_command_fit_the_journal() -> None:
    assert largest_row(MAX_DIGESTED_BYTES) * USERS_DIGESTED < MAX_EFFECTS_BYTES * 0.9
    assert largest_row(MAX_OVERRIDES_BYTES) * USERS_DIGESTED > MAX_EFFECTS_BYTES, "then there is no need of a limit of their own"


TEXT = st.text(max_size=12)
ADDRESS = st.builds("{}@{}".format, TEXT, st.sampled_from(["shop.example", "bücher.example"])) | TEXT
EMAILS = st.builds(
    EmailOverrides,
    from_name=TEXT,
    reply_to=st.lists(ADDRESS, max_size=2),
    cc=st.lists(ADDRESS, max_size=2),
    bcc=st.lists(ADDRESS, max_size=2),
    headers=st.dictionaries(st.sampled_from(["X-A", "x-a", "To", "X B"]) | TEXT, TEXT, max_size=2),
    attachments=st.lists(
        st.builds(
            Attachment, TEXT | st.just("a.pdf"), st.sampled_from(["text/plain", "image/png; x=y"]) | TEXT, st.binary(max_size=9), TEXT
        ),
        max_size=2,
    ),
)


@given(EMAILS)
def test_what_is_let_in_can_be_written_as_a_letter(asked: EmailOverrides) -> None:
    if not list(faults(Overrides(email=asked))):
        letter = letter_of(msgspec.structs.replace(PLAIN, email=asked), SENDER, "", NOW)
        assert b"\r\n\r\n" in letter.text


@given(st.integers(0, 70_000))
def test_the_size_alone_decides_of_what_is_well_formed(size: int) -> None:
    overrides = Overrides(push=PushOverrides(data={"x": "." * size}))
    told = list(faults(overrides))
    assert bool(told) == (len(msgspec.msgpack.encode(overrides)) > MAX_OVERRIDES_BYTES)
    assert all(isinstance(each, Fault) and each.where == "" for each in told)
