"""The schema files and the structs say the same, every one of them is used, and every field says what it is."""

import json
import types
import typing
from enum import EnumType
from typing import Any

import msgspec
import pytest

from schemas import contract, records
from schemas.records import Record
from schemas.topics import catalogue
from tests.unit.schemas.wire import DEFINED, FILES, RECORDS, definitions

STRUCTS = {name: node for name, node in DEFINED.items() if node["type"] == "record"}
PRIMITIVES: dict[str, Any] = {"string": str, "int": int, "long": int, "boolean": bool, "bytes": bytes}
REQUIRED = object()


def python_type(node: Any) -> Any:
    """What a schema node is in a struct."""
    if isinstance(node, list):
        assert node[0] == "null", f"the only unions are nullable ones, null first: {node}"
        (branch,) = node[1:]
        return typing.Optional[python_type(branch)]  # noqa: UP045 - built at run time
    if isinstance(node, str):
        return PRIMITIVES.get(node) or RECORDS.get(node.rpartition(".")[2]) or enums()[node.rpartition(".")[2]]
    if node["type"] == "array":
        return list[python_type(node["items"])]  # type: ignore[misc]
    if node["type"] == "map":
        return dict[str, python_type(node["values"])]  # type: ignore[misc]
    if node["type"] in ("record", "enum"):
        return python_type(node["name"])
    return python_type(node["type"])


def enums() -> dict[str, EnumType]:
    return {name: value for name, value in vars(records).items() if isinstance(value, EnumType) and list(value)}


def normal(hint: Any) -> Any:
    """`X | None` and `Optional[X]` alike."""
    return typing.Optional[typing.get_args(hint)[0]] if isinstance(hint, types.UnionType) else hint  # noqa: UP045


def struct_default(field: msgspec.structs.FieldInfo) -> Any:
    if field.default is not msgspec.NODEFAULT:
        return field.default
    return REQUIRED if field.default_factory is msgspec.NODEFAULT else field.default_factory()


def avro_default(field: dict[str, Any]) -> Any:
    default = field.get("default", REQUIRED)
    return default.encode("latin-1") if field["type"] == "bytes" and isinstance(default, str) else default


def test_every_record_type_is_defined_by_a_file_or_inside_one_and_the_other_way_round() -> None:
    assert set(RECORDS) == set(STRUCTS)
    assert set(FILES) <= set(RECORDS)


def test_no_record_type_is_an_orphan() -> None:
    carried = {kind.__name__ for topic in catalogue(("order",)) for kind in topic.records}
    used = {name for top in carried for name in definitions(json.loads(contract.schema_json(top)))}
    assert used == set(DEFINED)


@pytest.mark.parametrize("name", sorted(RECORDS))
def test_struct_and_schema_agree_field_by_field(name: str) -> None:
    kind, schema = RECORDS[name], STRUCTS[name]
    hints = typing.get_type_hints(kind)
    assert [field["name"] for field in schema["fields"]] == list(kind.__struct_fields__)
    assert {field["name"]: python_type(field["type"]) for field in schema["fields"]} == {key: normal(hint) for key, hint in hints.items()}
    defaults = {field.name: struct_default(field) for field in msgspec.structs.fields(kind)}
    assert {field["name"]: avro_default(field) for field in schema["fields"]} == defaults


@pytest.mark.parametrize("name", sorted(enums()))
def test_enums_agree(name: str) -> None:
    assert DEFINED[name]["symbols"] == [member.value for member in enums()[name]]  # type: ignore[var-annotated]
    assert DEFINED[name]["default"] in DEFINED[name]["symbols"], "without it an old reader refuses a symbol it does not know"


@pytest.mark.parametrize("name", sorted(STRUCTS))
def test_everything_says_what_it_is(name: str) -> None:
    schema = STRUCTS[name]
    assert schema["doc"].strip().endswith((".", "gone."))
    assert [field["name"] for field in schema["fields"] if not field.get("doc", "").strip()] == []


@pytest.mark.parametrize("name", sorted(STRUCTS))
def test_structs_are_frozen_and_in_our_namespace(name: str) -> None:
    assert RECORDS[name].__struct_config__.frozen
    assert STRUCTS[name]["namespace"] == contract.NAMESPACE
    assert contract.full_name(RECORDS[name]) == f"carillon.v1.{name}"


@pytest.mark.parametrize("name", FILES)
def test_files_are_named_after_their_record_and_schemas_are_whole(name: str) -> None:
    text = contract.schema_json(name)
    assert json.loads(text)["name"] == name
    assert contract.parse(text)["name"] == f"carillon.v1.{name}"
    assert text == contract.schema_json(name)


@pytest.mark.parametrize("name", sorted(STRUCTS))
def test_times_are_marked_as_such(name: str) -> None:
    for field in STRUCTS[name]["fields"]:
        if field["name"].endswith("_at") or field["name"] in ("at", "timestamp"):
            assert "timestamp-millis" in json.dumps(field["type"]), field["name"]


def test_a_record_type_without_a_schema_is_noticed() -> None:
    class Lonely(Record, frozen=True):
        name: str

    with pytest.raises(FileNotFoundError):
        contract.schema_of(Lonely)
