"""How Postgres columns look in Debezium's records, and what a profile makes of them. Each reader raises TypeError or ValueError.

Source: https://debezium.io/documentation/reference/3.3/connectors/postgresql.html#postgresql-data-types
"""

from collections.abc import Callable
from typing import Any

from schemas.records import Device

MINUTES_PER_DAY = 1440
_MICROS_PER_MINUTE = 60_000_000


def string(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"not text: {value!r}")
    return value


def boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"not a boolean: {value!r}")
    return value


def integer(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"not an integer: {value!r}")
    if not -(2**31) <= value < 2**31:
        raise ValueError(f"not an integer of 32 bits: {value!r}")
    return value


def strings(value: Any) -> list[str]:
    """TEXT[] is an array of nullable strings; NULLs in it say nothing."""
    if not isinstance(value, list):
        raise TypeError(f"not an array: {value!r}")
    return [string(item) for item in value if item is not None]


def devices(value: Any) -> list[Device]:
    """TEXT[] of `platform:token`. The token is an address: it is never in an error's text."""
    found = [Device(*item.partition(":")[::2]) for item in strings(value)]
    for index, device in enumerate(found):
        if not device.platform or not device.token:
            raise ValueError(f"item {index} is not platform:token")
    return found


def chat(value: Any) -> dict[str, str]:
    """TEXT[] of `kind:address`, one of a kind. The address is never in an error's text."""
    found = [item.partition(":")[::2] for item in strings(value)]
    for index, (kind, address) in enumerate(found):
        if not kind or not address:
            raise ValueError(f"item {index} is not kind:address")
    if len(dict(found)) < len(found):
        raise ValueError("a kind is there twice")
    return dict(found)


def minute_of_day(value: Any) -> int:
    """TIME is microseconds after midnight (io.debezium.time.MicroTime); 24:00 is 0:00."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"not a time of the day: {value!r}")
    minute = value // _MICROS_PER_MINUTE
    if not 0 <= minute <= MINUTES_PER_DAY:
        raise ValueError(f"not microseconds of a day: {value!r}")
    return minute % MINUTES_PER_DAY


def or_none(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The reader of a column that may be NULL, which is None."""
    return lambda value: None if value is None else read(value)


READERS: dict[str, Callable[[Any], Any]] = {
    "channels": strings,
    "muted_categories": strings,
    "email": string,
    "phone": string,
    "phone_verified": boolean,
    "devices": devices,
    "language": string,
    "time_zone": string,
    "frequency_cap": integer,
    "tags": strings,
    "daily_digest": integer,
    "chat": chat,
}
"""By profile field."""
