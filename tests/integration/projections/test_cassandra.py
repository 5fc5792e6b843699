"""The Cassandra projection on the real one."""

import random
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from cassandra.cluster import Session

from projections.base import Item
from projections.cassandra.connect import Contact, connect
from projections.cassandra.entries import Entry
from projections.cassandra.migrate import migrate
from projections.cassandra.policy import Policy
from projections.cassandra.projection import CassandraProjection
from projections.cassandra.reader import Reader
from projections.cassandra.rows import writes
from projections.cassandra.writer import WriteLimits, Writer
from projections.errors import MigrationChanged, StoreUnavailable
from projections.migrations import load
from projections.retry import Backoff
from schemas.records import Outcome, Overrides, PushOverrides, Record
from tests.integration.projections.drawn import USERS, batches
from tests.integration.projections.places import Places
from tests.unit.projections.cassandra.store import Store
from tests.unit.projections.made import expanded, items, notification, requested, status_batch

DAY_MS = 86_400_000
TABLES = ("notifications", "notification_expansions", "notification_history", "campaign_outcomes", "notification_events", "inbox")
Apply = Callable[..., None]


@pytest.fixture
def now() -> int:
    return time.time_ns() // 1_000_000


@pytest.fixture
def apply(session: Session) -> Apply:
    def run(records: Sequence[Record], policy: Policy | None = None, placed: Sequence[Item] | None = None) -> None:
        writer = Writer(session, WriteLimits(), time.sleep)
        CassandraProjection(session, writer, policy or Policy()).apply(placed or items(records))

    return run


@pytest.fixture
def reader(session: Session) -> Reader:
    return Reader(session)


def everything(session: Session) -> dict[str, list[Any]]:
    """Every row of every table, in order."""
    return {table: sorted(session.execute(f"SELECT * FROM {table}"), key=repr) for table in TABLES}


def all_history(reader: Reader, user: str, limit: int = 100) -> list[Entry]:
    entries, cursor = [], ""
    while True:
        page = reader.history(user, limit, cursor)
        entries += page.entries
        cursor = page.next_cursor
        if not cursor:
            return entries


BLOBS = Policy(blob_users=2, bucket_users=1)


@pytest.mark.parametrize("policy", [Policy(), BLOBS, Policy(blob_users=10_000)])
def test_again_and_in_any_order_changes_no_row_and_no_history(
    session: Session, reader: Reader, apply: Apply, now: int, policy: Policy
) -> None:
    placed = items([requested("n-0", accepted_at=now - 60_000), expanded(), *batches(1, now)])
    apply([], policy, placed)
    before = everything(session)
    model = Store(writes(placed, policy, now))
    assert {user: all_history(reader, user) for user in USERS} == {user: model.history(user) for user in USERS}
    for seed in range(3):
        again = placed * 2
        random.Random(seed).shuffle(again)
        apply([], policy, again)
    assert everything(session) == before
    assert all(before[table] for table in ("notifications", "notification_expansions", "notification_events", "notification_history"))


def test_another_order_in_another_keyspace_makes_the_same_rows(session: Session, places: Places, apply: Apply, now: int) -> None:
    placed = items(batches(2, now))
    apply([], None, placed)
    before = everything(session)
    for table in TABLES:
        session.execute(f"TRUNCATE {table}")
    for it in reversed(placed):
        apply([], None, [it])
    assert everything(session) == before


def test_history_comes_in_pages_newest_first(reader: Reader, apply: Apply, now: int) -> None:
    campaigns = [
        status_batch(
            USERS if i % 2 else ["user-007"],
            status_id=f"s{i}",
            at=now,
            notification=notification(f"n{i:02d}", accepted_at=now - i // 3 * DAY_MS),
        )
        for i in range(40)
    ]
    apply(campaigns, BLOBS)
    whole = all_history(reader, "user-007")
    assert [it.key.notification_id for it in whole] == [f"n{i:02d}" for i in range(40)]
    for limit in (1, 7, 40):
        assert all_history(reader, "user-007", limit) == whole
    assert len(all_history(reader, "user-008")) == 20
    assert reader.history("nobody").entries == []


def test_a_row_ends_when_its_status_is_ninety_days_old(session: Session, apply: Apply, now: int) -> None:
    apply([status_batch(["a"], at=now - 89 * DAY_MS, notification=notification("n-old", accepted_at=now - 89 * DAY_MS))])
    (row,) = session.execute("SELECT TTL(sent_at) AS left FROM notification_history WHERE user_id = 'a'")
    assert 0 <= DAY_MS // 1000 - row.left < 60


def test_the_inbox_is_rows_and_campaigns_without_the_expired(reader: Reader, apply: Apply, now: int) -> None:
    def shown(i: int, users: Sequence[str], **fields: Any) -> list[Record]:
        told = notification(f"n{i}", accepted_at=now - i * 1000, data={"n": str(i)}, **fields)
        asked = requested(f"n{i}", accepted_at=now - i * 1000, data={"n": str(i)}, **fields)
        return [asked, status_batch(users, status_id=f"s{i}", at=now - 500, channel="in_app", notification=told)]

    apply(
        [*shown(1, ["a"]), *shown(2, ["a", "b"]), *shown(3, ["a"], expires_at=now - 1), *shown(4, ["b", "c"])],
        Policy(blob_users=2, bucket_users=1),
    )
    page = reader.inbox("a")
    assert [(it.notification_id, it.data, it.read_at) for it in page.messages] == [("n1", {"n": "1"}, None), ("n2", {"n": "2"}, None)]
    assert (page.unread_count, page.next_cursor) == (2, "")
    assert [it.notification_id for it in reader.inbox("b").messages] == ["n2", "n4"]
    assert reader.unread_count("nobody") == 0


def test_the_inbox_comes_in_pages_and_what_is_read_stays_read(reader: Reader, apply: Apply, now: int) -> None:
    told = [notification(f"n{i}", accepted_at=now - i) for i in range(5)]
    shown = [status_batch(["a"], status_id=f"s{i}", at=now, channel="in_app", notification=told[i]) for i in range(5)]
    apply(shown)
    first = reader.inbox("a", 2)
    second = reader.inbox("a", 2, first.next_cursor)
    assert [it.notification_id for it in [*first.messages, *second.messages]] == ["n0", "n1", "n2", "n3"]
    reader.mark_read("a", ["n1"], now)
    reader.mark_read("a", ["n1"], now + 5000)
    reader.mark_read("a", ["n1"], now - 5000)
    assert [it.read_at for it in reader.inbox("a").messages] == [None, now - 5000, None, None, None]
    assert reader.unread_count("a") == 4
    assert reader.mark_all_read("a", now) == 4
    assert reader.unread_count("a") == 0
    apply(shown)
    assert reader.unread_count("a") == 0


def test_one_notification_in_full(session: Session, reader: Reader, apply: Apply, now: int) -> None:
    told = notification("n-1", accepted_at=now)
    mixed = [Outcome("sent"), Outcome("failed", "no_address", "gone")]
    apply([
        requested("n-1", accepted_at=now, overrides=Overrides(push=PushOverrides(image="https://shop.example/x.png"))),
        requested("n-1", accepted_at=now + 9000, campaign="copied"),
        status_batch(USERS, "sent", status_id="s1", at=now + 1, notification=told, outcomes=mixed, outcome_of=[0] * 50 + [1] * 10),
        status_batch(["user-055"], "sent", status_id="s2", at=now + 2, notification=told, attempt=2),
        status_batch(["user-001"], "delivered", status_id="s3", at=now + 3, notification=told, provider_message_ids=[]),
        status_batch(["user-001"], "sent", status_id="s4", at=now + 4, notification=told, channel="email"),
    ])  # fmt: skip
    header = reader.header("n-1")
    assert header is not None
    assert (header.campaign, header.accepted_at, header.data, header.position.offset) == ("spring", now, {"title": "Spring"}, 0)
    assert header.overrides.startswith("push.image #")
    assert reader.counts("n-1") == {"push": {"sent": 51, "failed": 10, "delivered": 1}, "email": {"sent": 1}}
    assert [(it.status_id, it.tally, it.users) for it in reader.events("n-1")] == [
        ("s1", {"sent": 50, "failed:no_address": 10}, 60), ("s2", {"sent": 1}, 1), ("s3", {"delivered": 1}, 1), ("s4", {"sent": 1}, 1),
    ]  # fmt: skip
    why = reader.why_rows("user-055", "n-1")
    assert [(it.status, it.reason, it.event.attempt, it.event.offset) for it in why] == [("failed", "no_address", 1, 2), ("sent", "", 2, 3)]
    assert Reader(session, partitions=1).why_rows("user-055", "n-1") == why
    assert reader.header("unknown") is None
    assert reader.events("unknown") == []
    assert reader.counts("unknown") == {}


def test_a_status_before_its_request_is_found_all_the_same(reader: Reader, apply: Apply, now: int) -> None:
    apply([status_batch(["a"], at=now, notification=notification("n-1", accepted_at=now))])
    assert reader.header("n-1") is None
    assert reader.counts("n-1") == {"push": {"sent": 1}}


def test_progress(reader: Reader, apply: Apply) -> None:
    apply([expanded(0, 0, partitions=2, users=1000), expanded(1, 0, last=False, partitions=2, users=500)])
    seen = reader.progress("n-1")
    assert (seen.users, seen.complete, seen.queued) == (1500, False, {"push": 1350})


def test_migrations_twice_at_once_and_edited(places: Places, session: Session) -> None:
    assert migrate(session, places.contact) == []
    session.execute(f'DROP KEYSPACE "{places.contact.keyspace}"', timeout=60)
    from concurrent.futures import ThreadPoolExecutor

    def one(_: int) -> list[str]:
        mine = connect(places.contact)
        try:
            return migrate(mine, places.contact)
        finally:
            mine.cluster.shutdown()

    with ThreadPoolExecutor(3) as pool:
        applied = [names for names in pool.map(one, range(3)) if names]
    assert applied == [[migration.name for migration in load("projections.cassandra")]]
    session.execute(f"UPDATE \"{places.contact.keyspace}\".schema_migrations SET checksum = 'x' WHERE version = 2")
    with pytest.raises(MigrationChanged, match="0002_history"):
        one(0)


def test_a_store_that_is_not_there_is_a_clear_error() -> None:
    nowhere = Contact(["127.0.0.1"], 1, connect_timeout_s=1)
    with pytest.raises(StoreUnavailable, match=r"127\.0\.0\.1:1/carillon"):
        CassandraProjection.open(nowhere, Policy(), WriteLimits(backoff=Backoff(attempts=1)), time.sleep)
    with pytest.raises(StoreUnavailable):
        Reader.open(nowhere)
