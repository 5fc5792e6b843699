"""A message as an Adaptive Card (https://adaptivecards.io/explorer), as Teams' workflows take it. Pure.

The text is shown as it is: a RichTextBlock has no Markdown (https://adaptivecards.io/explorer/TextRun.html), so no data can hide a link.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from providers.base import Message

LARGEST = 28 * 1024
"""Bytes of a message in Teams, https://learn.microsoft.com/microsoftteams/limits-specifications-teams ("approximately 28 KB")."""
BESIDE_THE_CARD = 1024


def card_of(message: Message, link_title: str) -> dict[str, Any]:
    """Return the card; `link_title` is on the button for a link."""
    card: dict[str, Any] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.2",
        "body": list(_body(message)),
    }
    if message.chat.link:
        card["actions"] = [{"type": "Action.OpenUrl", "title": link_title, "url": message.chat.link}]
    return card


def size_of(card: dict[str, Any]) -> int:
    """Return how many bytes Teams makes of it.

    It keeps the card as a text in JSON, where each quote counts twice: https://github.com/MicrosoftDocs/msteams-docs/issues/11274.
    """
    return len(msgspec.json.encode(msgspec.json.encode(card).decode())) + BESIDE_THE_CARD


def _body(message: Message) -> Iterator[dict[str, Any]]:
    if message.title:
        yield {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": message.title, "size": "Large", "weight": "Bolder"}]}
    spacing = "Default"
    for line in message.body.splitlines():
        if line.strip():
            yield {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": line}], "spacing": spacing}
        spacing = "None" if line.strip() else "Default"
    if message.chat.image:
        yield {"type": "Image", "url": message.chat.image, "altText": message.title}
