"""Everything about the projections that may be configured, with its defaults."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from projections.cassandra.policy import Policy
from projections.cassandra.writer import WriteLimits
from projections.clickhouse.answers import QueryLimits
from projections.clickhouse.projection import InsertLimits
from projections.retry import Backoff
from schemas import topics
from schemas.records import AudienceExpanded, NotificationRequested, Record, StatusBatch

INPUTS: Mapping[str, type[Record]] = {
    topics.REQUESTS: NotificationRequested,
    topics.STATUS: StatusBatch,
    topics.EXPANSIONS: AudienceExpanded,
}


class Addresses(Protocol):
    """Where everything is (`ops.endpoints.Endpoints`, or anything of this shape)."""

    @property
    def kafka(self) -> str: ...
    @property
    def registry(self) -> str: ...
    @property
    def cassandra_hosts(self) -> Sequence[str]: ...
    @property
    def cassandra_port(self) -> int: ...
    @property
    def clickhouse(self) -> str: ...
    @property
    def home(self) -> str: ...


@dataclass(frozen=True)
class BatchLimits:
    """A batch ends with `records`, or `bytes` of values, or `wait_s` (of its store, where that says another) after it began."""

    records: int = 2000
    bytes: int = 1_000_000
    wait_s: float = 0.25
    wait_s_of: Mapping[str, float] = field(default_factory=lambda: {"clickhouse": 1.0})
    """Each insert makes a part that has to be merged: a trickle is gathered for longer, or it costs a third of a core."""

    def of(self, store: str) -> "BatchLimits":
        """The limits of one store."""
        return replace(self, wait_s=self.wait_s_of.get(store, self.wait_s))


@dataclass(frozen=True)
class Settings:
    """`clickhouse_port` 0: any free one. `metrics_port` None: no metrics endpoint in this process."""

    inputs: Mapping[str, type[Record]] = field(default_factory=lambda: INPUTS)
    dlq: str = topics.DLQ
    group_prefix: str = "carillon"
    batch: BatchLimits = field(default_factory=BatchLimits)
    registry_backoff: Backoff = field(default_factory=lambda: Backoff(attempts=10))
    start_backoff: Backoff = field(default_factory=lambda: Backoff(attempts=8, cap_s=5.0))

    keyspace: str = "carillon"
    replication: str = "{'class': 'SimpleStrategy', 'replication_factor': 1}"
    datacenter: str = ""
    policy: Policy = field(default_factory=Policy)
    writes: WriteLimits = field(default_factory=WriteLimits)

    database: str = "carillon"
    inserts: InsertLimits = field(default_factory=InsertLimits)
    queries: QueryLimits = field(default_factory=QueryLimits)
    clickhouse_port: int = 0

    metrics_port: int | None = None

    def group(self, name: str) -> str:
        """The consumer group of a projection."""
        return f"{self.group_prefix}.{name}"
