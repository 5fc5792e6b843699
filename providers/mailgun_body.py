"""Mailgun's form. Pure.

https://documentation.mailgun.com/docs/mailgun/api-reference/send/mailgun/messages/post-v3--domain-name--messages
"""

from collections.abc import Iterable, Sequence
from email.utils import quote
from hashlib import sha256
from typing import TypeAlias

import httpx
import msgspec
from msgspec.structs import replace

from providers.base import Message
from providers.email_parts import clean, copies_of, headers_of, is_plain_address, recipient, with_ascii_domain

Field: TypeAlias = tuple[str, tuple[str | None, bytes] | tuple[str | None, bytes, str]]

SHORTEST_MIN, LONGEST_MIN = 5, 24 * 60  # of o:deliver-within
TAG_LENGTH = 128


def goes_alone(message: Message) -> bool:
    """Whether it can't be in a batch: its copies would get those of everybody; an address that is refused would keep all others back."""
    texts = (message.subject, message.body, message.html or "")
    return bool(
        message.email.cc
        or message.email.bcc
        or not is_plain_address(with_ascii_domain(message.address))
        or any("%recipient" in text for text in texts)  # it would be replaced
    )


def deliver_within(message: Message) -> str:
    """Return how long Mailgun may try, as it writes it (1h30m); empty: as long as it likes."""
    if message.expires_at is None or not message.sent_at:
        return ""
    minutes = max(SHORTEST_MIN, (message.expires_at - message.sent_at) // 60_000)
    return f"{minutes // 60}h{minutes % 60}m" if minutes <= LONGEST_MIN else ""


def request_of(url: str, headers: dict[str, str], fields: Sequence[Field]) -> httpx.Request:
    """Return it as multipart/form-data; the same fields make the same bytes."""
    mark = sha256(b"\0".join(part[1] for _, part in fields)).hexdigest()[:32]  # nobody can write a text that has the hash of the text in it
    request = httpx.Request("POST", url, headers=headers | {"content-type": f"multipart/form-data; boundary={mark}"}, files=list(fields))
    request.read()
    return request


def fields_of(messages: Sequence[Message], sender: str) -> list[Field]:
    """Return the fields for messages of one text; of several, each recipient sees only itself."""
    first = messages[0]
    shown = (
        first if len(messages) == 1 else replace(first, ref="%recipient.ref%", unsubscribe=first.unsubscribe and "%recipient.unsubscribe%")
    )
    cc, bcc = copies_of(first)
    texts: list[tuple[str, str]] = [
        ("from", _mailbox(first.email.from_name, sender)),
        ("to", _list(message.address for message in messages)),
        ("cc", _list(cc)),
        ("bcc", _list(bcc)),
        ("subject", first.subject),
        ("text", first.body),
        ("html", first.html or ""),
        ("h:Reply-To", _list(first.email.reply_to)),
        *((f"h:{clean(name)}", clean(value)) for name, value in headers_of(shown).items()),
        ("v:ref", shown.ref),
        ("o:tag", first.category if first.category.isascii() and len(first.category) <= TAG_LENGTH else ""),
        ("o:deliver-within", deliver_within(first)),
        ("recipient-variables", _variables(messages) if len(messages) > 1 else ""),
    ]
    return [(name, (None, value.encode("utf-8", "replace"))) for name, value in texts if value] + _files(first)


def _list(addresses: Iterable[str]) -> str:
    return ", ".join(recipient(address) for address in addresses)


def _mailbox(name: str, address: str) -> str:
    return f'"{quote(clean(name))}" <{address}>' if clean(name) else address


def _variables(messages: Sequence[Message]) -> str:
    told = {recipient(message.address): {"ref": message.ref, "unsubscribe": message.unsubscribe} for message in messages}
    return msgspec.json.encode(told).decode()


def _files(message: Message) -> list[Field]:
    """HTML names an inline file by its file name (cid:...), so its content id is that."""
    return [
        (
            "inline" if file.content_id else "attachment",
            (file.content_id or file.filename or "attachment", file.content, clean(file.content_type)),
        )
        for file in message.email.attachments
    ]
