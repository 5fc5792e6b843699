"""How many segments a text message has: what it costs, and what `max_segments` limits. Pure.

3GPP TS 23.038, 6.2.1: a text of the GSM 7 bit default alphabet alone has 160 septets in one segment, and 153 in each of several (TS 23.040,
9.2.3.24: the concatenation header takes the rest). A character of the extension table takes two septets, escape and character, which stay
together. Any other character makes it UCS-2: 70 code units in one segment, 67 in each of several. Characters beyond the basic plane are
surrogate pairs of UTF-16, as phones and providers take them, and stay together too.
"""

from collections.abc import Iterator
from functools import lru_cache

BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""The default alphabet without its escape: 127 characters of a septet each."""

EXTENSION = frozenset("\f^{}\\[~]|€")
"""Behind an escape: two septets each."""

GSM_7, UCS_2 = (160, 153), (70, 67)
"""What one segment holds when it is the only one, and when there are more."""


@lru_cache(maxsize=1024)
def count(text: str) -> int:
    """Return how many segments a text has; none when it is empty."""
    return sum(1 for _ in _lengths(text))


def split(text: str) -> list[str]:
    """Return the text of each segment."""
    pieces, start = [], 0
    for length in _lengths(text):
        pieces.append(text[start : start + length])
        start += length
    return pieces


def is_gsm_7(text: str) -> bool:
    """Whether the default alphabet and its extension have every character."""
    return BASIC.union(EXTENSION).issuperset(text)


def _lengths(text: str) -> Iterator[int]:
    """The number of characters in each segment."""
    if not text:
        return
    sizes, (alone, each) = ([1 + (character in EXTENSION) for character in text], GSM_7) if is_gsm_7(text) else (_units(text), UCS_2)
    if sum(sizes) <= alone:
        yield len(text)
        return
    length = room = 0
    for size in sizes:
        if length and size > room:
            yield length
            length = 0
        if not length:
            room = each
        room -= size
        length += 1
    yield length


def _units(text: str) -> list[int]:
    return [1 + (character > "\uffff") for character in text]
