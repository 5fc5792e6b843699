"""A record as people may write it: the same names and types, but a name that is not there is refused, where records pass over it. Pure."""

from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec.structs import FieldInfo

from schemas.records import Record


def as_written(kind: type[Record], leaves: Mapping[Any, Any] = {}) -> Any:
    """Return a struct type with the fields of a record, and of the records in it.

    `leaves`: what may be written in the place of a type that is no record, list or map; others are as they are.
    """
    hints = get_type_hints(kind)
    fields = [(field.name, _type(hints[field.name], leaves), *_default(field)) for field in msgspec.structs.fields(kind)]
    return msgspec.defstruct(kind.__name__, fields, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True)


def _type(hint: Any, leaves: Mapping[Any, Any]) -> Any:
    if isinstance(hint, type) and issubclass(hint, Record):
        return as_written(hint, leaves)
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return Union[tuple(each if each is NoneType else _type(each, leaves) for each in inner)]  # noqa: UP007 - made when it runs
    if origin is list:
        return list[_type(inner[0], leaves)]  # type: ignore[misc]
    if origin is dict:
        return dict[inner[0], _type(inner[1], leaves)]  # type: ignore[valid-type,misc]
    return leaves.get(hint, hint)


def _default(field: FieldInfo) -> list[Any]:
    if field.required:
        return []
    return [msgspec.field(default_factory=field.default_factory) if field.default is msgspec.NODEFAULT else field.default]
