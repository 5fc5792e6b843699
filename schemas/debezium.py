"""From a record of an `events.*` topic to the event in it. Pure.

Written by Debezium's outbox event router, or by a service itself with the same key and headers.
Source: https://debezium.io/documentation/reference/3.3/transformations/outbox-event-router.html
Changes of tables are in `schemas.table_changes`.
"""

from collections.abc import Iterable, Mapping

import msgspec

from schemas.errors import RecordRefused, Truncated

Headers = Mapping[str, bytes | None] | Iterable[tuple[str, bytes | None]] | None

ID_HEADER = "id"
TYPE_HEADER = "eventType"
MAX_NAME = 200
MAX_TIMESTAMP = 253_402_300_799_999
"""9999-12-31, in ms: a time in microseconds or worse is told apart, and sums with it stay in 64 bits."""


class HeaderMissing(RecordRefused):
    """An upstream event without its id or its type."""

    reason = "header_missing"


class HeaderInvalid(RecordRefused):
    """An upstream event whose id or type is empty, too long or not text, or whose time is none."""

    reason = "header_invalid"


class KeyInvalid(RecordRefused):
    """An upstream event without an aggregate id, or with one that is not text."""

    reason = "key_invalid"


class UpstreamEvent(msgspec.Struct, frozen=True):
    """Something happened upstream. `payload` is as the service wrote it: Avro in Confluent's wire format."""

    event_id: str
    """The outbox row's id: the idempotency key."""
    event_type: str
    aggregate_id: str
    source: str
    """The topic."""
    occurred_at: int
    """Epoch ms: the Kafka timestamp, which the event router takes from the outbox row."""
    payload: bytes


def upstream_event(topic: str, key: bytes | None, value: bytes | None, headers: Headers, timestamp: int) -> UpstreamEvent:
    """The event in a record of an `events.*` topic. Raises HeaderMissing, HeaderInvalid, KeyInvalid, Truncated (no value)."""
    named = dict(headers or {})
    event_id, event_type = _header(named, ID_HEADER), _header(named, TYPE_HEADER)
    if value is None:
        raise Truncated(f"{event_type} {event_id}: no value (a tombstone) where an event was expected")
    if not 0 <= timestamp <= MAX_TIMESTAMP:
        raise HeaderInvalid(f"{event_type} {event_id}: the record's timestamp is missing or not in ms: {timestamp}")
    return UpstreamEvent(event_id, event_type, _aggregate_id(key), topic, timestamp, value)


def _header(headers: Mapping[str, bytes | None], name: str) -> str:
    content = headers.get(name)
    if content is None:
        raise HeaderMissing(f"header {name!r} is missing; found: {', '.join(sorted(headers)) or 'none'}")
    text = _text(content)
    if text is None:
        raise HeaderInvalid(f"header {name!r} is not 1 to {MAX_NAME} printable characters of UTF-8: {content[:40]!r}")
    return text


def _aggregate_id(key: bytes | None) -> str:
    text = _text(key) if key is not None else None
    if text is None:
        raise KeyInvalid(f"the key is not an aggregate id of 1 to {MAX_NAME} printable characters of UTF-8: {key and key[:40]!r}")
    return text


def _text(content: bytes) -> str | None:
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return None
    return text if 0 < len(text) <= MAX_NAME and text.isprintable() else None
