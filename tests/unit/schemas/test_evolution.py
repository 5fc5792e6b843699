"""Contracts only grow. `golden/` holds the first published version of each schema: what is written with it is on the topics, and while a
new version is rolled out workers of both read what the other writes. So each must read the other: add fields with a default, nothing else.
"""

import json
from collections.abc import Callable
from io import BytesIO
from typing import Any

import avro.schema
import fastavro
import msgspec
import pytest
from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType

from schemas import contract
from schemas.codec import MAGIC, Codec
from schemas.registry import MemoryRegistry
from tests.unit.schemas.wire import EXAMPLES, FILES, GOLDEN, RECORDS, kind_of

Schema = dict[str, Any]


def golden(name: str) -> str:
    return (GOLDEN / f"{name}.json").read_text()


def complaints(reader: str, writer: str) -> list[str]:
    """Why data of `writer` can't be read with `reader`; empty when it can."""
    result = ReaderWriterCompatibilityChecker().get_compatibility(avro.schema.parse(reader), avro.schema.parse(writer))
    return [] if result.compatibility is SchemaCompatibilityType.compatible else sorted(result.messages or {"incompatible"})


def test_every_schema_has_a_golden_copy_and_none_went_away() -> None:
    assert {path.stem for path in GOLDEN.glob("*.json")} == set(FILES)


@pytest.mark.parametrize("name", FILES)
def test_what_was_written_can_be_read(name: str) -> None:
    assert complaints(reader=contract.schema_json(name), writer=golden(name)) == []


@pytest.mark.parametrize("name", FILES)
def test_a_worker_that_was_not_upgraded_yet_can_read_what_is_written_now(name: str) -> None:
    assert complaints(reader=golden(name), writer=contract.schema_json(name)) == []


@pytest.mark.parametrize("example", [e for e in EXAMPLES if kind_of(e).__name__ in FILES], ids=lambda path: path.stem)
def test_bytes_of_the_golden_version_become_records_of_today(example: Any) -> None:
    kind = kind_of(example)
    registry = MemoryRegistry()
    schema_id = registry.register("then", golden(kind.__name__))
    out = BytesIO()
    out.write(bytes([MAGIC]) + schema_id.to_bytes(4, "big"))
    record = msgspec.json.decode(example.read_bytes(), type=kind)
    fastavro.schemaless_writer(out, contract.parse(golden(kind.__name__)), msgspec.to_builtins(record, builtin_types=(bytes,)))
    read = Codec(registry, {}).decode(out.getvalue(), kind)
    assert Codec(registry, {}).fields(out.getvalue(), kind) == msgspec.to_builtins(read, builtin_types=(bytes,))
    then = [field["name"] for field in json.loads(golden(kind.__name__))["fields"]]
    assert [getattr(read, name) for name in then] == [getattr(record, name) for name in then]


def add_with_default(schema: Schema) -> None:
    schema["fields"].append({"name": "added", "type": "string", "default": "", "doc": "new"})


def add_without_default(schema: Schema) -> None:
    schema["fields"].append({"name": "added", "type": "string", "doc": "new"})


def remove_one_without_default(schema: Schema) -> None:
    del schema["fields"][0]


def remove_one_with_default(schema: Schema) -> None:
    schema["fields"] = [field for field in schema["fields"] if field["name"] != "cursor"]


def change_a_type(schema: Schema) -> None:
    next(field for field in schema["fields"] if field["name"] == "partitions")["type"] = "string"


def rename(schema: Schema) -> None:
    next(field for field in schema["fields"] if field["name"] == "partitions")["name"] = "parts"


@pytest.mark.parametrize(
    ("change", "reads_old", "old_reads_it"),
    [
        (add_with_default, True, True),
        (remove_one_with_default, True, True),
        (add_without_default, False, True),
        (remove_one_without_default, True, False),
        (change_a_type, False, False),
        (rename, False, False),
    ],
)
def test_the_check_finds_what_it_should(change: Callable[[Schema], None], reads_old: bool, old_reads_it: bool) -> None:
    now = contract.schema_json("ExpandAudience")
    schema = json.loads(now)
    change(schema)
    changed = json.dumps(schema)
    assert (complaints(changed, now) == [], complaints(now, changed) == []) == (reads_old, old_reads_it)


def test_golden_copies_are_whole() -> None:
    for name in FILES:
        assert contract.parse(golden(name))["name"] == contract.full_name(RECORDS[name])
