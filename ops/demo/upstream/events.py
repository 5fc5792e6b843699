"""The shop's events as bytes: its own Avro schemas, in Confluent's wire format."""

import json
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import fastavro

from schemas.registry import Registry
from schemas.topics import events_topic

FOLDER = Path(__file__).parent / "events"
EVENT_TYPES = tuple(sorted(path.stem for path in FOLDER.glob("*.avsc")))
AGGREGATES = tuple(sorted({event_type.partition(".")[0] for event_type in EVENT_TYPES}))
"""Their topics are `events.<aggregate>`."""


def aggregate_of(event_type: str) -> str:
    """`order` for `order.placed`."""
    return event_type.partition(".")[0]


def subject_of(event_type: str) -> str:
    """TopicRecordNameStrategy: several event types share the topic of their aggregate."""
    schema = json.loads(schema_text(event_type))
    return f"{events_topic(aggregate_of(event_type))}-{schema['namespace']}.{schema['name']}"


@cache
def schema_text(event_type: str) -> str:
    """The schema of an event type as it is registered."""
    return json.dumps(json.loads((FOLDER / f"{event_type}.avsc").read_text()), separators=(",", ":"))


class EventWriter:
    """Encodes events; registers their schemas when it is made. Raises SchemaRefused, RegistryUnavailable."""

    def __init__(self, registry: Registry) -> None:
        self._ids = {event_type: registry.register(subject_of(event_type), schema_text(event_type)) for event_type in EVENT_TYPES}
        self._schemas = {event_type: fastavro.parse_schema(json.loads(schema_text(event_type))) for event_type in EVENT_TYPES}

    def encode(self, event_type: str, fields: dict[str, Any]) -> bytes:
        """Magic byte, schema id, Avro. Raises ValueError when a field is missing or of another type."""
        out = BytesIO(b"\0" + self._ids[event_type].to_bytes(4, "big"))
        out.seek(0, 2)
        fastavro.schemaless_writer(out, self._schemas[event_type], fields, strict=True)
        return out.getvalue()
