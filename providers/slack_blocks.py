"""A message in Slack's own form: text in mrkdwn, and Block Kit blocks where there is more than text. Pure.

https://docs.slack.dev/messaging/formatting-message-text: & < > are escaped, so that no data can mention a channel or hide a link;
https://docs.slack.dev/reference/block-kit/blocks: a header has up to 150 characters, a section 3000. A longer text has several sections.
"""

from collections.abc import Iterator
from typing import Any

from providers.base import Message

HEADER, SECTION, ALT_TEXT = 150, 3000, 2000
ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_ESCAPES = str.maketrans(ESCAPES)
_IN_A_LINK = str.maketrans({"&": "&amp;", "<": "%3C", ">": "%3E", "|": "%7C"})


def escaped(text: str) -> str:
    """Return text that mrkdwn shows as it is, but for *bold* and its like."""
    return text.translate(_ESCAPES)


def text_of(message: Message) -> str:
    """Return the title and the body: what notifications and screen readers have."""
    return escaped("\n".join(text for text in (message.title, message.body) if text))


def blocks_of(message: Message) -> list[dict[str, Any]]:
    """Return the blocks; none where the text says it all."""
    if not (message.title or message.chat.link or message.chat.image):
        return []
    return [*_title(message.title), *map(_section, pieces(message.body, SECTION)), *_beside(message)]


def pieces(text: str, limit: int) -> Iterator[str]:
    """Yield the text in pieces that have at most `limit` characters when they are escaped; they end at white space where there is some."""
    rest = text.strip()
    while rest:
        size = end = 0
        for character in rest:
            size += len(ESCAPES.get(character, character)) + (character > "\uffff")
            if size > limit:
                break
            end += 1
        if end < len(rest):
            end = max(rest.rfind("\n", 1, end), rest.rfind(" ", 1, end), 0) or end
        yield escaped(rest[:end].rstrip())
        rest = rest[end:].lstrip()


def _title(title: str) -> Iterator[dict[str, Any]]:
    if title and len(title) <= HEADER:
        yield {"type": "header", "text": {"type": "plain_text", "text": title}}
    elif title:
        yield from map(_section, pieces(title, SECTION))


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def _beside(message: Message) -> Iterator[dict[str, Any]]:
    """A link is text, not a button: Slack wants a button's click to be answered by the app."""
    if message.chat.link:
        yield _section(f"<{message.chat.link.translate(_IN_A_LINK)}>")
    if message.chat.image:
        alt_text = message.title if 0 < len(message.title) <= ALT_TEXT else "image"
        yield {"type": "image", "image_url": message.chat.image, "alt_text": alt_text}
