"""The codec: what is not right is refused with a type of its own; nothing else ever comes out, whatever the bytes."""

import json
from io import BytesIO
from typing import Any

import fastavro
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import contract
from schemas.codec import HEADER_BYTES, Codec, Decoded, schema_id_of
from schemas.errors import (
    BadMagic,
    Malformed,
    NotRegistered,
    RecordRefused,
    RegistryUnavailable,
    SchemaError,
    Truncated,
    UnknownSchemaId,
    WrongType,
)
from schemas.records import Audience, Notification, NotificationRequested, Outcome, Priority, Profile, QuietHours, Record, StatusBatch
from schemas.registry import MemoryRegistry
from tests.unit.schemas.wire import EXAMPLES, FILES, RECORDS, codec_of, kind_of

REGISTRY = MemoryRegistry()
CODEC = codec_of(REGISTRY)
KINDS = [RECORDS[name] for name in FILES]


def example(name: str) -> Record:
    path = next(path for path in EXAMPLES if path.name.startswith(f"{name}."))
    return msgspec.json.decode(path.read_bytes(), type=RECORDS[name])


def framed(schema: Any, body: bytes, registry: MemoryRegistry = REGISTRY) -> bytes:
    """`body` with the id of a schema (JSON, or any text)."""
    text = schema if isinstance(schema, str) else json.dumps(schema)
    return b"\0" + registry.register("any", text).to_bytes(4, "big") + body


VALID = {kind: CODEC.encode(example(kind.__name__)) for kind in KINDS}
REQUEST = VALID[NotificationRequested]


@pytest.mark.parametrize(
    ("payload", "error"),
    [
        (None, Truncated),
        (b"", Truncated),
        (b"\0", Truncated),
        (b"\0\0\0\0", Truncated),
        (REQUEST[:HEADER_BYTES], Truncated),
        (b"\1" + REQUEST[1:], BadMagic),
        (b'{"json": 1}', BadMagic),
        (b"\xff", BadMagic),
        (b"\0\xff\xff\xff\xff" + REQUEST[5:], UnknownSchemaId),
        (b"\0\0\0\0\0" + REQUEST[5:], UnknownSchemaId),
        (REQUEST + b"\0", Malformed),
        (REQUEST * 2, Malformed),
        (VALID[Profile], WrongType),
        (VALID[Audience], WrongType),
        (VALID[Notification], WrongType),
    ],
)
def test_what_is_not_a_request_is_refused_by_type(payload: bytes | None, error: type[RecordRefused]) -> None:
    with pytest.raises(error) as refusal:
        CODEC.decode(payload, NotificationRequested)
    assert refusal.value.reason == error.reason


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_record_cut_anywhere_is_truncated(kind: type[Record]) -> None:
    payload = VALID[kind]
    for end in range(len(payload)):
        with pytest.raises(Truncated):
            CODEC.decode(payload[:end], kind)
        with pytest.raises(Truncated):
            CODEC.decode_any(payload[:end])


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_one_of_several_is_known_by_its_schema(kind: type[Record]) -> None:
    """Also to a reader who has never looked up its own ids; in whatever order the kinds are named."""
    for codec in (CODEC, Codec(REGISTRY, {})):
        for kinds in (KINDS, KINDS[::-1], [kind]):
            assert codec.decode_one_of(VALID[kind], kinds) == codec.decode(VALID[kind], kind)


@pytest.mark.parametrize("codec", [CODEC, Codec(REGISTRY, {})])
def test_what_is_none_of_them_is_of_the_wrong_type(codec: Codec) -> None:
    with pytest.raises(WrongType, match="a carillon.v1.NotificationRequested where a carillon.v1.Profile or a carillon.v1.Outcome was"):
        codec.decode_one_of(REQUEST, [Profile, Outcome])
    for payload, error in ((None, Truncated), (b"", Truncated), (b"\1" + REQUEST[1:], BadMagic), (REQUEST[:-1], Truncated)):
        with pytest.raises(error):
            codec.decode_one_of(payload, [Profile, NotificationRequested])


def test_the_schema_s_name_says_which_and_not_what_the_fields_are_like() -> None:
    schema = json.loads(contract.schema_json("QuietHours"))
    renamed = framed({**schema, "name": "Lull"}, VALID[QuietHours][HEADER_BYTES:])
    with pytest.raises(WrongType, match="Lull"):
        CODEC.decode_one_of(renamed, [QuietHours, Profile])


@pytest.mark.parametrize(
    ("schema", "error"),
    [
        ('{"$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "properties": {}}', Malformed),
        ('{"type": "string"}', WrongType),
        ("{}", Malformed),
        ("true", Malformed),
        ("5", Malformed),
        ("null", Malformed),
        ('syntax = "proto3"; message M { int32 a = 1; }', Malformed),
        ("", Malformed),
        ("[" * 100_000, Malformed),
        ('"string"', WrongType),
        ('["null", "string"]', WrongType),
        ({"type": "enum", "name": "E", "symbols": ["A", "B"]}, WrongType),
        ({"type": "fixed", "name": "F", "size": 2}, WrongType),
        ({"type": "array", "items": "int"}, WrongType),
        ({"type": "map", "values": "int"}, WrongType),
        ({"type": "record", "name": "R", "fields": [{"name": "x", "type": "NoSuchType"}]}, Malformed),
        ({"type": "record", "name": "R"}, WrongType),
    ],
)
def test_a_schema_that_is_no_avro_record_is_refused(schema: Any, error: type[RecordRefused]) -> None:
    payload = framed(schema, b"\0\0")
    with pytest.raises(error):
        CODEC.decode(payload, NotificationRequested)
    with pytest.raises(RecordRefused):
        CODEC.decode_any(payload)


def test_any_schema_of_the_registry_is_decoded() -> None:
    schema = {
        "type": "record",
        "name": "OrderPlaced",
        "namespace": "shop.v1",
        "fields": [
            {"name": "id", "type": {"type": "string", "logicalType": "uuid"}},
            {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
            {"name": "total", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}},
            {"name": "next", "type": ["null", "OrderPlaced"], "default": None},
        ],
    }
    out = BytesIO()
    fields = {"id": "x", "at": 5, "total": b"\x01", "next": {"id": "y", "at": 6, "total": b"", "next": None}}
    fastavro.schemaless_writer(out, contract.parse(json.dumps(schema)), fields)
    assert CODEC.decode_any(framed(schema, out.getvalue())) == Decoded("shop.v1.OrderPlaced", fields)


def test_a_record_of_ours_that_breaks_its_struct_is_malformed() -> None:
    """Same name, another type: somebody registered a schema of ours that is not ours."""
    schema = {"type": "record", "name": "QuietHours", "namespace": "carillon.v1", "fields": [{"name": "start_minute", "type": "string"}]}
    for read in (CODEC.decode, CODEC.fields):
        with pytest.raises(Malformed):
            read(framed(schema, b"\x02a"), QuietHours)


def test_a_symbol_this_version_does_not_know_is_read_as_the_default() -> None:
    """A newer worker may know a lane that an older one does not: the record is read, and goes the normal way."""
    schema = contract.schema_json("Notification").replace('"low"]', '"low","lowest"]')
    newer = contract.parse(schema)
    fields = msgspec.to_builtins(example("Notification")) | {"priority": "lowest"}
    out = BytesIO()
    fastavro.schemaless_writer(out, newer, fields)
    assert CODEC.decode(framed(schema, out.getvalue()), Notification).priority is Priority.NORMAL


def test_a_type_without_a_schema_in_the_registry_is_an_error_of_ours_and_not_of_the_record() -> None:
    codec = Codec(MemoryRegistry(), {Outcome: "x"})
    with pytest.raises(NotRegistered, match="x: not in the registry"):
        codec.encode(Outcome("sent"))
    with pytest.raises(NotRegistered):
        codec.warm()
    assert not issubclass(NotRegistered, RecordRefused)


def test_a_registry_that_does_not_answer_says_nothing_about_the_record() -> None:
    class Down(MemoryRegistry):
        def schema(self, schema_id: int) -> str:
            raise RegistryUnavailable("down")

    with pytest.raises(RegistryUnavailable):
        Codec(Down(), {}).decode(REQUEST, NotificationRequested)
    assert not issubclass(RegistryUnavailable, RecordRefused)


def test_an_id_that_was_unknown_is_asked_for_again() -> None:
    """The schema may be registered a moment after the first record of it was read."""
    registry = MemoryRegistry()
    codec = Codec(registry, {})
    payload = b"\0\0\0\0\1\x02a"
    with pytest.raises(UnknownSchemaId):
        codec.decode_any(payload)
    registry.register("s", '{"type":"record","name":"R","fields":[{"name":"x","type":"string"}]}')
    assert codec.decode_any(payload).fields == {"x": "a"}


def test_schemas_are_looked_up_once() -> None:
    class Counting(MemoryRegistry):
        asked = 0

        def schema(self, schema_id: int) -> str:
            self.asked += 1
            return super().schema(schema_id)

    registry = Counting()
    registry.register("s", contract.schema_json("Profile"))
    codec = Codec(registry, {Profile: "s"})
    payload = codec.encode(example("Profile"))
    reader = Codec(registry, {})
    for _ in range(3):
        assert reader.decode(payload, Profile) == codec.decode(payload, Profile)
    assert registry.asked == 1


def test_the_id_is_four_bytes_big_endian() -> None:
    assert schema_id_of(b"\0\xff\xfe\xfd\xfc") == 0xFFFEFDFC


def test_bytes_are_golden() -> None:
    """What is on the topics: Avro's binary encoding of a record, worked out by hand."""
    assert VALID[QuietHours][HEADER_BYTES:] == bytes([0xD0, 0x14, 0xC8, 0x06])  # zigzag 1320, 420
    assert CODEC.encode(Outcome("sent"))[HEADER_BYTES:] == b"\x08sent\0\0"


def refusal_or_same(payload: bytes, kind: type[Record]) -> None:
    """Whatever decodes must encode again, or a step that passes it on would die of it for ever."""
    try:
        record = CODEC.decode(payload, kind)
    except RecordRefused:
        return
    assert CODEC.decode(CODEC.encode(record), kind) == record


@given(st.sampled_from(KINDS), st.binary(max_size=300))
@settings(max_examples=500)
def test_any_bytes_after_a_good_header(kind: type[Record], body: bytes) -> None:
    refusal_or_same(VALID[kind][:HEADER_BYTES] + body, kind)


@given(st.sampled_from(KINDS), st.binary(max_size=40), st.sampled_from(KINDS))
def test_any_bytes_at_all(kind: type[Record], payload: bytes, header: type[Record]) -> None:
    for one in (payload, VALID[header][:HEADER_BYTES] + payload):
        refusal_or_same(one, kind)
        try:
            CODEC.decode_any(one)
        except SchemaError as error:
            assert isinstance(error, RecordRefused)  # noqa: PT017


@given(st.data(), st.sampled_from(KINDS))
@settings(max_examples=1000)
def test_a_good_record_with_bytes_changed(data: st.DataObject, kind: type[Record]) -> None:
    """Bit rot: nearly right is the hard case."""
    payload = bytearray(VALID[kind])
    for _ in range(data.draw(st.integers(1, 4))):
        payload[data.draw(st.integers(0, len(payload) - 1))] = data.draw(st.integers(0, 255))
    refusal_or_same(bytes(payload), kind)


TEXT = st.text(max_size=6)
INT, LONG = st.integers(-(2**31), 2**31 - 1), st.integers(-(2**63), 2**63 - 1)


@given(st.builds(Profile, user_id=TEXT, channels=st.lists(TEXT, max_size=3), updated_at=LONG, applied_offset=LONG, frequency_cap=INT))
def test_profiles_come_back(profile: Profile) -> None:
    assert CODEC.decode(CODEC.encode(profile), Profile) == profile
    assert CODEC.fields(CODEC.encode(profile), Profile) == msgspec.to_builtins(profile)


@pytest.mark.parametrize("path", [path for path in EXAMPLES if kind_of(path) is StatusBatch], ids=lambda path: path.stem)
def test_encoding_is_deterministic(path: Any) -> None:
    first, second = (msgspec.json.decode(path.read_bytes(), type=StatusBatch) for _ in range(2))
    assert CODEC.encode(first) == CODEC.encode(second) == codec_of(MemoryRegistry()).encode(first)
