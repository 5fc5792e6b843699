"""The `.avsc` files, read once: the parsed schema of a record type, and the JSON that is registered for it."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import fastavro

from schemas.records import Record

AVRO_DIR = Path(__file__).parent / "avro"
NAMESPACE = "carillon.v1"

Schema = dict[str, Any]


@cache
def schema_json(name: str) -> str:
    """The schema of record `name` with every named type it uses inlined once, as canonical JSON text for the registry."""
    return json.dumps(_inline(name, set()), separators=(",", ":"))


@cache
def schema_of(record: type[Record]) -> Schema:
    """The parsed schema of a record type, for fastavro. Logical types are stripped: times stay `int` ms (no datetime on the hot path)."""
    return parse(schema_json(record.__name__))


def parse(text: str) -> Schema:
    """Parse schema text for fastavro, without its logical types. Raises fastavro's SchemaParseException on a bad schema."""
    parsed: Schema = fastavro.parse_schema(_strip_logical(json.loads(text)))
    return parsed


def full_name(record: type[Record]) -> str:
    """The Avro full name of a record type."""
    return f"{NAMESPACE}.{record.__name__}"


def _inline(name: str, seen: set[str]) -> Any:
    if name in seen:
        return f"{NAMESPACE}.{name}"
    seen.add(name)
    schema = json.loads((AVRO_DIR / f"{name}.avsc").read_text())
    for field in schema["fields"]:
        field["type"] = _resolve(field["type"], seen)
    return schema


def _resolve(node: Any, seen: set[str]) -> Any:
    """`node` with references to sibling files replaced by their schema, at their first use."""
    if isinstance(node, str):
        return _inline(node.rpartition(".")[2], seen) if node.startswith(NAMESPACE) else node
    if isinstance(node, list):
        return [_resolve(branch, seen) for branch in node]
    return {key: _resolve(value, seen) if key in ("type", "items", "values") else value for key, value in node.items()}


def _strip_logical(node: Any) -> Any:
    if isinstance(node, list):
        return [_strip_logical(item) for item in node]
    if isinstance(node, dict):
        return {key: _strip_logical(value) for key, value in node.items() if key != "logicalType"}
    return node
