"""SendGrid's request body. Pure."""

from base64 import b64encode
from collections.abc import Sequence
from typing import Any

import msgspec

from providers.base import Message
from providers.email_parts import copies_of, headers_of, with_ascii_domain
from schemas.records import Attachment, EmailOverrides


def body_of(messages: Sequence[Message], sender: str) -> bytes:
    """Return the JSON of messages of one text."""
    first = messages[0]
    body: dict[str, Any] = {
        "personalizations": [_personalization(message) for message in messages],
        "from": {"email": sender} | ({"name": first.email.from_name} if first.email.from_name else {}),
        "subject": first.subject,
        "content": _content(first),
        "categories": _categories(first.category),
    }
    return msgspec.json.encode({name: value for name, value in (body | _beside(first.email)).items() if value})


def _personalization(message: Message) -> dict[str, Any]:
    """`custom_args` come back with every event of the message. All headers are here: what it has goes before the request's own."""
    cc, bcc = copies_of(message)
    one: dict[str, Any] = {
        "to": [_mailbox(message.address)],
        "cc": [_mailbox(address) for address in cc],
        "bcc": [_mailbox(address) for address in bcc],
        "headers": headers_of(message),
        "custom_args": {"ref": message.ref, "message_id": message.message_id},
    }
    return {name: value for name, value in one.items() if value}


def _mailbox(address: str) -> dict[str, str]:
    return {"email": with_ascii_domain(address)}


def _categories(category: str) -> list[str]:
    """Of ASCII and at most 255 characters; another would have the whole request refused."""
    return [category] if category and category.isascii() and len(category) <= 255 else []


def _content(message: Message) -> list[dict[str, str]]:
    """Plain text first, as the documentation demands."""
    plain = [{"type": "text/plain", "value": message.body}] if message.body else []
    return plain + ([{"type": "text/html", "value": message.html}] if message.html else [])


def _beside(email: EmailOverrides) -> dict[str, Any]:
    return {
        "reply_to_list": [_mailbox(address) for address in dict.fromkeys(email.reply_to)],
        "attachments": [_attachment(attachment) for attachment in email.attachments],
    }


def _attachment(attachment: Attachment) -> dict[str, str]:
    inline = {"disposition": "inline", "content_id": attachment.content_id} if attachment.content_id else {"disposition": "attachment"}
    content = b64encode(attachment.content).decode()
    return {"content": content, "type": attachment.content_type, "filename": attachment.filename} | inline
