"""Counts everything again, each on its own way: Postgres, the log, the sandbox, ClickHouse, Cassandra."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

import psycopg

from ops.cli.context import analytics, reader
from ops.cli.tally import Counts
from ops.demo.heard import Heard
from ops.demo.sandbox import Received
from ops.demo.sums import HANDED, UNCERTAIN, Facts, expected_ids, statuses
from ops.endpoints import Endpoints
from schemas.records import StatusBatch
from streams.intake.loader import load_triggers

TIMEOUT_S = 10
IN_APP = "in_app"
_BY_OUTCOME = """
SELECT notification_id, channel, status, reason, count() AS recipients FROM status_events FINAL
WHERE accepted_at >= fromUnixTimestamp64Milli({since:Int64}) AND status != 'deferred'
GROUP BY notification_id, channel, status, reason"""


def database_now(dsn: str) -> datetime:
    """The database's clock, as the outbox's `created_at` has it."""
    with psycopg.connect(dsn, connect_timeout=TIMEOUT_S) as db:
        row = db.execute("SELECT clock_timestamp() AT TIME ZONE 'utc'").fetchone()
    assert row is not None
    return row[0]  # type: ignore[no-any-return]


def outbox(dsn: str) -> dict[str, tuple[str, datetime]]:
    """Every committed row of the outbox: event id to (event type, created at)."""
    with psycopg.connect(dsn, connect_timeout=TIMEOUT_S) as db:
        return {event_id: (kind, at) for event_id, kind, at in db.execute("SELECT id::text, type, created_at FROM outbox")}


def gathered(
    endpoints: Endpoints,
    heard: Heard,
    *,
    since: datetime,
    since_ms: int,
    rolled_back: list[str],
    received: dict[str, Received],
    devices: Mapping[str, int],
    sale: str,
) -> Facts:
    """All figures of a run that began at `since` by the database's clock and `since_ms` by ours. `devices`: their number, by user."""
    ever = outbox(endpoints.postgres)
    mine = {event_id: kind for event_id, (kind, at) in ever.items() if at >= since}
    expected = expected_ids(mine, load_triggers())
    with reader(endpoints) as stored:
        cassandra = {channel: dict(statuses(counts)) for channel, counts in stored.counts(sale).items()}
    return Facts(
        outbox=mine,
        outbox_ever=set(ever),
        rolled_back=rolled_back,
        requested=heard.requested,
        planned=heard.planned,
        tallies=dict(heard.tallies),
        sale=sale,
        people=len(devices),
        addresses=addresses(heard.statuses, devices, HANDED, heard.devices),
        uncertain=addresses(heard.statuses, devices, UNCERTAIN, heard.devices),
        received=received,
        clickhouse=_clickhouse(endpoints, since_ms, expected),
        cassandra_sale=cassandra,
        dead_letters=len(heard.dead),
    )


def addresses(
    batches: Iterable[StatusBatch], devices: Mapping[str, int], wanted: Collection[str], later: Mapping[str, Sequence[tuple[int, int]]]
) -> dict[str, int]:
    """By channel of a provider: how many addresses the recipients had whose status is one of those wanted.

    `devices`: their number in the beginning; `later`: (offset of the profile, number since then), of those who lost one that was dead.
    """
    found: Counter[str] = Counter()
    for batch in {one.status_id: one for one in batches}.values():
        if batch.channel != IN_APP:
            counts = [outcome.status in wanted for outcome in batch.outcomes]
            rows = zip(batch.users, batch.outcome_of, batch.profile_offsets, strict=True)
            told = [(user, offset) for user, index, offset in rows if counts[index]]
            found[batch.channel] += (
                sum(_had(user, offset, devices, later) for user, offset in told) if batch.channel == "push" else len(told)
            )
    return dict(found)


def _had(user: str, offset: int, devices: Mapping[str, int], later: Mapping[str, Sequence[tuple[int, int]]]) -> int:
    """How many devices a user had by the profile at an offset."""
    return next((number for since, number in reversed(later.get(user, ())) if since <= offset), devices.get(user, 0))


def _clickhouse(endpoints: Endpoints, since_ms: int, expected: Mapping[str, str]) -> Counts:
    found: dict[str, Counter[str]] = {}
    with analytics(endpoints) as source:
        rows = source.query(_BY_OUTCOME, {"since": since_ms})
    for row in rows:
        if row["notification_id"] in expected:
            name = f"{row['status']}:{row['reason']}" if row["reason"] else row["status"]
            found.setdefault(row["channel"], Counter())[name] += row["recipients"]
    return {channel: dict(counts) for channel, counts in found.items()}
