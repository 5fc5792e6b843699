"""Reads an audience expression into a tree. Pure.

    either := both ("or" both)*
    both   := one ("and" one)*
    one    := "not" one | "(" either ")" | "all" | tag:NAME | platform:ios|android|web | user:ID

The whole of it, with examples and limits, is in docs/audience.md.
"""

from collections.abc import Callable

from streams.audience.nodes import PLATFORM, TAG, USER, And, Everybody, Expression, Not, Or, Term
from streams.audience.tokens import WORDS, ExpressionInvalid, Token, shown, tokens
from streams.profiles.rules import MAX_USER_ID_BYTES

MAX_CHARACTERS = 4096
MAX_TERMS = 64
MAX_DEPTH = 16
PLATFORMS = ("ios", "android", "web")
_OPERAND = "all, tag:, platform:, user:, not or ("


def read(text: str) -> Expression:
    """The tree of `text`, as written. Raises ExpressionInvalid."""
    return _Reader(text).whole()


def check(text: str) -> None:
    """Raises ExpressionInvalid for what is too long, and for what is no text."""
    if len(text) > MAX_CHARACTERS:
        raise ExpressionInvalid(text, MAX_CHARACTERS + 1, f"it has {len(text)} characters; the limit is {MAX_CHARACTERS}")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ExpressionInvalid(text, error.start + 1, "half of a surrogate pair is no character") from error


class _Reader:
    """One pass over the tokens, one token ahead."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._end = Token("", "", len(text) + 1)
        self._tokens = tokens(text)
        self._next = next(self._tokens, self._end)
        self._terms = 0

    def whole(self) -> Expression:
        """Everything."""
        made = self._either(0)
        if self._next is not self._end:
            raise self._unexpected("and, or, or the end")
        return made

    def _either(self, depth: int) -> Expression:
        return self._series("or", Or, self._both, depth)

    def _both(self, depth: int) -> Expression:
        return self._series("and", And, self._one, depth)

    def _series(self, word: str, kind: type[And] | type[Or], part: Callable[[int], Expression], depth: int) -> Expression:
        parts = [part(depth)]
        while self._next[:2] == ("", word):
            self._take()
            parts.append(part(depth))
        return kind(tuple(parts)) if len(parts) > 1 else parts[0]

    def _one(self, depth: int) -> Expression:
        if depth > MAX_DEPTH:
            raise ExpressionInvalid(self._text, self._next.at, f"nested deeper than {MAX_DEPTH}")
        token = self._next
        if token.kind or token.text == "all":
            return self._term(self._take())
        if token.text == "not":
            self._take()
            return Not(self._one(depth + 1))
        if token.text != "(":
            raise self._unexpected(_OPERAND)
        self._take()
        return self._closed(self._either(depth + 1), token)

    def _closed(self, inner: Expression, opened: Token) -> Expression:
        if self._next[:2] != ("", ")"):
            raise self._unexpected(f"and, or, or the ) of the ( at {opened.at}")
        self._take()
        return inner

    def _term(self, token: Token) -> Expression:
        self._terms += 1
        if self._terms > MAX_TERMS:
            raise ExpressionInvalid(self._text, token.at, f"more than {MAX_TERMS} terms")
        if not token.kind:
            return Everybody()
        problem = problem_of(token.kind, token.text)
        if problem:
            raise ExpressionInvalid(self._text, token.at + len(token.kind) + 1, problem)
        return Term(token.kind, token.text)

    def _take(self) -> Token:
        taken, self._next = self._next, next(self._tokens, self._end)
        return taken

    def _unexpected(self, expected: str) -> ExpressionInvalid:
        found = self._next
        what = "the end" if found is self._end else repr(shown(f"{found.kind}:{found.text}" if found.kind else found.text))
        hint = "; it is written in small letters" if not found.kind and found.text.lower() in WORDS and found.text not in WORDS else ""
        return ExpressionInvalid(self._text, found.at, f"expected {expected}, found {what}{hint}")


def problem_of(kind: str, name: str) -> str:
    """What is wrong with the name of a term; empty: nothing."""
    if kind == TAG and "\0" in name:
        return "a tag has no zero byte"
    if kind == PLATFORM and name not in PLATFORMS:
        return f"no platform {shown(name)!r}; there are {', '.join(PLATFORMS)}"
    if kind == USER and len(name.encode()) > MAX_USER_ID_BYTES:
        return f"a user id has {MAX_USER_ID_BYTES} bytes at most"
    return ""
