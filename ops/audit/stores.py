"""What Cassandra and ClickHouse say, against the log. The only part of the audit that uses code of the projections."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from ops.audit.differences import Ask, Counts, compare
from ops.audit.report import Compared, Report
from ops.cli.context import analytics, reader
from ops.endpoints import Endpoints
from projections.errors import ProjectionError

SECONDS = 15.0
"""For each store; what there is no time for is said."""
CASSANDRA_PAGE, CLICKHOUSE_PAGE = 100, 1000
"""Notifications between two looks at the clock: Cassandra has a query or several for each, ClickHouse a scan for all of a page."""
READERS = 4


def compare_stores(report: Report, endpoints: Endpoints, seconds: float = SECONDS) -> None:
    """Add to `report` where a store differs from the log, and what was compared. A store that does not answer is said, not blamed."""
    for store, opened, page in (("cassandra", _cassandra, CASSANDRA_PAGE), ("clickhouse", _clickhouse, CLICKHOUSE_PAGE)):
        try:
            with opened(endpoints) as ask:
                compare(report, store, ask, page, _until(time.monotonic() + seconds))
        except (ProjectionError, OSError) as error:
            report.stores.setdefault(store, Compared()).error = " ".join(str(error).split())[:200]


def _until(deadline: float) -> Callable[[], bool]:
    return lambda: time.monotonic() < deadline


@contextmanager
def _cassandra(endpoints: Endpoints) -> Iterator[Ask]:
    """Several are waited for at a time; each holds the ids of one partition of one notification."""
    with reader(endpoints) as stored, ThreadPoolExecutor(READERS) as pool:
        yield lambda some: dict(zip(some, pool.map(stored.counts, some), strict=True))


@contextmanager
def _clickhouse(endpoints: Endpoints) -> Iterator[Ask]:
    with analytics(endpoints) as source:
        yield lambda some: _by_notification(source.counts(some))


def _by_notification(rows: Sequence[Mapping[str, object]]) -> Mapping[str, Counts]:
    found: dict[str, dict[str, dict[str, int]]] = {}
    for row in rows:
        of_channel = found.setdefault(str(row["notification_id"]), {}).setdefault(str(row["channel"]), {})
        of_channel[str(row["status"])] = int(str(row["recipients"]))
    return found
