"""A letter: what is in it, where it stands (RFC 5322, 2045-2047, 2231, 2387, 8058), and that nothing gets out of its place."""

import re
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.policy import default
from email.utils import parseaddr
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from providers.base import Message, Rejected
from providers.smtp_letter import Letter, LetterError, envelope_sender, letter_of, ref_of, xtext
from schemas.records import Attachment, EmailOverrides

SENDER = "shop@example.com"
BOUNCES = "bounces+{ref}@mail.example.com"
NOW = 1_732_147_200_000
PLAIN = Message(
    message_id="7c1f4f1e-0000-5000-8000-000000000001.0.0",
    notification_id="n",
    user_id="u",
    address="ann@example.org",
    ref="3.batch.7.0",
    subject="Your order",
    body="On its way",
    sent_at=NOW,
)


def letter(message: Message = PLAIN, **fields: Any) -> Letter:
    return letter_of(replace(message, **fields), SENDER, "", NOW + 1)


def read(letter: Letter) -> EmailMessage:
    return cast(EmailMessage, message_from_bytes(letter.text, policy=default))


def with_email(**fields: Any) -> Letter:
    return letter(email=EmailOverrides(**fields))


def test_a_plain_letter() -> None:
    assert letter().text.decode() == (
        "From: shop@example.com\r\n"
        "To: ann@example.org\r\n"
        "Date: Thu, 21 Nov 2024 00:00:00 +0000\r\n"
        "Message-ID: <7c1f4f1e-0000-5000-8000-000000000001.0.0@example.com>\r\n"
        "Subject: Your order\r\n"
        'Content-Type: text/plain; charset="utf-8"\r\n'
        "Content-Transfer-Encoding: 7bit\r\n"
        "MIME-Version: 1.0\r\n"
        "\r\n"
        "On its way\r\n"
    )


def test_a_message_that_says_no_time_is_of_now() -> None:
    assert read(letter(sent_at=0))["date"].datetime.timestamp() * 1000 == NOW - NOW % 1000


@pytest.mark.parametrize(
    ("fields", "layers"),
    [
        ({"body": "x"}, "text/plain"),
        ({"body": "", "html": "<p>"}, "text/html"),
        ({"body": "", "html": None}, "text/plain"),
        ({"body": "x", "html": "<p>"}, "multipart/alternative text/plain text/html"),
    ],
)
def test_the_text_has_no_more_layers_than_it_needs(fields: dict[str, Any], layers: str) -> None:
    assert " ".join(part.get_content_type() for part in read(letter(**fields)).walk()) == layers


PICTURE = Attachment("logo.png", "image/png", b"\x89PNG", "logo")
FILE = Attachment("receipt.pdf", "application/pdf", b"%PDF")


@pytest.mark.parametrize(
    ("fields", "files", "layers"),
    [
        ({"html": "<p>"}, [PICTURE], "multipart/alternative text/plain multipart/related text/html image/png"),
        ({"html": "<p>", "body": ""}, [PICTURE], "multipart/related text/html image/png"),
        ({}, [FILE], "multipart/mixed text/plain application/pdf"),
        ({}, [PICTURE], "multipart/mixed text/plain image/png"),
        (
            {"html": "<p>"},
            [FILE, PICTURE],
            "multipart/mixed multipart/alternative text/plain multipart/related text/html image/png application/pdf",
        ),
    ],
)
def test_files_stand_beside_and_pictures_with_the_page(fields: dict[str, Any], files: list[Attachment], layers: str) -> None:
    mail = read(letter(email=EmailOverrides(attachments=files), **fields))
    assert " ".join(part.get_content_type() for part in mail.walk()) == layers


def test_names_and_types_of_files() -> None:
    files = [
        Attachment("Přehled účtu.pdf", "application/pdf", b"1"),
        Attachment("invite.ics", "text/calendar; method=REQUEST; charset=utf-8", "Žofie".encode()),
        Attachment("odd", "no type at all", b"3"),
        Attachment("old.eml", "message/rfc822", b"Subject: x\r\n\r\n"),
        Attachment("a\r\nBcc: x@y\0.txt", "text/plain\r\nX: y", b"5"),
        Attachment("", "", b"6"),
    ]
    parts = list(read(with_email(attachments=files)).iter_attachments())
    assert [part.get_filename() for part in parts] == ["Přehled účtu.pdf", "invite.ics", "odd", "old.eml", "a Bcc: x@y .txt", ""]
    assert [part.get_payload(decode=True) for part in parts] == [file.content for file in files]
    assert parts[1]["content-type"].params == {"method": "REQUEST", "charset": "utf-8"}
    assert [part.get_content_type() for part in parts][2:] == ["application/octet-stream"] * 4


def test_who_it_is_from_and_for() -> None:
    sent = with_email(from_name='The "Shop"', reply_to=["help@example.com", "b@example.com"], cc=["c@example.com"], bcc=["d@example.com"])
    mail = read(sent)
    assert [(a.display_name, a.addr_spec) for a in mail["from"].addresses] == [('The "Shop"', SENDER)]
    assert [a.addr_spec for a in mail["reply-to"].addresses] == ["help@example.com", "b@example.com"]
    assert mail["cc"] == "c@example.com"
    assert b"d@example.com" not in sent.text
    assert sent.recipients == ("ann@example.org", "c@example.com", "d@example.com")
    assert sent.sender == SENDER


def test_nobody_has_it_twice() -> None:
    assert with_email(cc=["ANN@example.org", "c@example.com"], bcc=["C@example.com"]).recipients == ("ann@example.org", "c@example.com")


@pytest.mark.parametrize(
    "name", ["Café Größenwahn", "Прага", "日本語の差出人名前はとても長いことがあります", "💌" * 40, 'a"b\\c', "x" * 900]
)
def test_any_name_can_be_read_again(name: str) -> None:
    sent = with_email(from_name=name)
    raw = message_from_bytes(sent.text)["from"]
    shown, address = parseaddr(re.sub(r"\s+", " ", raw))
    assert (str(make_header(decode_header(shown))), address) == (name, SENDER)  # the new parser keeps the space between encoded words
    assert sent.text.isascii()
    assert not sent.utf8


@pytest.mark.parametrize(
    "subject", ["Ihre Bestellung – morgen", "💌" * 60, "word " * 60, "https://example.com/" + "x" * 300, "=?utf-8?q?a?=", ""]
)
def test_any_subject_can_be_read_again(subject: str) -> None:
    mail = read(letter(subject=subject))
    if subject != "=?utf-8?q?a?=":  # what looks encoded is read as such: RFC 2047 has no way to say otherwise
        assert (mail["subject"] or "").strip() == subject.strip()


def test_the_opt_out_is_one_click_and_its_url_is_whole() -> None:
    url = "https://example.com/u/" + "x" * 400
    text = letter(unsubscribe=url).text.decode()
    assert f"\r\nList-Unsubscribe: <{url}>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in text


def test_headers_of_its_own() -> None:
    headers = {"X-Order": "o-17", "References": "<a@b> <c@d>", "X-Name": "Žofie", "X-Long": "word " * 400}
    mail = read(with_email(headers=headers))
    assert {name: mail[name].strip() for name in headers} == {name: value.strip() for name, value in headers.items()}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-A", "b\r\nBcc: x@example.com"),
        ("X-A", "b\nBcc: x@example.com"),
        ("X-A", "b\rBcc: x@example.com"),
        ("X-A", "b\0"),
        ("X-A", "b\u2028c"),
        ("X-A\r\nBcc", "x@example.com"),
        ("X A", "b"),
        ("X:A", "b"),
        ("", "b"),
        ("Ž", "b"),
        ("From", "ceo@example.com"),
        ("bcc", "x@example.com"),
        ("Content-Type", "text/html"),
        ("MESSAGE-ID", "<a@b>"),
        ("Reply-To", "x@example.com"),
    ],
)
def test_a_header_that_is_not_one_is_refused(name: str, value: str) -> None:
    with pytest.raises(LetterError) as error:
        with_email(headers={name: value})
    assert error.value.outcome.reason == "bad_header"
    assert not error.value.outcome.address_dead


@pytest.mark.parametrize(
    "address",
    [
        "",
        "@",
        "ann",
        "ann@",
        "@example.org",
        "ann@example.org\r\nRCPT TO:<x@y>",
        "a b@example.org",
        "<ann@example.org>",
        "ann@ex ample",
        "a\0@b",
    ]
    + ["ann@example.org>", "Ann <ann@example.org>", "a@b,c@d", '"a\r\n"@example.org', "a@b@c", "ann@example.org "],
)
def test_what_is_no_address_is_of_no_use(address: str) -> None:
    with pytest.raises(LetterError) as error:
        letter(address=address)
    assert error.value.outcome == Rejected("bad_address_syntax", "not an e-mail address", address_dead=True)


@pytest.mark.parametrize(
    "address", ["a.b+c@example.org", '"ann lee"@example.org', "a@[192.0.2.1]", "o'hara@example.org", "a@localhost", "a=b@x.y"]
)
def test_an_odd_address_is_for_the_server_to_judge(address: str) -> None:
    assert letter(address=address).recipients == (address,)


@pytest.mark.parametrize("fields", [{"cc": ["x"]}, {"bcc": ["x\r\ny@z"]}, {"reply_to": ["x y@z"]}])
def test_a_bad_copy_is_the_messages_fault(fields: dict[str, Any]) -> None:
    with pytest.raises(LetterError) as error:
        with_email(**fields)
    assert not error.value.outcome.address_dead


def test_only_an_international_local_part_needs_smtputf8() -> None:
    assert letter(address="ann@bücher.example").recipients == ("ann@xn--bcher-kva.example",)
    assert not letter(address="ann@bücher.example").utf8
    sent = letter(address="žofie@bücher.example", subject="Účet", email=EmailOverrides(from_name="Obchod u Žofie"))
    assert sent.utf8
    assert sent.recipients == ("žofie@xn--bcher-kva.example",)
    assert "\r\nTo: žofie@xn--bcher-kva.example\r\n".encode() in sent.text
    assert read(sent)["subject"] == "Účet"


EVIL = st.text(st.sampled_from('ab \r\n\0\x0b\x0c\x1c\x85\u2028:;<>@,"\\é💌.=?') | st.characters(exclude_categories=["Cs"]), max_size=40)


@given(
    subject=EVIL, name=EVIL, body=EVIL, html=EVIL | st.none(), filename=EVIL, content_type=EVIL, content_id=EVIL, message_id=EVIL, ref=EVIL
)
def test_nothing_gets_out_of_its_place(
    subject: str, name: str, body: str, html: str | None, filename: str, content_type: str, content_id: str, message_id: str, ref: str
) -> None:
    email = EmailOverrides(from_name=name, attachments=[Attachment(filename, content_type, b"\0\xff\r\n.\r\n", content_id)])
    message = replace(PLAIN, subject=subject, body=body, html=html, email=email, message_id=message_id, ref=ref)
    sent = letter_of(message, SENDER, BOUNCES, NOW)
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", sent.text)
    assert sent.text.isascii()
    assert re.fullmatch(r"[!-~]+@(mail\.)?example\.com", sent.sender)
    mail = read(sent)
    names = {"from", "to", "date", "message-id", "subject", "mime-version", "content-type", "content-transfer-encoding"}
    assert {header.lower() for header in mail.keys()} <= names  # noqa: SIM118  (one entry for each header, not each name)
    assert len(mail.keys()) == len(set(mail.keys()))
    assert [a.addr_spec for a in mail["from"].addresses] == [SENDER]
    assert b"\0\xff\r\n.\r\n" in [part.get_payload(decode=True) for part in mail.walk()]


@given(st.text(max_size=30))
def test_a_text_arrives_as_it_was(body: str) -> None:
    if body.isprintable():
        assert read(letter(body=body)).get_content().rstrip("\r\n") == body


# ------------------------------------------------------------------------------------------------ where bounces go


def test_a_bounce_finds_its_delivery() -> None:
    assert envelope_sender(SENDER, BOUNCES, "3.batch.7.0") == "bounces+3.batch.7.0@mail.example.com"
    assert ref_of(BOUNCES, "bounces+3.batch.7.0@mail.example.com") == "3.batch.7.0"


@given(st.text(st.characters(max_codepoint=127), min_size=1, max_size=18))
def test_any_ref_comes_back(ref: str) -> None:
    address = envelope_sender(SENDER, BOUNCES, ref)
    assert ref_of(BOUNCES, address) == ref
    assert re.fullmatch(r"[A-Za-z0-9_=+-]+(\.[A-Za-z0-9_=+-]+)*", address.partition("@")[0])


@pytest.mark.parametrize(
    ("bounces", "address"),
    [
        ("", SENDER),
        (BOUNCES, SENDER),
        (BOUNCES, "bounces+3@evil.example"),
        (BOUNCES, "bounces+@mail.example.com"),
        (BOUNCES, "bounces+@mail"),
    ],
)
def test_another_address_is_none_of_ours(bounces: str, address: str) -> None:
    assert ref_of(bounces, address) == ""


def test_an_address_is_no_longer_than_allowed() -> None:
    assert envelope_sender(SENDER, BOUNCES, "x" * 56) == f"bounces+{'x' * 56}@mail.example.com"
    assert envelope_sender(SENDER, BOUNCES, "x" * 57) == SENDER
    assert envelope_sender(SENDER, BOUNCES, "") == SENDER


def test_xtext() -> None:
    """RFC 3461 4."""
    assert xtext("a+b=c d") == "a+2Bb+3Dc+20d"
