"""Audience expressions. So far: `all`, and `tag:NAME`. Pure."""

from typing import NamedTuple

from schemas.errors import RecordRefused


class ExpressionInvalid(RecordRefused):
    """An audience expression that can't be read."""

    reason = "audience_invalid"


class Scan(NamedTuple):
    """What to scan: the index of a tag, or every profile when `tag` is None."""

    tag: str | None


def parse(expression: str) -> Scan | None:
    """The scan an expression asks for; None for an empty one. Raises ExpressionInvalid."""
    if not expression:
        return None
    if expression == "all":
        return Scan(None)
    kind, _, tag = expression.partition(":")
    if kind == "tag" and tag and "\0" not in tag:
        return Scan(tag)
    raise ExpressionInvalid(f"audience expression {expression!r}: expected 'all' or 'tag:NAME'")
