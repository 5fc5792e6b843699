"""The sandbox's request bodies. Pure."""

from collections.abc import Sequence

import msgspec

from providers.base import Message
from providers.sandbox_server.wire import Batch, Recipient, Single, Text

_encode = msgspec.json.Encoder().encode


def batch_body(messages: Sequence[Message]) -> bytes:
    """Return the JSON of many messages; text and notification id are in it once when all messages share them."""
    first = messages[0]
    text = _text(first) if all(_same_text(message, first) for message in messages) else None
    one = all(message.notification_id == first.notification_id for message in messages)
    recipients = [
        Recipient(
            message_id=message.message_id,
            user_id=message.user_id,
            address=message.address,
            data=_data(message),
            text=None if text else _text(message),
            notification_id=None if one else message.notification_id,
        )
        for message in messages
    ]
    return _encode(Batch(recipients=recipients, text=text, notification_id=first.notification_id if one else None))


def single_body(message: Message) -> bytes:
    """Return the JSON of one message."""
    single = Single(
        message_id=message.message_id,
        notification_id=message.notification_id,
        user_id=message.user_id,
        address=message.address,
        text=_text(message),
        data=_data(message),
    )
    return _encode(single)


def _text(message: Message) -> Text:
    return Text(subject=message.subject, title=message.title, body=message.body, html=message.html)


def _same_text(message: Message, other: Message) -> bool:
    return message.body == other.body and message.subject == other.subject and message.title == other.title and message.html == other.html


def _data(message: Message) -> msgspec.Raw | msgspec.UnsetType:
    return msgspec.Raw(_encode(message.data)) if message.data else msgspec.UNSET
