"""Trigger rules as data: what `triggers/*.yaml` may say. Each class checks itself and raises ValueError."""

import hashlib
import re
from typing import Any, Literal, TypeAlias

import msgspec

from schemas.records import Priority
from schemas.topics import CHANNELS
from streams.audience.expression import ExpressionInvalid, parse

Category: TypeAlias = Literal["transactional", "engagement", "promotional", "system"]
Scalar: TypeAlias = str | int | float | bool | None

_NAME = re.compile(r"[a-z0-9]+([-_.][a-z0-9]+)*")
_LOCAL = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")


class _Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Base: immutable, and a misspelt key is an error."""


class Condition(_Rule, frozen=True, kw_only=True):
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


class AudienceRule(_Rule, frozen=True, kw_only=True):
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


class DataField(_Rule, frozen=True, kw_only=True):
    """Where a template variable comes from. `otherwise` stands in for a field that is missing or null; without it that is an error."""

    field: str
    otherwise: str | None = None


class ScheduleRule(_Rule, frozen=True, kw_only=True):
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


class Trigger(_Rule, frozen=True, kw_only=True):
    """One rule: on this event, under these conditions, ask for this notification."""

    name: str
    """Part of every id it makes: never rename a rule, write a new one."""
    event: str
    when: list[Condition] = []
    template: str
    template_version: int
    audience: AudienceRule
    category: Category
    priority: Priority
    channels: list[str] = []
    """Empty: what policy says for the category and priority, with its fallback."""
    expires_after_s: int | None = None
    data: dict[str, DataField] = {}
    """Template variable -> payload field."""
    campaign_field: str = ""
    schedule: ScheduleRule | None = None

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"name {self.name!r}: lower-case letters and digits, joined by - _ or .")
        if not self.event or not self.template or self.template_version < 1:
            raise ValueError("event and template must not be empty, template_version must be 1 or more")
        if len(set(self.channels)) != len(self.channels) or not set(self.channels) <= set(CHANNELS):
            raise ValueError(f"channels {self.channels}: some of {', '.join(CHANNELS)}, each once")
        if self.expires_after_s is not None and self.expires_after_s < 1:
            raise ValueError(f"expires_after_s {self.expires_after_s}: must be 1 or more")


class Triggers:
    """All rules of a version. Immutable; equal when their versions are."""

    def __init__(self, rules: list[Trigger]) -> None:
        """Raises ValueError when two rules have one name."""
        self.rules = tuple(sorted(rules, key=lambda rule: rule.name))
        names = [rule.name for rule in self.rules]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"more than one rule is called {', '.join(sorted(twice))}")
        content = msgspec.json.encode(self.rules, order="deterministic")
        self.version = hashlib.sha256(content).hexdigest()[:12]
        """12 hex digits of what the rules say; comments, layout and file names do not count."""
        self._about: dict[str, list[Trigger]] = {}
        for rule in self.rules:
            self._about.setdefault(rule.event, []).append(rule)

    def about(self, event_type: str) -> list[Trigger]:
        """The rules about an event type, by name; empty for most events."""
        return self._about.get(event_type, [])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Triggers) and self.version == other.version

    def __hash__(self) -> int:
        return hash(self.version)

    def __repr__(self) -> str:
        return f"Triggers({len(self.rules)} rules, version {self.version})"


def minute_of(text: str) -> int:
    """`HH:MM` as a minute of the day. Raises ValueError."""
    match = _LOCAL.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no time of the day: HH:MM")
    return int(match[1]) * 60 + int(match[2])


def _same(value: Any, other: Scalar) -> bool:
    return isinstance(value, bool) == isinstance(other, bool) and value == other
