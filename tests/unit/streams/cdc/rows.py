"""Rows of the shop's tables as Debezium writes them, in Confluent's wire format."""

import json
from io import BytesIO
from typing import Any

import fastavro

from schemas.registry import Registry
from schemas.topics import table_topic

COLUMNS: dict[str, dict[str, Any]] = {
    "customers": {
        "id": "string",
        "email": "string",
        "phone": "string",
        "phone_verified": "boolean",
        "language": "string",
        "time_zone": "string",
        "tags": {"type": "array", "items": ["null", "string"]},
    },
    "devices": {"user_id": "string", "token": "string", "platform": "string"},
}


class Debezium:
    """Writes envelopes, with a schema of its own for each table."""

    def __init__(self, registry: Registry) -> None:
        self._schemas = {table: fastavro.parse_schema(_envelope(table)) for table in COLUMNS}
        self._ids = {
            table: registry.register(f"{table_topic(table)}-value", json.dumps(_envelope(table), separators=(",", ":")))
            for table in COLUMNS
        }

    def change(self, table: str, op: str, lsn: int, **row: Any) -> bytes:
        """A record about a row; columns that are not given are NULL."""
        whole = dict.fromkeys(COLUMNS[table]) | row
        before, after = (whole, None) if op == "d" else (None, whole)
        out = BytesIO(b"\0" + self._ids[table].to_bytes(4, "big"))
        out.seek(0, 2)
        value = {"before": before, "after": after, "op": op, "source": {"lsn": lsn, "ts_ms": 1_700_000_000_000 + lsn}}
        fastavro.schemaless_writer(out, self._schemas[table], value)
        return out.getvalue()


def _envelope(table: str) -> dict[str, Any]:
    columns = [{"name": name, "type": ["null", kind]} for name, kind in COLUMNS[table].items()]
    row = {"type": "record", "name": "Value", "fields": columns}
    source = {"type": "record", "name": "Source", "fields": [{"name": "lsn", "type": "long"}, {"name": "ts_ms", "type": "long"}]}
    fields = [
        {"name": "before", "type": ["null", row]},
        {"name": "after", "type": ["null", "Value"]},
        {"name": "op", "type": "string"},
        {"name": "source", "type": source},
    ]
    return {"type": "record", "name": "Envelope", "namespace": f"shop.public.{table}", "fields": fields}
