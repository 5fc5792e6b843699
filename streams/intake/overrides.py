"""What a rule gives a notification beside its text: the names of `Overrides`, with values that are fixed or of the event. Pure.

A text may hold fields, as in `https://shop.example/orders/{{ order_id }}`, or be one with a stand-in: `{field: sound, otherwise: default}`.
"""

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from schemas.records import Overrides
from streams.intake.errors import RuleUnfit
from streams.intake.parts import DataField, Part
from streams.intake.values import Fields, Named, field_of, value_of
from streams.planner.overrides import faults
from streams.strict_record import as_written

_FIELD = re.compile(r"\{\{\s*([^{}\s]+)\s*\}\}")


class NumberField(Part, frozen=True, kw_only=True):
    """A field with a whole number."""

    field: str


class FileField(Part, frozen=True, kw_only=True):
    """A field with a file: bytes, or base64."""

    field: str


if TYPE_CHECKING:
    OverridesRule: TypeAlias = Any
else:
    OverridesRule = as_written(Overrides, {str: str | DataField, int: int | NumberField, bytes: str | FileField})

_LEAVES = (str, DataField, NumberField, FileField)
_SAMPLES: dict[type, Any] = {DataField: "?", NumberField: 0, FileField: b""}
Leaf = Callable[[str, Any], Any]
"""A value as it is told, from where it is (as in `email.cc[1]`) and how it is written."""


def check_written(written: OverridesRule, channels: Sequence[str], *, digested: bool) -> None:
    """Raises ValueError for what is wrong whatever the event, and for a channel that is not among the rule's (none: policy's)."""
    of_event = set[str]()

    def sample(where: str, value: Any) -> Any:
        if isinstance(value, str) and _is_fixed(where, value):
            return value
        of_event.add(where)
        return _SAMPLES.get(type(value), "?")

    try:
        overrides = msgspec.convert(_told("", written, sample), Overrides)
    except msgspec.ValidationError as error:
        raise ValueError(f"overrides: {error}") from error
    named = [name for name in overrides.__struct_fields__ if getattr(overrides, name) is not None]
    if channels and (others := [name for name in named if name not in channels]):
        raise ValueError(f"overrides: {', '.join(others)}: the rule's channels are {', '.join(channels)}")
    for where, what in faults(overrides, digested=digested):
        if where not in of_event:
            raise ValueError(f"{_place(where)} {what}")


def filled(rule: Named, written: OverridesRule, fields: Fields, *, digested: bool) -> Overrides:
    """What the rule says, with the fields of an event; a text of a list that comes to nothing is left out. Raises RuleUnfit."""

    def value(where: str, value: Any) -> Any:
        if isinstance(value, str):
            return _FIELD.sub(lambda found: value_of(rule, DataField(field=found[1]), fields), value)
        return value_of(rule, value, fields) if isinstance(value, DataField) else field_of(rule, value.field, fields)

    try:
        overrides = msgspec.convert(_told("", written, value), Overrides)
    except msgspec.ValidationError as error:
        raise RuleUnfit(rule.name, "overrides", f"can't be told: {error}") from error
    for where, what in faults(overrides, digested=digested):
        raise RuleUnfit(rule.name, _place(where), what)
    return overrides


def _told(where: str, written: Any, leaf: Leaf) -> Any:
    if isinstance(written, _LEAVES):
        return leaf(where, written)
    if isinstance(written, msgspec.Struct):
        return {name: _told(f"{where}.{name}".lstrip("."), getattr(written, name), leaf) for name in written.__struct_fields__}
    if isinstance(written, dict):
        return {name: _told(f"{where}[{name}]", value, leaf) for name, value in written.items()}
    if isinstance(written, list):
        return [told for number, value in enumerate(written) if (told := _told(f"{where}[{number}]", value, leaf)) != ""]
    return written


def _is_fixed(where: str, text: str) -> bool:
    """Whether nothing in it is of the event. Raises ValueError for a brace that belongs to no field."""
    rest = _FIELD.sub("", text)
    if "{{" in rest or "}}" in rest:
        raise ValueError(f"{_place(where)}: {text!r}: a field is written as {{{{ order_id }}}}")
    return rest == text


def _place(where: str) -> str:
    return ".".join(filter(None, ("overrides", where)))
