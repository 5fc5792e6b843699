"""The outbox on real Postgres, Debezium, Connect, registry and Kafka: what was committed arrives, what was rolled back does not."""

import time
from datetime import UTC, datetime, timedelta
from threading import Event, Thread
from uuid import uuid4

import psycopg
import pytest

from ops.demo.upstream.shop import RolledBack, Shop
from ops.local.connectors import restart_connector
from schemas.codec import Codec
from schemas.debezium import UpstreamEvent, upstream_event
from schemas.partition import partition_of
from streams.intake.loader import load_triggers
from streams.intake.rules import decide
from tests.integration.upstream.conftest import Upstream

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

pytestmark = pytest.mark.timeout(240)


def events(upstream: Upstream) -> list[UpstreamEvent]:
    return [
        upstream_event(m.topic().removeprefix(f"{upstream.name}."), m.key(), m.value(), m.headers(), m.timestamp()[1])
        for m in upstream.seen
    ]


def test_every_event_arrives_as_the_shop_wrote_it_and_asks_for_its_notification(upstream: Upstream) -> None:
    shop, before = upstream.shop, int(time.time() * 1000)
    upstream.start()
    placed = shop.place_order("u-1", "Ann", 4990)
    shipped = shop.ship_order(placed.aggregate_id, "Ann", "DHL")
    others = [
        shop.like_item("Lamp", "u-2", "u-1", "Ann"),
        shop.start_sale("Spring", 20, "tag:flash-sale"),
        shop.request_code("u-1", "012345"),
    ]
    committed = [placed, shipped, *others]
    upstream.listen({one.event_id for one in committed})

    found = {event.event_id: event for event in events(upstream)}
    assert len(found) == len(upstream.seen) == len(committed)
    codec = Codec(upstream.registry, {})
    with psycopg.connect(upstream.dsn) as db:
        rows = {str(row[0]): row[1:] for row in db.execute("SELECT id, aggregatetype, aggregateid, type, payload, created_at FROM outbox")}
    for one in committed:
        event = found[one.event_id]
        aggregate, aggregate_id, event_type, payload, created_at = rows[one.event_id]
        assert (event.source, event.aggregate_id, event.event_type) == (f"events.{aggregate}", aggregate_id, event_type)
        assert event.payload == payload
        assert event.occurred_at == (created_at.replace(tzinfo=UTC) - EPOCH) // timedelta(milliseconds=1)
        assert before - 1000 <= event.occurred_at <= time.time() * 1000 + 1000
        (request,) = decide(event, codec.decode_any(event.payload).fields, load_triggers(), event.occurred_at)
        assert request.idempotency_key == one.event_id
    for message in upstream.seen:
        assert message.partition() == partition_of(message.key().decode(), 4), "Connect and Carillon agree on partitions"


def test_what_was_rolled_back_is_never_heard_of(upstream: Upstream) -> None:
    shop = upstream.shop
    upstream.start()
    order = shop.place_order("u-1", "Ann", 100)
    attempts = [
        lambda: shop.place_order("u-1", "Ann", 200, rollback=True),
        lambda: shop.ship_order(order.aggregate_id, "Ann", "DHL", rollback=True),
        lambda: shop.like_item("Lamp", "u-2", "u-1", "Ann", rollback=True),
        lambda: shop.start_sale("Spring", 20, "all", rollback=True),
        lambda: shop.request_code("u-1", "1", rollback=True),
    ]
    for attempt in attempts:
        with pytest.raises(RolledBack):
            attempt()
    with psycopg.connect(upstream.dsn) as db:
        counts = [db.execute(f"SELECT count(*) FROM {table}").fetchone() for table in ("orders", "likes", "sales", "login_codes", "outbox")]
    assert counts == [(1,), (0,), (0,), (0,), (1,)]
    after = [shop.place_order("u-1", "Ann", 300), shop.like_item("Sofa", "u-2", "u-1", "Ann"), shop.start_sale("x", 1, "all")]
    after.append(shop.request_code("u-1", "2"))
    committed = {one.event_id for one in [order, *after]}
    upstream.listen(committed)
    assert sorted(upstream.ids()) == sorted(committed)


def test_rows_from_before_the_connector_and_from_while_it_was_away_arrive(upstream: Upstream) -> None:
    shop = upstream.shop
    committed = {one.event_id for one in shop.place_orders([("u-1", "Ann", 100)] * 700)}
    upstream.start()
    upstream.listen(committed)
    upstream.stop()
    committed |= {one.event_id for one in shop.place_orders([("u-2", "Bo", 200)] * 700)}
    upstream.start()
    committed.add(shop.place_order("u-1", "Ann", 300).event_id)
    upstream.listen(committed)
    assert set(upstream.ids()) == committed


def test_exactly_what_was_committed_arrives_though_everything_restarts_in_the_middle(upstream: Upstream) -> None:
    upstream.start()
    customers = Customers(upstream)
    customers.start()
    try:
        customers.carry_on(200)
        restart_connector(upstream.name, connect=upstream.endpoints.connect)
        customers.carry_on(200)
        with psycopg.connect(upstream.dsn, autocommit=True) as db:
            db.execute("SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = %s", (upstream.name,))
        customers.carry_on(200)
        upstream.stop()
        customers.carry_on(200)
        upstream.start()
        customers.carry_on(200)
    finally:
        customers.stop()
    upstream.listen(customers.committed)
    assert set(upstream.ids()) == customers.committed
    assert not customers.rolled_back & set(upstream.ids())
    assert len(customers.rolled_back) > 100


def test_a_lost_slot_loses_no_event(upstream: Upstream) -> None:
    """A failover without slots, or max_slot_wal_keep_size: what Postgres no longer has in its log is still in the table."""
    shop = upstream.shop
    upstream.start()
    committed = {shop.place_order("u-1", "Ann", 100).event_id}
    upstream.listen(committed)
    upstream.stop()
    with psycopg.connect(upstream.dsn, autocommit=True) as db:
        db.execute("SELECT pg_drop_replication_slot(%s)", (upstream.name,))
    committed |= {one.event_id for one in shop.place_orders([("u-2", "Bo", 200)] * 50)}
    upstream.start()
    committed.add(shop.place_order("u-1", "Ann", 300).event_id)
    upstream.listen(committed)
    assert set(upstream.ids()) == committed


def test_an_aggregate_without_a_topic_gets_one_and_holds_nobody_up(upstream: Upstream) -> None:
    upstream.start()
    new = str(uuid4())
    with psycopg.connect(upstream.dsn, autocommit=True) as db:
        db.execute(
            "INSERT INTO outbox (id, aggregatetype, aggregateid, type, payload) VALUES (%s, 'parcel', 'p-1', 'parcel.lost', 'x')", (new,)
        )
    upstream.listen({upstream.shop.place_order("u-1", "Ann", 100).event_id})
    upstream.topics.append(f"{upstream.name}.events.parcel")
    upstream.listen({new})


@pytest.mark.parametrize("aggregate", ["Order", "a b", "", "é", "x" * 101])
def test_a_name_no_topic_can_have_is_refused_by_the_table(upstream: Upstream, aggregate: str) -> None:
    insert = "INSERT INTO outbox (id, aggregatetype, aggregateid, type, payload) VALUES (%s, %s, '1', 'x', 'x')"
    with psycopg.connect(upstream.dsn, autocommit=True) as db, pytest.raises(psycopg.errors.CheckViolation):
        db.execute(insert, (str(uuid4()), aggregate))


def test_pruning_is_no_news(upstream: Upstream) -> None:
    shop = upstream.shop
    upstream.start()
    first = shop.place_order("u-1", "Ann", 100).event_id
    upstream.listen({first})
    assert shop.prune(hours=24) == 0
    assert shop.prune(hours=0) == 1
    second = shop.place_order("u-1", "Ann", 100).event_id
    upstream.listen({second})
    assert upstream.ids() == [first, second]


class Customers(Thread):
    """Buy one thing after the other, and change their mind about every third."""

    def __init__(self, upstream: Upstream) -> None:
        super().__init__(daemon=True)
        self.committed: set[str] = set()
        self.rolled_back: set[str] = set()
        self._shop = Shop(upstream.dsn, upstream.registry)
        self._enough = Event()

    def run(self) -> None:
        number = 0
        while not self._enough.is_set():
            number += 1
            try:
                self.committed.add(self._shop.place_order(f"u-{number}", "Ann", number, rollback=number % 3 == 0).event_id)
            except RolledBack as undone:
                self.rolled_back.add(undone.event_id)
            self._enough.wait(0.002)
        self._shop.close()

    def carry_on(self, more: int) -> None:
        """Until so many more orders are committed."""
        wanted, deadline = len(self.committed) + more, time.monotonic() + 60
        while len(self.committed) < wanted:
            assert self.is_alive()
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def stop(self) -> None:
        self._enough.set()
        self.join(30)
