"""Records to bytes and back: Avro in Confluent's wire format (magic byte 0, 4-byte big-endian schema id, Avro body).

Source: https://docs.confluent.io/platform/current/schema-registry/fundamentals/serdes-develop/index.html#wire-format
"""

from collections.abc import Sequence
from io import BytesIO
from typing import Any, NamedTuple, TypeVar

import fastavro
import msgspec

from schemas import contract
from schemas.errors import BadMagic, Malformed, RecordRefused, Truncated, WrongType
from schemas.records import Record
from schemas.registry import Registry

R = TypeVar("R", bound=Record)

MAGIC = 0
HEADER_BYTES = 5
_KEPT = (bytes,)


class Decoded(NamedTuple):
    """A record of any schema: its Avro full name and its fields."""

    name: str
    fields: dict[str, Any]


class Codec:
    """Encodes our records and decodes anything in the registry. Schemas are cached for good: ids never change meaning."""

    def __init__(self, registry: Registry, subject_of: dict[type[Record], str]) -> None:
        """`subject_of`: under which subject each record type is registered."""
        self._registry = registry
        self._subject_of = subject_of
        self._headers: dict[type[Record], bytes] = {}
        self._writers: dict[int, contract.Schema] = {}

    def encode(self, record: Record) -> bytes:
        """`record` in wire format. Raises NotRegistered, RegistryUnavailable."""
        kind = type(record)
        out = BytesIO()
        out.write(self._headers.get(kind) or self._header(kind))
        fields = msgspec.to_builtins(record, builtin_types=_KEPT)
        fastavro.schemaless_writer(out, contract.schema_of(kind), fields)
        return out.getvalue()

    def decode(self, payload: bytes | None, kind: type[R]) -> R:
        """The record of type `kind` in `payload`. Raises RecordRefused, or RegistryUnavailable when nothing can be said yet."""
        fields, _ = self._fields(payload, kind)
        return _record(fields, kind)

    def decode_one_of(self, payload: bytes | None, kinds: Sequence[type[R]]) -> R:
        """The record in `payload`, which is of one of `kinds`: its schema's name says which. Raises as `decode`."""
        return self.decode(payload, self._kind(payload, kinds))

    def fields(self, payload: bytes | None, kind: type[Record]) -> dict[str, Any]:
        """All fields of the record that `decode` returns, by name, for whom that record is not worth making. Raises as `decode`."""
        fields, same = self._fields(payload, kind)
        if not same:
            _record(fields, kind)
        return fields

    def decode_any(self, payload: bytes | None) -> Decoded:
        """A record of any schema in the registry. Raises as `decode`."""
        writer = self._writer(payload)
        fields = _read(payload or b"", writer, None)
        if not isinstance(fields, dict):
            raise WrongType(f"a {writer.get('type')} where a record was expected")
        return Decoded(str(writer["name"]), fields)

    def warm(self) -> None:
        """Look up every record type's schema now, so that a missing one is found at the start and not at the first record."""
        for kind in self._subject_of:
            self._header(kind)

    def _kind(self, payload: bytes | None, kinds: Sequence[type[R]]) -> type[R]:
        """Which of `kinds` is in `payload`. Records with the schema we have are known by their header alone."""
        header = payload[:HEADER_BYTES] if payload else b""
        for kind in kinds:
            if header == self._headers.get(kind):
                return kind
        name = self._writer(payload)["name"]
        for kind in kinds:
            if name == contract.full_name(kind):
                return kind
        raise WrongType(f"a {name} where a {' or a '.join(map(contract.full_name, kinds))} was expected")

    def _fields(self, payload: bytes | None, kind: type[Record]) -> tuple[dict[str, Any], bool]:
        """The fields of a record, and whether they were written with the schema we have, so that there is nothing left to check."""
        schema = contract.schema_of(kind)
        if payload and payload[:HEADER_BYTES] == self._headers.get(kind):
            return _read(payload, schema, None), True
        writer = self._writer(payload)
        if writer["name"] != contract.full_name(kind):
            raise WrongType(f"a {writer['name']} where a {contract.full_name(kind)} was expected")
        return _read(payload or b"", writer, schema), False

    def _header(self, kind: type[Record]) -> bytes:
        schema_id = self._registry.schema_id(self._subject_of[kind], contract.schema_json(kind.__name__))
        self._writers[schema_id] = contract.schema_of(kind)
        self._headers[kind] = bytes([MAGIC]) + schema_id.to_bytes(4, "big")
        return self._headers[kind]

    def _writer(self, payload: bytes | None) -> contract.Schema:
        schema_id = schema_id_of(payload)
        writer = self._writers.get(schema_id)
        if writer is None:
            writer = self._writers[schema_id] = _parse(schema_id, self._registry.schema(schema_id))
        return writer


def schema_id_of(payload: bytes | None) -> int:
    """The schema id a payload is framed with. Raises Truncated, BadMagic."""
    if payload is None:
        raise Truncated("no value (a tombstone) where a record was expected")
    if payload[:1] not in (b"", b"\0"):
        raise BadMagic(f"first byte is {payload[0]}, not 0: not in Confluent wire format")
    if len(payload) < HEADER_BYTES:
        raise Truncated(f"{len(payload)} bytes: shorter than the {HEADER_BYTES}-byte header")
    return int.from_bytes(payload[1:HEADER_BYTES], "big")


def _parse(schema_id: int, text: str) -> contract.Schema:
    try:
        parsed = contract.parse(text)
    except Exception as error:  # the registry may hold anything, also JSON Schema or Protobuf
        raise Malformed(f"schema id {schema_id} is not an Avro schema: {error}") from error
    if not isinstance(parsed, dict) or "name" not in parsed:
        raise WrongType(f"schema id {schema_id} is not a record")
    return parsed


def _read(payload: bytes, writer: contract.Schema, reader: contract.Schema | None) -> Any:
    body = BytesIO(payload)
    body.seek(HEADER_BYTES)
    try:
        fields = fastavro.schemaless_reader(body, writer, reader)
    except (EOFError, IndexError) as error:
        raise Truncated(f"{len(payload)} bytes end before the {writer['name']} does") from error
    except Exception as error:  # fastavro raises what its C code meets: ValueError, UnicodeDecodeError, OverflowError, MemoryError, ...
        raise _refused(writer, error) from error
    if body.tell() != len(payload):
        raise Malformed(f"{len(payload) - body.tell()} bytes left over after the {writer['name']}")
    return fields


def _record(fields: dict[str, Any], kind: type[R]) -> R:
    try:
        return msgspec.convert(fields, kind)
    except msgspec.ValidationError as error:
        raise Malformed(f"{kind.__name__}: {error}") from error


def _refused(writer: contract.Schema, error: Exception) -> RecordRefused:
    return Malformed(f"bytes do not fit {writer['name']}: {type(error).__name__}: {error}")
