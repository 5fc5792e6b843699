"""What a rule reads of a payload; what does not fit names the rule and the field. Pure."""

from collections.abc import Mapping
from typing import Any, Protocol

from streams.intake.errors import RuleUnfit
from streams.intake.parts import DataField
from streams.intake.payload import look_up, text_of

Fields = Mapping[str, Any]


class Named(Protocol):
    """Whatever reads."""

    @property
    def name(self) -> str:
        """As errors say it."""


def user_id(rule: Named, field: str, user: Any) -> str:
    if not isinstance(user, str | int) or isinstance(user, bool) or user == "":
        raise RuleUnfit(rule.name, field, f"is not a user id: {user!r}")
    return str(user)


def text(rule: Named, field: str, fields: Fields) -> str:
    value = field_of(rule, field, fields)
    if not isinstance(value, str) or not value.strip():
        raise RuleUnfit(rule.name, field, f"is not text: {value!r}")
    return value


def value_of(rule: Named, data: DataField, fields: Fields) -> str:
    found, value = look_up(fields, data.field)
    if data.otherwise is not None and (not found or value is None):
        return data.otherwise
    return text_of(rule.name, data.field, field_of(rule, data.field, fields))


def field_of(rule: Named, field: str, fields: Fields) -> Any:
    found, value = look_up(fields, field)
    if not found:
        raise missing(rule, field, fields)
    if value is None:
        raise RuleUnfit(rule.name, field, "is null")
    return value


def missing(rule: Named, field: str, fields: Fields) -> RuleUnfit:
    return RuleUnfit(rule.name, field, f"is missing; the payload has: {', '.join(sorted(fields)) or 'nothing'}")
