"""Schema references: an Avro schema in the registry may use named types that are registered under other subjects.

Source: https://docs.confluent.io/platform/current/schema-registry/fundamentals/serdes-develop/index.html#referenced-schemas
"""

import json
from collections.abc import Mapping
from typing import Any


def whole(text: str, referenced: Mapping[str, str]) -> str:
    """The schema `text` with the types of `referenced` (full name -> schema text) written out where each is first used."""
    definitions = {name: json.loads(schema) for name, schema in referenced.items()}
    return json.dumps(_resolve(json.loads(text), definitions, "", set()), separators=(",", ":"))


def _resolve(node: Any, definitions: Mapping[str, Any], namespace: str, seen: set[str]) -> Any:
    if isinstance(node, str):
        return _named(node, definitions, namespace, seen)
    if isinstance(node, list):
        return [_resolve(branch, definitions, namespace, seen) for branch in node]
    if not isinstance(node, dict):
        return node
    inner = _namespace(node, namespace)
    nested = {key: _resolve(node[key], definitions, inner, seen) for key in ("type", "items", "values") if key in node}
    if isinstance(node.get("fields"), list):
        nested["fields"] = [_resolve(field, definitions, inner, seen) for field in node["fields"]]
    return node | nested


def _named(name: str, definitions: Mapping[str, Any], namespace: str, seen: set[str]) -> Any:
    """The definition at the first use of a name, the full name at the next ones, and any other name as it is."""
    full = next((known for known in (f"{namespace}.{name}", name) if known in definitions), None)
    if full is None or full in seen:
        return full or name
    seen.add(full)
    resolved = _resolve(definitions[full], definitions, "", seen)
    # a definition without a namespace has none, and must not take that of where it is written out
    return {"namespace": ""} | resolved if isinstance(resolved, dict) else resolved


def _namespace(node: dict[str, Any], enclosing: str) -> str:
    prefix, dot, _ = str(node.get("name", "")).rpartition(".")
    # a field has a name too, but no fields, symbols or size: it does not open a namespace
    return prefix if dot and node.keys() & {"fields", "symbols", "size"} else str(node.get("namespace", enclosing))
