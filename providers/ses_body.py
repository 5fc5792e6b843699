"""What Amazon SES is asked: SendBulkEmail for messages of one text, SendEmail for one. Pure.

A text in a bulk request is a template (https://docs.aws.amazon.com/ses/latest/dg/send-personalized-email-api.html): what stands in {{ }}
would be replaced, and a message that can't be rendered is accepted and never sent. So a text with {{ in it goes alone, as it is; so do
attachments, because the whole of an inline template may have 1 MB.
"""

import re
from base64 import b64encode
from collections.abc import Sequence
from typing import Any

import msgspec

from providers.base import Message
from providers.email_parts import clean, copies_of, encoded, headers_of, mailbox, recipient, with_ascii_domain
from schemas.records import Attachment

BULK_BYTES = 600_000  # of text and HTML: the JSON of all, with up to 50 entries of 15 headers, may have 1 MB
TAG_LENGTH = 256
REF_TAG = "ref"
_TAG = re.compile(rf"[A-Za-z0-9_-]{{1,{TAG_LENGTH}}}")


def is_bulk(message: Message) -> bool:
    """Whether its text can be in one request with other messages."""
    texts = (message.subject, message.body, message.html or "")
    if message.email.attachments or any("{{" in text for text in texts):
        return False
    characters = sum(map(len, texts))
    return characters * 4 <= BULK_BYTES or sum(len(text.encode("utf-8", "replace")) for text in texts) <= BULK_BYTES


def bulk_of(messages: Sequence[Message], sender: str, configuration_set: str) -> bytes:
    """Return the body of SendBulkEmail."""
    first = messages[0]
    content = {"Subject": clean(first.subject), "Text": first.body, "Html": first.html}
    return _json(
        _about(first, sender, configuration_set)
        | {
            "DefaultContent": {"Template": {"TemplateContent": _filled(content), "TemplateData": "{}"}},
            "BulkEmailEntries": [_entry(message) for message in messages],
        }
    )


def single_of(message: Message, sender: str, configuration_set: str) -> bytes:
    """Return the body of SendEmail."""
    body = {"Text": _text(message.body), "Html": _text(message.html)}
    simple = {
        "Subject": _text(clean(message.subject)),
        "Body": _filled(body),
        "Headers": _headers(message),
        "Attachments": [_attachment(file) for file in message.email.attachments],
    }
    told = {"Destination": _destination(message), "Content": {"Simple": _filled(simple)}, "EmailTags": _tags(message)}
    return _json(_about(message, sender, configuration_set) | told)


def _about(message: Message, sender: str, configuration_set: str) -> dict[str, Any]:
    return {
        "FromEmailAddress": mailbox(message.email.from_name, sender),
        "ReplyToAddresses": [with_ascii_domain(address) for address in message.email.reply_to],
        "ConfigurationSetName": configuration_set,
    }


def _entry(message: Message) -> dict[str, Any]:
    one = {"Destination": _destination(message), "ReplacementHeaders": _headers(message), "ReplacementTags": _tags(message)}
    return _filled(one) | {"ReplacementEmailContent": {"ReplacementTemplate": {"ReplacementTemplateData": "{}"}}}


def _destination(message: Message) -> dict[str, list[str]]:
    """Domains as DNS has them (SES takes no other), and each address one."""
    cc, bcc = copies_of(message)
    kinds = {"ToAddresses": [message.address], "CcAddresses": cc, "BccAddresses": bcc}
    return {kind: [recipient(address) for address in addresses] for kind, addresses in kinds.items() if addresses}


def _headers(message: Message) -> list[dict[str, str]]:
    return [{"Name": name, "Value": encoded(value)} for name, value in headers_of(message).items()]


def _tags(message: Message) -> list[dict[str, str]]:
    """Of letters, digits, _ and -, as a `ref` is: the documentation takes no other."""
    return [{"Name": REF_TAG, "Value": message.ref}] if _TAG.fullmatch(message.ref) else []


def _text(value: str | None) -> dict[str, str]:
    return {"Data": value, "Charset": "UTF-8"} if value else {}


def _attachment(file: Attachment) -> dict[str, str]:
    inline = {"ContentDisposition": "INLINE", "ContentId": file.content_id} if file.content_id else {"ContentDisposition": "ATTACHMENT"}
    content = b64encode(file.content).decode()
    return {
        "FileName": file.filename,
        "ContentType": file.content_type,
        "RawContent": content,
        "ContentTransferEncoding": "BASE64",
    } | inline


def _filled(told: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if value}


def _json(told: dict[str, Any]) -> bytes:
    return msgspec.json.encode(_filled(told))
