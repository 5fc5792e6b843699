"""Reads what providers write: JSON and forms of any shape, texts that may be missing, times. No type is trusted. Pure."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec

from providers.feedback.base import KINDS
from providers.feedback.errors import Malformed

DETAIL_CHARS = 300
MAX_FIELDS = 200
_YEAR_9999 = 253_402_300_800_000


def json_of(data: bytes | str) -> Any:
    """Return the JSON value. Raises Malformed."""
    try:
        return msgspec.json.decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise Malformed("the body is not JSON") from None


def json_object(data: bytes | str) -> dict[str, Any]:
    """Return the JSON object. Raises Malformed."""
    found = json_of(data)
    if not isinstance(found, dict):
        raise Malformed("the body is not a JSON object")
    return found


def json_array(data: bytes) -> list[bytes]:
    """Return the bytes of each item of a JSON array, as they were sent. Raises Malformed."""
    try:
        return [bytes(item) for item in msgspec.json.decode(data, type=list[msgspec.Raw])]
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise Malformed("the body is not a JSON array") from None


def form_of(data: bytes) -> dict[str, str]:
    """Return the fields of a form (application/x-www-form-urlencoded). Raises Malformed, also when a field is there twice."""
    try:
        pairs = parse_qsl(data.decode("ascii"), keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=MAX_FIELDS)
    except ValueError:
        raise Malformed("the body is not a form") from None
    return _once(pairs, "the form has a field twice")


def query_of(url: str) -> dict[str, str]:
    """Return the parameters of a URL. Raises Malformed, also when one is there twice."""
    try:
        pairs = parse_qsl(urlsplit(url).query, keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS)
    except ValueError:
        raise Malformed("the URL can't be read") from None
    return _once(pairs, "the URL has a parameter twice")


def _once(pairs: list[tuple[str, str]], refusal: str) -> dict[str, str]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Malformed(refusal)
    return found


def at(value: Any, *path: str) -> Any:
    """Return what is at the end of a path of keys; None where it ends before."""
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def text_at(value: Any, *path: str) -> str:
    """Return the text at the end of a path; numbers and truths as JSON writes them, empty where there is none of these."""
    found = at(value, *path)
    if isinstance(found, str):
        return found.encode("utf-8", "replace").decode()
    return msgspec.json.encode(found).decode() if isinstance(found, bool | int | float) else ""


def texts(value: Any) -> list[str]:
    """Return the texts of a list; none of anything else."""
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def excerpt(*said: str) -> str:
    """Return the first text that is not empty, cut."""
    return next((each for each in said if each), "")[:DETAIL_CHARS]


def code(text: str) -> str:
    """Return a provider's name for something as a reason: lower case, underscores. `NoEmail` is no_email, `4xx Bad` is 4xx_bad."""
    spaced = "".join(f"_{c}" if c.isupper() and i and text[i - 1].islower() else c for i, c in enumerate(text[:60]))
    return "_".join("".join(c if c.isalnum() else " " for c in spaced.lower()).split())


def kind_or_other(kinds: Mapping[str, str], name: str) -> str:
    """Return our kind for a provider's name; `other:<name>` for one that is not in the table."""
    kind = kinds.get(name, "")
    return kind if kind in KINDS else f"other:{name[:100]}"


def ms_of_seconds(value: Any, otherwise: int) -> int:
    """Return epoch ms of epoch seconds, a number or digits; `otherwise` when it is none, or of no year of ours."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 12:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return otherwise
    ms = value * 1000
    return round(ms) if 0 < ms < _YEAR_9999 else otherwise


def ms_of_iso(value: Any, otherwise: int) -> int:
    """Return epoch ms of an ISO 8601 time, which is UTC when it names no zone; `otherwise` when it is none."""
    try:
        then = datetime.fromisoformat(value)
        ms = round((then if then.tzinfo else then.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, TypeError, OverflowError):
        return otherwise
    return ms if 0 < ms < _YEAR_9999 else otherwise
