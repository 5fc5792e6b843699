"""Avro that hypothesis makes: valid schemas that no code of ours knows, and any values of theirs. A seed makes the same ones again."""

import json
from collections.abc import Mapping
from io import BytesIO
from typing import Any, NamedTuple, TypeVar

import fastavro
import hypothesis
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from schemas.codec import MAGIC
from schemas.registry import Registry

Schema = Any
T = TypeVar("T")
PRIMITIVES: Mapping[str, st.SearchStrategy[Any]] = {
    "null": st.none(),
    "boolean": st.booleans(),
    "int": st.integers(-(2**31), 2**31 - 1),
    "long": st.integers(-(2**63), 2**63 - 1),
    "double": st.floats(),
    "bytes": st.binary(max_size=200),
    "string": st.text(max_size=100),
}


class Made(NamedTuple):
    """The fields of a record's schema, and a value for each."""

    fields: list[dict[str, Schema]]
    value: dict[str, Any]


def types() -> st.SearchStrategy[Schema]:
    """Primitives, arrays, maps and nullable ones of them, a few levels deep."""
    return st.recursive(
        st.sampled_from(sorted(PRIMITIVES)),
        lambda inner: st.one_of(
            inner.map(lambda items: {"type": "array", "items": items}),
            inner.map(lambda values: {"type": "map", "values": values}),
            inner.filter(lambda one: one != "null" and not isinstance(one, list)).map(lambda one: ["null", one]),
        ),
        max_leaves=4,
    )


def values(schema: Schema, known: dict[str, Schema]) -> st.SearchStrategy[Any]:
    """Any value of a schema. `known`: the named types it has met, which are filled in."""
    if isinstance(schema, str):
        return PRIMITIVES[schema] if schema in PRIMITIVES else values(known[schema], known)
    if isinstance(schema, list):
        return st.one_of([values(branch, known) for branch in schema])
    return _complex(schema, known)


def _complex(schema: Schema, known: dict[str, Schema]) -> st.SearchStrategy[Any]:
    if "name" in schema:
        known[schema["name"]] = schema
    match schema["type"]:
        case "record":
            return st.fixed_dictionaries({field["name"]: values(field["type"], known) for field in schema["fields"]})
        case "enum":
            return st.sampled_from(schema["symbols"])
        case "array":
            return st.lists(values(schema["items"], known), max_size=4)
        case "map":
            return st.dictionaries(st.text(max_size=20), values(schema["values"], known), max_size=4)
        case inner:
            return values(inner, known)


@st.composite
def records(draw: st.DrawFn) -> Made:
    """One to six fields whose names no record of ours has, and a value of each."""
    kinds = draw(st.lists(types(), min_size=1, max_size=6))
    fields = [{"name": f"made_{number}", "type": kind} for number, kind in enumerate(kinds)]
    return Made(fields, {field["name"]: draw(values(field["type"], {})) for field in fields})


def encoded(made: Made, name: str, registry: Registry, subject: str) -> bytes:
    """In Confluent's wire format, as a record called `name` whose schema is registered under `subject`."""
    schema = {"type": "record", "name": name, "fields": made.fields}
    out = BytesIO(bytes([MAGIC]) + registry.register(subject, json.dumps(schema)).to_bytes(4, "big"))
    out.seek(0, 2)
    fastavro.schemaless_writer(out, fastavro.parse_schema(schema), made.value)
    return out.getvalue()


def drawn(strategy: st.SearchStrategy[T], seed: int, count: int) -> list[T]:
    """So many, at most, that follow from the seed."""
    found: list[T] = []

    @hypothesis.seed(seed)
    @settings(max_examples=count, database=None, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @hypothesis.given(strategy)
    def collect(made: T) -> None:
        found.append(made)

    collect()
    return found
