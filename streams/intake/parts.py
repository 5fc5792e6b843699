"""What trigger rules are made of. Each class checks itself and raises ValueError."""

import re
from typing import Any, TypeAlias

import msgspec

from streams.audience.expression import ExpressionInvalid, parse

Scalar: TypeAlias = str | int | float | bool | None

_LOCAL = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Base: immutable, and a misspelt key is an error."""


class Condition(Part, frozen=True, kw_only=True):
    """A test of one payload field; exactly one of the tests below."""

    field: str
    equals: Scalar | msgspec.UnsetType = msgspec.UNSET
    differs: Scalar | msgspec.UnsetType = msgspec.UNSET
    one_of: list[Scalar] | msgspec.UnsetType = msgspec.UNSET
    at_least: int | float | msgspec.UnsetType = msgspec.UNSET

    def __post_init__(self) -> None:
        tests = [self.equals, self.differs, self.one_of, self.at_least]
        if sum(test is not msgspec.UNSET for test in tests) != 1:
            raise ValueError(f"condition on {self.field!r}: exactly one of equals, differs, one_of, at_least")

    def holds(self, value: Any) -> bool:
        """Whether `value` passes. Raises TypeError when it can't be compared."""
        if self.equals is not msgspec.UNSET:
            return _same(value, self.equals)
        if self.differs is not msgspec.UNSET:
            return not _same(value, self.differs)
        if self.one_of is not msgspec.UNSET:
            return any(_same(value, allowed) for allowed in self.one_of)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise TypeError(f"is not a number: {value!r}")
        return self.at_least is not msgspec.UNSET and value >= self.at_least


class AudienceRule(Part, frozen=True, kw_only=True):
    """Whom to tell; exactly one: a field with one user id or several, a field with an expression, or an expression."""

    users_field: str = ""
    expression_field: str = ""
    expression: str = ""

    def __post_init__(self) -> None:
        if sum(map(bool, (self.users_field, self.expression_field, self.expression))) != 1:
            raise ValueError("audience: exactly one of users_field, expression_field, expression")
        try:
            parse(self.expression)
        except ExpressionInvalid as error:
            raise ValueError(str(error)) from error


class DataField(Part, frozen=True, kw_only=True):
    """Where a template variable comes from. `otherwise` stands in for a field that is missing or null; without it that is an error."""

    field: str
    otherwise: str | None = None


class ScheduleRule(Part, frozen=True, kw_only=True):
    """When to tell, if not at once: so long after the event, or at the time in a field; and at which time of the day where a recipient is,
    the first one from then on.
    """

    delay_s: int | None = None
    at_field: str = ""
    """A payload field with a time: epoch ms, or Avro's `timestamp-millis`."""
    local: str = ""
    """HH:MM."""

    def __post_init__(self) -> None:
        if self.delay_s is not None and (self.at_field or self.delay_s < 1):
            raise ValueError("schedule: delay_s must be 1 or more, and is not given beside at_field")
        if self.delay_s is None and not self.at_field and not self.local:
            raise ValueError("schedule: one or more of delay_s, at_field, local")
        if self.local:
            minute_of(self.local)

    @property
    def local_minute(self) -> int | None:
        """The minute of the day; None: any."""
        return minute_of(self.local) if self.local else None


class DigestRule(Part, frozen=True, kw_only=True):
    """What becomes one digest: notifications of this rule with the same values of these fields; and whose name it says."""

    by: list[str]
    actor: str = ""

    def __post_init__(self) -> None:
        if not self.by:
            raise ValueError("digest: by must name one field or more")


def minute_of(text: str) -> int:
    """`HH:MM` as a minute of the day. Raises ValueError."""
    match = _LOCAL.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no time of the day: HH:MM")
    return int(match[1]) * 60 + int(match[2])


def _same(value: Any, other: Scalar) -> bool:
    return isinstance(value, bool) == isinstance(other, bool) and value == other
