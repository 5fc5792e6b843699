"""The words of an audience expression, each with where it begins. Pure."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from schemas.errors import RecordRefused
from streams.audience.nodes import PLATFORM, TAG, USER

KINDS = (TAG, PLATFORM, USER)
WORDS = ("all", "and", "or", "not")
SHOWN = 80
"""Characters of an expression, or of a word of it, that an error repeats."""

_TOKEN = re.compile(
    r"""\s*(?: (?P<paren>[()]) | (?:(?P<kind>[^\s():"]*) : (?P<quote>"(?:[^"\\]|\\.)*"?|) (?P<name>[^\s()]*)) | (?P<word>[^\s()]+))""",
    re.X | re.S,
)
_ESCAPED = re.compile(r"\\(.)", re.S)


class ExpressionInvalid(RecordRefused):
    """An audience expression that can't be read. `at`: the character that is wrong, from 1."""

    reason = "audience_invalid"

    def __init__(self, text: str, at: int, problem: str) -> None:
        super().__init__(f"audience expression {shown(text)!r}: {problem} (character {at})")
        self.at = at


class Token(NamedTuple):
    """`kind`: one of KINDS with `text` its name, or "" with `text` a word or a parenthesis. `at`: its first character, from 1."""

    kind: str
    text: str
    at: int


def tokens(text: str) -> Iterator[Token]:
    """The tokens of `text`. Raises ExpressionInvalid for an unknown kind and for a name that is missing or has an open quote."""
    place = 0
    while found := _TOKEN.match(text, place):
        place = found.end()
        if found["kind"] is None:
            word = found["paren"] or found["word"]
            yield Token("", word, place - len(word) + 1)
        else:
            yield _term(text, found)


def shown(text: str) -> str:
    """`text`, cut when it is long."""
    return text if len(text) <= SHOWN else text[: SHOWN - 3] + "..."


def _term(text: str, found: re.Match[str]) -> Token:
    kind, at = found["kind"], found.start("kind") + 1
    if kind not in KINDS:
        raise ExpressionInvalid(text, at, f"expected tag:, platform: or user:, found {shown(kind + ':')!r}")
    name = _name(text, found)
    if not name:
        raise ExpressionInvalid(text, at + len(kind) + 1, f"a name is missing after {kind}:")
    return Token(kind, name, at)


def _name(text: str, found: re.Match[str]) -> str:
    quoted, bare, at = found["quote"], found["name"], found.start("quote") + 1
    if not quoted:
        return bare
    if not re.fullmatch(r'"(?:[^"\\]|\\.)*"', quoted, re.S):
        raise ExpressionInvalid(text, at, "the quote is not closed")
    if bare:
        raise ExpressionInvalid(text, found.start("name") + 1, f"expected a blank after the closing quote, found {shown(bare)!r}")
    return _ESCAPED.sub(r"\1", quoted[1:-1])
