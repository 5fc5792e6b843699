"""The schema registry, as the codec needs it: ids to schemas and back. `Registry` is the protocol; one is real, one is in memory."""

import time
from collections.abc import Callable
from typing import Protocol

from confluent_kafka.schema_registry import Schema, SchemaReference, SchemaRegistryClient
from confluent_kafka.schema_registry.error import SchemaRegistryError

from schemas.errors import NotRegistered, RegistryUnavailable, SchemaRefused, UnknownSchemaId
from schemas.references import whole

TIMEOUT_S = 5.0
FORGET_UNKNOWN_AFTER_S = 10.0
MAX_UNKNOWN = 1000
_NOT_FOUND = 404
_REFUSED = (409, 422)


class Registry(Protocol):
    """Subjects follow TopicNameStrategy: `<topic>-value`."""

    def schema(self, schema_id: int) -> str:
        """The schema text of an id. Raises UnknownSchemaId, RegistryUnavailable."""

    def schema_id(self, subject: str, schema: str) -> int:
        """The id of a schema that is registered under `subject`. Raises NotRegistered, RegistryUnavailable."""

    def register(self, subject: str, schema: str) -> int:
        """Register `schema` and return its id; the same text again returns the same id. Raises SchemaRefused, RegistryUnavailable."""


class ConfluentRegistry:
    """A registry that speaks Confluent's API (Confluent, Apicurio's ccompat, Redpanda).

    An id that is not known is remembered as such for `FORGET_UNKNOWN_AFTER_S`, so that a flood of garbage is not a flood of requests.
    """

    def __init__(self, url: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = SchemaRegistryClient({"url": url, "timeout": TIMEOUT_S, "max.retries": 1})
        self._clock = clock
        self._unknown: dict[int, float] = {}

    def schema(self, schema_id: int) -> str:
        if self._clock() - self._unknown.get(schema_id, -FORGET_UNKNOWN_AFTER_S) < FORGET_UNKNOWN_AFTER_S:
            raise UnknownSchemaId(f"schema id {schema_id} is not in the registry")
        try:
            found = self._client.get_schema(schema_id)
            return whole(str(found.schema_str), self._referenced(found.references)) if found.references else str(found.schema_str)
        except Exception as error:
            if _is_not_found(error):
                self._remember_unknown(schema_id)
                raise UnknownSchemaId(f"schema id {schema_id} is not in the registry") from error
            raise RegistryUnavailable(f"schema id {schema_id}: {error}") from error

    def schema_id(self, subject: str, schema: str) -> int:
        try:
            return int(self._client.lookup_schema(subject, Schema(schema, "AVRO")).schema_id)
        except Exception as error:
            if _is_not_found(error):
                raise NotRegistered(f"{subject}: not in the registry; run `carillon topics apply`") from error
            raise RegistryUnavailable(f"{subject}: {error}") from error

    def register(self, subject: str, schema: str) -> int:
        try:
            return int(self._client.register_schema(subject, Schema(schema, "AVRO")))
        except Exception as error:
            if isinstance(error, SchemaRegistryError) and error.http_status_code in _REFUSED:
                raise SchemaRefused(f"{subject}: {error}") from error
            raise RegistryUnavailable(f"{subject}: {error}") from error

    def close(self) -> None:
        """Close the connections to the registry."""
        self._client.close()

    def _referenced(self, references: list[SchemaReference]) -> dict[str, str]:
        """Full name -> schema text of what a schema refers to, and of what that refers to."""
        found: dict[str, str] = {}
        for reference in references:
            schema = self._client.get_version(reference.subject, reference.version).schema
            found |= {reference.name: str(schema.schema_str)} | self._referenced(schema.references or [])
        return found

    def _remember_unknown(self, schema_id: int) -> None:
        if len(self._unknown) >= MAX_UNKNOWN:
            self._unknown.clear()
        self._unknown[schema_id] = self._clock()


class MemoryRegistry:
    """A registry for unit tests. Passes the same contract suite as the real one."""

    def __init__(self) -> None:
        self._ids: dict[str, int] = {}
        self._subjects: set[tuple[str, int]] = set()

    def schema(self, schema_id: int) -> str:
        for text, known in self._ids.items():
            if known == schema_id:
                return text
        raise UnknownSchemaId(f"schema id {schema_id} is not in the registry")

    def schema_id(self, subject: str, schema: str) -> int:
        schema_id = self._ids.get(schema, 0)
        if (subject, schema_id) not in self._subjects:
            raise NotRegistered(f"{subject}: not in the registry; run `carillon topics apply`")
        return schema_id

    def register(self, subject: str, schema: str) -> int:
        schema_id = self._ids.setdefault(schema, len(self._ids) + 1)
        self._subjects.add((subject, schema_id))
        return schema_id


def _is_not_found(error: Exception) -> bool:
    return isinstance(error, SchemaRegistryError) and error.http_status_code == _NOT_FOUND
