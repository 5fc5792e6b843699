"""What a change may say: values that nothing could be done with are left out of it, each with its reason. Pure.

A value that is wrong leaves its field as it was, and takes nothing else with it: an opt-out beside an unknown time zone counts. Of a list
the wrong elements are left out and the others are the list. Who said it finds the whole record in the DLQ, with what was left out.

Sources: RFC 5646 (BCP 47), 2.1; RFC 5321, 4.5.3.1.3; ITU-T E.164.
"""

import re
from collections.abc import Callable, Collection, Iterator
from typing import Any, NamedTuple

import msgspec

from schemas.errors import RecordRefused
from schemas.records import Device, ProfileChanged, QuietHours
from streams.profiles.positions import MARK
from streams.profiles.rules import FIELDS

CHANNELS = frozenset({"push", "email", "sms", "in_app", "chat"})
PLATFORMS = frozenset({"ios", "android", "web"})
MAX_EMAIL_BYTES = 254
MAX_CHAT_CHARS = 2048
MAX_HOUR = 23
MAX_MINUTE = 1439

_LANGUAGE = re.compile(
    r"([a-z]{2,3}(-[a-z]{3}){0,3}|[a-z]{4,8})(-[a-z]{4})?(-([a-z]{2}|\d{3}))?(-([a-z\d]{5,8}|\d[a-z\d]{3}))*"
    r"(-[a-wyz\d](-[a-z\d]{2,8})+)*(-x(-[a-z\d]{1,8})+)?",
    re.ASCII | re.IGNORECASE,
)
_EMAIL = re.compile(r"[^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f]+")
_PHONE = re.compile(r"\+[1-9]\d{1,14}", re.ASCII)
_KIND = re.compile(r"[a-z][a-z0-9_-]{0,31}", re.ASCII)


class ValueInvalid(RecordRefused):
    """A change says something that can't be: the rest of it was applied."""

    reason = "value_invalid"


class Checked(NamedTuple):
    """What is left of a change, and a sentence about each thing that was left out."""

    change: ProfileChanged
    faults: list[str]


def require_ordered(change: ProfileChanged) -> None:
    """Raises ValueInvalid unless it can be said what came before the change."""
    if not change.source or MARK in change.source:
        raise ValueInvalid(f"source {change.source[:40]!r} of user {change.user_id}: not empty, and without {MARK!r}")
    if change.source_position < 0:
        raise ValueInvalid(f"source_position {change.source_position} of user {change.user_id} is below 0")


def checked(change: ProfileChanged, zones: Collection[str]) -> Checked:
    """The change without what can't be. One that lost something is not `whole`, so that it may come again. `zones`: all IANA zones."""
    good: dict[str, Any] = {}
    faults: list[str] = []
    for field, value in _said(change):
        left, wrong = _sound(field, value, zones)
        if wrong:
            good[field] = left
            faults += [f"{change.user_id}: {field} {each}" for each in wrong]
    return Checked(msgspec.structs.replace(change, **good, whole=False), faults) if faults else Checked(change, [])


def _said(change: ProfileChanged) -> Iterator[tuple[str, Any]]:
    for field in ("time_zone", *_RULES, *_LISTS, "suppress"):
        value = getattr(change, field)
        if value is not None:
            yield field, value


def _sound(field: str, value: Any, zones: Collection[str]) -> tuple[Any, list[str]]:
    """What may stay of a value (None, or an empty list: nothing of it), and what is wrong with the rest."""
    if field == "time_zone":
        return None, [] if value in zones else [f"{value!r} is no IANA time zone"]
    if field in _RULES:
        wrong = _RULES[field](value)
        return None, [wrong] if wrong else []
    rule = _LISTS.get(field, _address)
    wrong_of = {element: wrong for element in value if (wrong := rule((element, value[element]) if field == "chat" else element))}
    if isinstance(value, dict):
        return {element: why for element, why in value.items() if element not in wrong_of}, list(wrong_of.values())
    return [element for element in value if element not in wrong_of], list(wrong_of.values())


def _email(value: str) -> str:
    fits = value == "" or (_EMAIL.fullmatch(value) and len(value.encode()) <= MAX_EMAIL_BYTES)
    return "" if fits else f"of {len(value)} characters is no address: one @ between two texts without spaces, {MAX_EMAIL_BYTES} bytes"


def _phone(value: str) -> str:
    return "" if value == "" or _PHONE.fullmatch(value) else f"of {len(value)} characters is no E.164 number: + and 2 to 15 digits"


def _language(value: str) -> str:
    return "" if _LANGUAGE.fullmatch(value) else f"{value[:40]!r} is no BCP 47 tag"


def _window(value: QuietHours) -> str:
    for minute in (value.start_minute, value.end_minute):
        if not 0 <= minute <= MAX_MINUTE:
            return f"{minute} is no minute of a day: 0 to {MAX_MINUTE}"
    # empty, or the whole day? Nobody knows
    return f"begin and end at minute {value.start_minute}; for none reset quiet_hours" if value.start_minute == value.end_minute else ""


def _cap(value: int) -> str:
    return "" if value >= 0 else f"{value} is below 0"


def _hour(value: int) -> str:
    return "" if 0 <= value <= MAX_HOUR else f"{value} is no hour: 0 to {MAX_HOUR}"


def _channel(value: str) -> str:
    return "" if value in CHANNELS else f"{value[:40]!r} is none of {', '.join(sorted(CHANNELS))}"


def _device(value: Device) -> str:
    if value.platform not in PLATFORMS:
        return f"platform {value.platform[:40]!r} is none of {', '.join(sorted(PLATFORMS))}"
    return _address(value.token)


def _chat(value: tuple[str, str]) -> str:
    """Kinds are those of the providers that a deployment has, so any name may be one."""
    kind, address = value
    if not _KIND.fullmatch(kind):
        return f"kind {kind[:40]!r} is no name: up to 32 of a-z, 0-9, _ and -, a letter first"
    fits = address.isprintable() and " " not in address and 0 < len(address) <= MAX_CHAT_CHARS
    return "" if fits else f"{kind}: of {len(address)} characters is no address: 1 to {MAX_CHAT_CHARS} that can be printed, without spaces"


def _address(value: str) -> str:
    return "" if value else "has an empty address"


def _category(value: str) -> str:
    return "" if value else "has an empty category"


def _resettable(value: str) -> str:
    return "" if value in FIELDS else f"{value[:40]!r} is no field that can be reset"


_RULES: dict[str, Callable[[Any], str]] = {
    "email": _email,
    "phone": _phone,
    "language": _language,
    "quiet_hours": _window,
    "frequency_cap": _cap,
    "daily_digest": _hour,
}
"""By field: what is wrong with its value, or nothing."""
_LISTS: dict[str, Callable[[Any], str]] = {
    "channels": _channel,
    "chat": _chat,
    "devices": _device,
    "add_devices": _device,
    "remove_devices": _address,
    "unsuppress": _address,
    "unsubscribe": _category,
    "resubscribe": _category,
    "reset": _resettable,
}
"""By field: what is wrong with an element."""
