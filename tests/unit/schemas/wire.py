"""What the contract tests share: the record types, what the schema files define, and the examples."""

import json
from pathlib import Path
from typing import Any

from schemas import contract, records
from schemas.codec import Codec
from schemas.records import Record
from schemas.registry import MemoryRegistry

EXAMPLES = sorted((Path(contract.__file__).parent / "examples").glob("*.json"))
GOLDEN = Path(__file__).parent / "golden"
FILES = sorted(path.stem for path in contract.AVRO_DIR.glob("*.avsc"))
RECORDS: dict[str, type[Record]] = {
    name: value for name, value in vars(records).items() if isinstance(value, type) and issubclass(value, Record) and value is not Record
}


def definitions(node: Any) -> dict[str, dict[str, Any]]:
    """Every record and enum that a schema defines, by name without namespace."""
    found: dict[str, dict[str, Any]] = {}
    if isinstance(node, list):
        for branch in node:
            found |= definitions(branch)
    elif isinstance(node, dict):
        if node.get("type") in ("record", "enum"):
            found[node["name"]] = node
        for key in ("type", "items", "values", "fields"):
            found |= definitions(node.get(key))
    return found


DEFINED = {name: node for file in FILES for name, node in definitions(json.loads(contract.schema_json(file))).items()}


def codec_of(registry: MemoryRegistry) -> Codec:
    """A codec for every record type that has a file."""
    for name in FILES:
        registry.register(f"{name}-value", contract.schema_json(name))
    return Codec(registry, {RECORDS[name]: f"{name}-value" for name in FILES})


def kind_of(example: Path) -> type[Record]:
    """`Profile.new.json` is a Profile."""
    return RECORDS[example.name.partition(".")[0]]
