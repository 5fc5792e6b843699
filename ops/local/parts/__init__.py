"""The parts of the stack, in the order in which they are shown."""

from ops.local.parts.base import Part
from ops.local.parts.cassandra import Cassandra
from ops.local.parts.connect import Connect
from ops.local.parts.kafka import Kafka
from ops.local.parts.postgres import Postgres
from ops.local.parts.registry import Registry

PARTS: dict[str, Part] = {part.name: part for part in (Kafka(), Registry(), Cassandra(), Postgres(), Connect())}

__all__ = ["PARTS", "Part"]
