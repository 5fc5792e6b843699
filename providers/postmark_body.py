"""The body of a request to Postmark: https://postmarkapp.com/developer/api/email-api#send-batch-emails. Pure."""

from base64 import b64encode
from email.utils import quote
from typing import Any

from providers.base import Message
from providers.email_parts import clean, copies_of, headers_of, recipient
from schemas.records import Attachment

BATCH = 500
SHARE = 50_000_000 // BATCH  # bytes a message may have so that any 500 of them are below the 50 MB of a request


def item_of(message: Message, sender: str, stream: str) -> dict[str, Any]:
    """Return the message as one of a batch; what it has not is left out."""
    email, (cc, bcc) = message.email, copies_of(message)
    item: dict[str, Any] = {"From": _mailbox(email.from_name, sender), "To": recipient(message.address)}
    item |= {"Subject": clean(message.subject), "TextBody": message.body}
    item |= {"HtmlBody": message.html} if message.html is not None else {}
    more = {
        "MessageStream": stream,
        "Cc": _listed(cc),
        "Bcc": _listed(bcc),
        "ReplyTo": _listed(email.reply_to),
        "Tag": message.category,
        "Metadata": {"ref": message.ref} if message.ref else {},
        "Headers": [{"Name": name, "Value": clean(value)} for name, value in headers_of(message).items()],
        "Attachments": [_file(each) for each in email.attachments],
    }
    return item | {name: value for name, value in more.items() if value}


def _mailbox(name: str, address: str) -> str:
    """The body is UTF-8: a name needs quotes, and no encoded words."""
    name = clean(name)
    return f'"{quote(name)}" <{address}>' if name else address


def _listed(addresses: list[str]) -> str:
    return ", ".join(map(recipient, addresses))


def _file(file: Attachment) -> dict[str, str]:
    inline = {"ContentID": f"cid:{file.content_id}"} if file.content_id else {}
    return {"Name": file.filename, "Content": b64encode(file.content).decode("ascii"), "ContentType": file.content_type} | inline
