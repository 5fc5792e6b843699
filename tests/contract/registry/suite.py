"""What every registry does, the one in memory as well as the real one. Subclasses bring the fixture `registry`."""

import json
from uuid import uuid4

import pytest

from schemas.codec import Codec
from schemas.errors import NotRegistered, UnknownSchemaId
from schemas.records import Outcome, QuietHours
from schemas.registry import Registry
from schemas.topics import catalogue


def schema(*fields: str, name: str = "Thing") -> str:
    return json.dumps(
        {"type": "record", "name": name, "namespace": "suite.v1", "fields": [{"name": f, "type": "string", "default": ""} for f in fields]},
        separators=(",", ":"),
    )


class RegistrySuite:
    @pytest.fixture
    def subject(self) -> str:
        return f"suite-{uuid4().hex[:12]}-value"

    def test_what_was_registered_is_found_by_id_and_by_text(self, registry: Registry, subject: str) -> None:
        schema_id = registry.register(subject, schema("a"))
        assert json.loads(registry.schema(schema_id)) == json.loads(schema("a"))
        assert registry.schema_id(subject, schema("a")) == schema_id

    def test_an_id_fits_the_wire_format(self, registry: Registry, subject: str) -> None:
        assert 0 < registry.register(subject, schema("a")) < 2**32

    def test_registering_again_gives_the_same_id(self, registry: Registry, subject: str) -> None:
        assert registry.register(subject, schema("a")) == registry.register(subject, schema("a"))

    def test_another_schema_has_another_id_and_the_first_stays(self, registry: Registry, subject: str) -> None:
        first, second = registry.register(subject, schema("a")), registry.register(subject, schema("a", "b"))
        assert first != second
        assert registry.schema_id(subject, schema("a")) == first
        assert json.loads(registry.schema(first)) == json.loads(schema("a"))

    def test_one_schema_under_two_subjects_has_one_id(self, registry: Registry, subject: str) -> None:
        assert registry.register(subject, schema("a")) == registry.register(f"other-{subject}", schema("a"))

    def test_a_subject_nobody_registered_is_not_found(self, registry: Registry, subject: str) -> None:
        with pytest.raises(NotRegistered, match=subject):
            registry.schema_id(subject, schema("a"))

    def test_a_schema_nobody_registered_under_the_subject_is_not_found(self, registry: Registry, subject: str) -> None:
        registry.register(subject, schema("a"))
        registry.register(f"other-{subject}", schema("a", "b"))
        for other in (schema("a", "b"), schema("c")):
            with pytest.raises(NotRegistered, match=subject):
                registry.schema_id(subject, other)

    @pytest.mark.parametrize("schema_id", [0, 2**31 - 1, 2**31, 2**32 - 1])
    def test_an_id_nobody_was_given_is_unknown(self, registry: Registry, schema_id: int) -> None:
        for _ in range(2):
            with pytest.raises(UnknownSchemaId, match=str(schema_id)):
                registry.schema(schema_id)

    def test_text_that_is_hard_to_carry_comes_back(self, registry: Registry, subject: str) -> None:
        text = json.dumps({"type": "record", "name": "Thing", "doc": 'å "quoted" \\ / \u2028 日本', "fields": []}, ensure_ascii=False)
        assert json.loads(registry.schema(registry.register(subject, text))) == json.loads(text)

    def test_a_codec_reads_what_another_wrote(self, registry: Registry, subject: str) -> None:
        from schemas import contract

        for kind in (Outcome, QuietHours):
            registry.register(f"{kind.__name__}-{subject}", contract.schema_json(kind.__name__))
        writer = Codec(registry, {kind: f"{kind.__name__}-{subject}" for kind in (Outcome, QuietHours)})
        writer.warm()
        payload = writer.encode(Outcome("failed", "no_address", "å"))
        assert Codec(registry, {}).decode(payload, Outcome) == Outcome("failed", "no_address", "å")

    def test_every_schema_of_the_catalogue_is_taken_and_found_again(self, registry: Registry, subject: str) -> None:
        from schemas import contract

        for name in sorted({kind.__name__ for topic in catalogue() for kind in topic.records}):
            text = contract.schema_json(name)
            schema_id = registry.register(f"{name}-{subject}", text)
            assert registry.schema_id(f"{name}-{subject}", text) == schema_id
            assert json.loads(registry.schema(schema_id)) == json.loads(text)
