"""From a changed row of an upstream table to a change of a profile: two mappings that are data, and one function. Pure."""

from typing import Any, Literal

import msgspec

from schemas.cdc import Row, RowChange, RowInvalid, row_change
from schemas.columns import READERS, minute_of_day, or_none, string
from schemas.records import Device, ProfileChanged, QuietHours

UNAVAILABLE = "__debezium_unavailable_value"
"""Stands where Postgres did not log a large value because it had not changed."""


class TableMapping(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the rows of one table, one row a user, change profiles. Fields and columns that are not named are left alone."""

    source: str
    """`cdc:<table>`: positions are compared within it."""
    user_id: str
    """The column that says whose row it is; part of the primary key, or the table has `replica identity full`."""
    fields: dict[str, str] = {}
    """Profile field -> column. `devices`, `chat`: TEXT[] of `platform:token`, `kind:address`; `daily_digest`: an integer, the hour."""
    quiet_hours: tuple[str, str] | None = None
    """The two TIME columns of the window; NULL in either: no quiet hours."""
    on_delete: Literal["user_gone", "reset"] = "reset"
    """What a deleted row means: the user is gone, or the mapped fields are back at their defaults."""

    def __post_init__(self) -> None:
        if unknown := self.fields.keys() - READERS.keys():
            raise ValueError(f"{self.source}: no such profile field: {', '.join(sorted(unknown))}")
        if not self.says and self.on_delete == "reset":
            raise ValueError(f"{self.source}: says nothing about anybody: name fields, quiet_hours or on_delete: user_gone")

    @property
    def says(self) -> tuple[str, ...]:
        """The profile fields it says."""
        return (*self.fields, *(("quiet_hours",) if self.quiet_hours else ()))


class ElementMapping(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How rows change profiles of which a user has several: each is a device, a suppressed address or an unsubscribed category."""

    source: str
    """`cdc:<table>`: positions are compared within it."""
    user_id: str
    """The column that says whose row it is; with `element` in the primary key, or the table has `replica identity full`."""
    kind: Literal["devices", "suppressed", "unsubscribed"]
    element: str
    """The column of the token, the address or the category."""
    about: str = ""
    """The column of the platform, or of why an address is suppressed; a category has none."""

    def __post_init__(self) -> None:
        if bool(self.about) == (self.kind == "unsubscribed"):
            raise ValueError(f"{self.source}: devices and suppressed need `about`, unsubscribed has none")

    @property
    def says(self) -> tuple[str, ...]:
        """The profile field it says elements of."""
        return (self.kind,)


def profile_change(mapping: TableMapping | ElementMapping, value: Row | None) -> ProfileChanged | None:
    """The change in a decoded record of a CDC topic; None for a tombstone, which only repeats the delete before it. Raises RowInvalid."""
    if value is None:
        return None
    change = row_change(mapping.source, value)
    return ProfileChanged(
        user_id=_user_id(mapping.user_id, change),
        source=mapping.source,
        source_position=change.position,
        occurred_at=change.occurred_at,
        **(_patch(mapping, change) if isinstance(mapping, TableMapping) else _element(mapping, change)),
    )


def _user_id(column: str, change: RowChange) -> str:
    user_id = change.row.get(column)
    if not isinstance(user_id, str | int) or isinstance(user_id, bool) or user_id == "":
        raise RowInvalid(f"{change.source}: column {column!r} is no user id: {user_id!r}")
    return str(user_id)


def _patch(mapping: TableMapping, change: RowChange) -> dict[str, Any]:
    """What a row says. NULL is a field's default; what Postgres did not log is unchanged, and then the row is not all there is."""
    if change.deleted and mapping.on_delete == "user_gone":
        return {"deleted": True}
    if change.deleted:
        return {"reset": [*mapping.says], "whole": True}
    known = {field: column for field, column in mapping.fields.items() if change.row.get(column) not in (UNAVAILABLE, [UNAVAILABLE])}
    said = {field: change.column(column, or_none(READERS[field])) for field, column in known.items()}
    if mapping.quiet_hours:
        said["quiet_hours"] = _window(change, *mapping.quiet_hours)
    return said | {"reset": [field for field, value in said.items() if value is None], "whole": known == mapping.fields}


def _window(change: RowChange, start: str, end: str) -> QuietHours | None:
    first, last = (change.column(name, or_none(minute_of_day)) for name in (start, end))
    return None if first is None or last is None else QuietHours(first, last)


def _element(mapping: ElementMapping, change: RowChange) -> dict[str, Any]:
    """What a row adds or takes away; when it is another element now than it was, both."""
    element = change.column(mapping.element, string)
    before = change.before.get(mapping.element)
    gone = [element] if change.deleted else [before] if isinstance(before, str) and before != element else []
    here = "" if change.deleted or not mapping.about else change.column(mapping.about, string)
    match mapping.kind:
        case "devices":
            return {"add_devices": [] if change.deleted else [Device(here, element)], "remove_devices": gone}
        case "suppressed":
            return {"suppress": {} if change.deleted else {element: here}, "unsuppress": gone}
        case _:
            return {"unsubscribe": [] if change.deleted else [element], "resubscribe": gone}
