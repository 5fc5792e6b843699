"""The real registry keeps the contract, guards our schemas against changes, and its failures are told apart."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import BytesIO
from typing import Any
from uuid import uuid4

import fastavro
import httpx
import pytest

from ops.endpoints import Endpoints
from schemas import contract
from schemas.codec import Codec
from schemas.errors import Malformed, RegistryUnavailable, SchemaRefused, UnknownSchemaId
from schemas.provision import require_compatibility
from schemas.registry import ConfluentRegistry
from tests.contract.registry.suite import RegistrySuite


@pytest.fixture(scope="module")
def registry(stack: Endpoints) -> Iterator[ConfluentRegistry]:
    require_compatibility(stack.registry)
    real = ConfluentRegistry(stack.registry)
    yield real
    real.close()


@pytest.fixture
def subject() -> str:
    return f"t{uuid4().hex[:12]}-value"


class TestConfluentRegistry(RegistrySuite):
    """The contract; `registry` is the fixture above."""


def changed(**changes: Any) -> str:
    """ExpandAudience with fields changed: None removes one, a dict replaces it or is added."""
    schema = json.loads(contract.schema_json("ExpandAudience"))
    fields = {field["name"]: field for field in schema["fields"]} | {
        name: change and {"name": name, **change} for name, change in changes.items()
    }
    return json.dumps(schema | {"fields": [field for field in fields.values() if field]})


def test_a_field_with_a_default_may_come_and_a_field_may_go(registry: ConfluentRegistry, subject: str) -> None:
    first = registry.register(subject, contract.schema_json("ExpandAudience"))
    second = registry.register(subject, changed(added={"type": "string", "default": ""}))
    third = registry.register(subject, changed(cursor=None))
    assert len({first, second, third}) == 3


@pytest.mark.parametrize(
    "changes",
    [
        {"added": {"type": "string"}},
        {"partitions": {"type": "string"}},
        {"chunk": {"type": "string", "default": ""}},
        {"partitions": None, "parts": {"type": "int"}},
    ],
    ids=["a field without a default", "another type", "another type with a default", "another name"],
)
def test_what_could_not_read_the_topic_is_refused(registry: ConfluentRegistry, subject: str, changes: dict[str, Any]) -> None:
    registry.register(subject, contract.schema_json("ExpandAudience"))
    with pytest.raises(SchemaRefused, match=subject):
        registry.register(subject, changed(**changes))


@pytest.mark.parametrize("text", ["not a schema", '{"type": "recrd"}'])
def test_what_is_no_schema_is_refused(registry: ConfluentRegistry, subject: str, text: str) -> None:
    with pytest.raises(SchemaRefused, match=subject):
        registry.register(subject, text)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("JSON", '{"$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "properties": {"a": {"type": "string"}}}'),
        ("PROTOBUF", 'syntax = "proto3"; message M { int32 a = 1; }'),
    ],
)
def test_records_of_other_kinds_of_schema_are_refused(
    stack: Endpoints, registry: ConfluentRegistry, subject: str, kind: str, text: str
) -> None:
    schema_id = post(stack, subject, {"schema": text, "schemaType": kind})
    with pytest.raises(Malformed, match="not an Avro schema"):
        Codec(registry, {}).decode_any(b"\0" + schema_id.to_bytes(4, "big") + b"{}")


def test_a_schema_that_refers_to_others_is_read_whole(stack: Endpoints, registry: ConfluentRegistry, subject: str) -> None:
    def record(name: str, *fields: dict[str, Any]) -> str:
        return json.dumps({"type": "record", "name": name, "namespace": "shop.v1", "fields": list(fields)})

    money = record("Money", {"name": "amount", "type": "string"})
    line = record("Line", {"name": "item", "type": "string"}, {"name": "price", "type": "shop.v1.Money"})
    order = record(
        "Order", {"name": "lines", "type": {"type": "array", "items": "Line"}}, {"name": "total", "type": ["null", "shop.v1.Money"]}
    )
    post(stack, f"money-{subject}", {"schema": money})
    uses_money = {"name": "shop.v1.Money", "subject": f"money-{subject}", "version": 1}
    post(stack, f"line-{subject}", {"schema": line, "references": [uses_money]})
    references = [uses_money, {"name": "shop.v1.Line", "subject": f"line-{subject}", "version": 1}]
    schema_id = post(stack, subject, {"schema": order, "references": references})

    fields = {"lines": [{"item": "Lamp", "price": {"amount": "9"}}], "total": {"amount": "9"}}
    out = BytesIO()
    fastavro.schemaless_writer(out, contract.parse(registry.schema(schema_id)), fields)
    decoded = Codec(registry, {}).decode_any(b"\0" + schema_id.to_bytes(4, "big") + out.getvalue())
    assert (decoded.name, decoded.fields) == ("shop.v1.Order", fields)


def post(stack: Endpoints, subject: str, body: dict[str, Any]) -> int:
    answer = httpx.post(f"{stack.registry}/subjects/{subject}/versions", json=body, timeout=10, trust_env=False)
    answer.raise_for_status()
    return int(answer.json()["id"])


def test_nobody_listening_is_unavailable() -> None:
    registry = ConfluentRegistry("http://127.0.0.1:9")
    for ask in (lambda: registry.schema(1), lambda: registry.schema_id("s", '"string"'), lambda: registry.register("s", '"string"')):
        with pytest.raises(RegistryUnavailable):
            ask()
    registry.close()


class Answers(BaseHTTPRequestHandler):
    """A registry that says what the test wants, and counts."""

    status, body, asked = 500, b"", 0

    def do_GET(self) -> None:
        type(self).asked += 1
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    do_POST = do_GET

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def answering() -> Iterator[tuple[type[Answers], str]]:
    handler = type("Handler", (Answers,), {})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield handler, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(("status", "body"), [(500, b"{}"), (503, b"down"), (200, b"<html>a proxy</html>"), (401, b""), (429, b"{}")])
def test_an_answer_that_is_none_is_unavailable_and_not_an_unknown_id(
    answering: tuple[type[Answers], str], status: int, body: bytes
) -> None:
    handler, url = answering
    handler.status, handler.body = status, body
    registry = ConfluentRegistry(url)
    with pytest.raises(RegistryUnavailable):
        registry.schema(1)
    registry.close()


def test_garbage_does_not_become_a_flood_of_requests(answering: tuple[type[Answers], str]) -> None:
    handler, url = answering
    handler.status, handler.body = 404, b'{"error_code": 40403, "message": "no"}'
    now = [0.0]
    registry = ConfluentRegistry(url, clock=lambda: now[0])
    for _ in range(50):
        with pytest.raises(UnknownSchemaId):
            registry.schema(7)
    assert handler.asked == 1
    now[0] = 10.0
    with pytest.raises(UnknownSchemaId):
        registry.schema(7)
    assert handler.asked == 2
    registry.close()
