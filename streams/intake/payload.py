"""Reading an event's payload: fields by path, and values as template variables. Pure."""

import json
from collections.abc import Mapping
from typing import Any

from schemas.debezium import MAX_TIMESTAMP
from streams.intake.errors import RuleUnfit


def look_up(fields: Mapping[str, Any], path: str) -> tuple[bool, Any]:
    """Whether the field is there, and its value. Dots in `path` go into nested records; a null on the way is a null."""
    value: Any = fields
    for name in path.split("."):
        if value is None:
            return True, None
        if not isinstance(value, Mapping) or name not in value:
            return False, None
        value = value[name]
    return True, value


def text_of(rule: str, field: str, value: Any) -> str:
    """A value as templates see it: text as it is, true/false, numbers in their shortest form, the rest as JSON with sorted keys.

    Raises RuleUnfit for bytes (also Avro decimals: nothing here knows their scale) and what holds them.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    except TypeError as error:
        raise RuleUnfit(rule, field, f"can't be made text: {error}") from error


def moment_ms(rule: str, field: str, value: Any) -> int:
    """A value as a time (epoch ms), as `timestamp-millis` is decoded. Raises RuleUnfit, also for one in microseconds."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_TIMESTAMP:
        raise RuleUnfit(rule, field, f"is no time in ms: {value!r}")
    return value
