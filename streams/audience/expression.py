"""Audience expressions: a text, and the tree it means. Pure."""

import re
from functools import lru_cache

from streams.audience.grammar import check, problem_of, read
from streams.audience.nodes import TAG, Expression, Term, normal
from streams.audience.tokens import KINDS, WORDS, ExpressionInvalid

__all__ = ["ExpressionInvalid", "parse"]

REMEMBERED = 256
_LATER_WORDS = re.compile(r"[\s()]+")
_KINDS = tuple(f"{kind}:" for kind in KINDS)


@lru_cache(maxsize=REMEMBERED)
def parse(text: str) -> Expression | None:
    """What `text` means, in normal form; None for an empty one. Raises ExpressionInvalid. The last 256 are remembered: every chunk asks."""
    if not text:
        return None
    check(text)
    return _lone_tag(text) or normal(read(text))


def _lone_tag(text: str) -> Term | None:
    """`tag:NAME` as it was before there were operators, and is for ever: all that follows is the name, blanks and all.

    Unless it holds what is certainly meant as more than a name: an operator, another term, a quote at its start, an open parenthesis.
    """
    kind, _, name = text.partition(":")
    if kind != TAG or not name or name.startswith('"') or name.count("(") != name.count(")") or problem_of(TAG, name):
        return None
    later = _LATER_WORDS.split(name)[1:]
    return None if any(word in WORDS or word.startswith(_KINDS) for word in later) else Term(TAG, name)
