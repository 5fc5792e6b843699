"""A message as SMTP carries it: an envelope, and a text of MIME parts. Pure.

mixed( alternative( plain, related(html, pictures) ), files ), each layer only where it is needed: RFC 2046, 2387. No line
breaks or other control characters get into a header or a command: what comes from us is cleaned, what is the caller's refused.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from email.header import Header
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime
from typing import Any, cast

from msgspec import Struct

from providers.base import Message, Rejected
from providers.email_parts import (
    HEADER_NAME,
    LINE,
    OURS,
    clean,
    copies_of,
    has_breaks,
    headers_of,
    is_address,
    mailbox,
    with_ascii_domain,
)
from schemas.records import Attachment

LOCAL_PART = 64  # octets: RFC 5321 4.5.3.1.1
_NO_ID = re.compile(r"[^A-Za-z0-9._-]")
_NO_CONTENT_ID = re.compile(r"[^A-Za-z0-9!#$%&'*+/=?^_`{|}~.@-]")
_NO_LOCAL = re.compile(r"[^A-Za-z0-9._-]|(?<=\.)\.|^\.|\.$")
_SEVEN_BIT, _UTF8 = (policy.clone(cte_type="7bit", refold_source="none") for policy in (SMTP, SMTPUTF8))


class Letter(Struct, frozen=True):
    """`sender`: of the envelope, where bounces go. The first recipient is whom it is for. `utf8`: the server needs SMTPUTF8 for it."""

    sender: str
    recipients: tuple[str, ...]
    text: bytes
    envelope_id: str
    utf8: bool


class LetterError(Exception):
    """It can't be a letter; `outcome` says why."""

    def __init__(self, outcome: Rejected) -> None:
        super().__init__(outcome.reason)
        self.outcome = outcome


def letter_of(message: Message, sender: str, bounces: str, now_ms: int) -> Letter:
    """Return the letter. `bounces`: address with {ref} in it, or empty; `now_ms`: epoch. Raises LetterError."""
    to, cc, bcc = _recipients(message)
    reply_to = [_checked(with_ascii_domain(address), "bad_reply_to") for address in message.email.reply_to]
    utf8 = not all(address.isascii() for address in (to, *cc, *bcc, *reply_to, sender))
    mail = EmailMessage(policy=_UTF8 if utf8 else _SEVEN_BIT)
    for name, value in _heads(message, sender, to, cc, reply_to, now_ms):
        mail.set_raw(name, value)  # as it is: the package would encode a URL that is longer than a line
    mail["Subject"] = clean(message.subject)
    for name, value in headers_of(message).items():
        _add(mail, name, value)
    _fill(mail, message)
    return Letter(envelope_sender(sender, bounces, message.ref), (to, *cc, *bcc), mail.as_bytes(), message.ref or message.message_id, utf8)


def envelope_sender(sender: str, bounces: str, ref: str) -> str:
    """Return where bounces of it go: `ref` put into the address, as far as an address may be that long; else the sender."""
    if not bounces or not ref:
        return sender
    address = bounces.replace("{ref}", _NO_LOCAL.sub(lambda found: f"={ord(found[0]):02X}" if ord(found[0]) < 256 else "=3F", ref))
    return address if len(address.rpartition("@")[0]) <= LOCAL_PART else sender


def ref_of(bounces: str, address: str) -> str:
    """Return the `ref` of the address that a bounce went to; empty: it is none of ours. The inverse of `envelope_sender`."""
    before, _, after = bounces.partition("{ref}")
    if not bounces or len(address) < len(before) + len(after) or not (address.startswith(before) and address.endswith(after)):
        return ""
    return re.sub(r"=([0-9A-F]{2})", lambda found: chr(int(found[1], 16)), address[len(before) : len(address) - len(after)])


def xtext(value: str) -> str:
    """Return printable ASCII as the commands take it: RFC 3461 4."""
    return "".join(char if "!" <= char <= "~" and char not in "+=" else f"+{ord(char):02X}" for char in value if char.isascii())


def _recipients(message: Message) -> tuple[str, list[str], list[str]]:
    to = with_ascii_domain(message.address)
    if not is_address(to):
        raise LetterError(Rejected("bad_address_syntax", "not an e-mail address", address_dead=True))
    cc, bcc = copies_of(message)
    return to, _all_checked(cc), _all_checked(bcc)


def _all_checked(addresses: Sequence[str]) -> list[str]:
    return [_checked(with_ascii_domain(address), "bad_recipients") for address in addresses]


def _checked(address: str, reason: str) -> str:
    if not is_address(address):
        raise LetterError(Rejected(reason, f"not an e-mail address: {clean(address)[:100]}"))
    return address


def _heads(message: Message, sender: str, to: str, cc: list[str], reply_to: list[str], now_ms: int) -> list[tuple[str, str]]:
    moment = datetime.fromtimestamp((message.sent_at or now_ms) / 1000, UTC)
    heads = [
        ("From", mailbox(message.email.from_name, sender, "\r\n")),
        ("To", to),
        ("Cc", ",\r\n ".join(cc)),
        ("Reply-To", ",\r\n ".join(reply_to)),
        ("Date", format_datetime(moment)),
        ("Message-ID", f"<{_NO_ID.sub('-', message.message_id)}@{sender.rpartition('@')[2]}>"),
    ]
    return [(name, value) for name, value in heads if value]


def _add(mail: EmailMessage, name: str, value: str) -> None:
    if not HEADER_NAME.fullmatch(name) or name.lower() in OURS or has_breaks(value):
        raise LetterError(Rejected("bad_header", clean(name)[:100]))
    if value.isascii() and len(name) + len(value) + 2 <= LINE:
        mail.set_raw(name, value)
    else:
        mail.set_raw(name, Header(value, None if value.isascii() else "utf-8", header_name=name).encode(linesep="\r\n"))


def _fill(mail: EmailMessage, message: Message) -> None:
    pictures = [file for file in message.email.attachments if file.content_id and message.html]
    files = [file for file in message.email.attachments if file not in pictures]
    if message.body or not message.html:
        mail.set_content(message.body)
    if message.html and message.body:
        mail.add_alternative(message.html, subtype="html")
    elif message.html:
        mail.set_content(message.html, subtype="html")
    page = cast(EmailMessage, mail.get_body(("html",))) if pictures else mail
    for file in pictures:
        maintype, subtype, params = _type_of(file)
        cid = f"<{_NO_CONTENT_ID.sub('-', file.content_id)}>"
        page.add_related(file.content, maintype, subtype, cid=cid, filename=clean(file.filename), disposition="inline", params=params)
    for file in files:
        maintype, subtype, params = _type_of(file)
        mail.add_attachment(file.content, maintype, subtype, filename=clean(file.filename), params=params)


def _type_of(file: Attachment) -> tuple[str, str, dict[str, str]]:
    """Media type and its parameters; octets where it can't be read, or where base64 is not allowed (RFC 2046 5)."""
    header = cast(Any, _SEVEN_BIT.header_factory("Content-Type", clean(file.content_type)))
    if header.defects or header.maintype in ("message", "multipart"):
        return "application", "octet-stream", {}
    return header.maintype, header.subtype, dict(header.params)
