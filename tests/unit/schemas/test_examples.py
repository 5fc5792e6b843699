"""The examples are records: JSON to record to Avro to record, without loss."""

from pathlib import Path

import msgspec
import pytest

from schemas.codec import Codec
from schemas.records import Record
from schemas.registry import MemoryRegistry
from tests.unit.schemas.wire import EXAMPLES, FILES, RECORDS, codec_of, kind_of

CODEC = codec_of(MemoryRegistry())


def read(example: Path) -> Record:
    return msgspec.json.decode(example.read_bytes(), type=kind_of(example))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_names_every_field_and_no_other(example: Path) -> None:
    named = msgspec.json.decode(example.read_bytes())
    assert list(named) == list(kind_of(example).__struct_fields__)
    assert msgspec.to_builtins(read(example)) == named


@pytest.mark.parametrize("example", [e for e in EXAMPLES if kind_of(e).__name__ in FILES], ids=lambda path: path.stem)
def test_an_example_comes_back_from_the_wire(example: Path) -> None:
    record = read(example)
    payload = CODEC.encode(record)
    assert CODEC.decode(payload, kind_of(example)) == record
    assert CODEC.encode(CODEC.decode(payload, kind_of(example))) == payload
    assert CODEC.decode_any(payload).name == f"carillon.v1.{kind_of(example).__name__}"


def test_a_reader_that_never_wrote_reads_the_same(tmp_path: Path) -> None:
    """The codec resolves schemas for a reader that has not looked up its own id: the result is no other."""
    registry = MemoryRegistry()
    writer = codec_of(registry)
    for example in EXAMPLES:
        if (kind := kind_of(example)).__name__ in FILES:
            assert Codec(registry, {}).decode(writer.encode(read(example)), kind) == read(example)


def test_every_record_type_has_an_example() -> None:
    assert {kind_of(example).__name__ for example in EXAMPLES} == set(RECORDS)
