"""The upstream shop. Each thing it does is one Postgres transaction: a row of its own, and a row of the outbox."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg

from ops.demo.upstream.events import EventWriter, aggregate_of
from schemas.registry import Registry

SQL = Path(__file__).with_name("shop.sql")
CONNECT_TIMEOUT_S = 10
STATEMENT_TIMEOUT_MS = 30_000
ORDERS_PER_TRANSACTION = 500

_OUTBOX = "INSERT INTO outbox (id, aggregatetype, aggregateid, type, payload) VALUES (%s, %s, %s, %s, %s)"
_ORDER = "INSERT INTO orders (id, user_id, total) VALUES (%s, %s, %s)"


class RolledBack(Exception):
    """The transaction was rolled back on purpose, after all its rows were written; `event_id` is of the outbox row nobody hears of."""

    def __init__(self, event_id: str) -> None:
        super().__init__(f"rolled back on purpose; outbox row {event_id} is gone with it")
        self.event_id = event_id


@dataclass(frozen=True)
class Happened:
    """What was committed: the outbox row's id (the idempotency key) and the id of the aggregate."""

    event_id: str
    aggregate_id: str


class Shop:
    """The shop on one connection. With `rollback=True` a method writes all its rows, rolls back and raises RolledBack."""

    def __init__(self, dsn: str, registry: Registry) -> None:
        """Connects, creates the tables that are missing, registers the events. Raises psycopg.Error, RegistryUnavailable."""
        self._write = EventWriter(registry)
        options = f"-c statement_timeout={STATEMENT_TIMEOUT_MS}"
        self._db = psycopg.connect(dsn, autocommit=True, connect_timeout=CONNECT_TIMEOUT_S, options=options)
        try:
            self._db.execute(SQL.read_bytes())
        except psycopg.Error:
            self._db.close()
            raise

    def place_order(self, user_id: str, name: str, cents: int, *, rollback: bool = False) -> Happened:
        """A customer called `name` buys for so many cents."""
        order_id, fields = _order(user_id, name, cents)
        with self._event("order.placed", order_id, fields, rollback) as happened:
            self._db.execute(_ORDER, (order_id, user_id, _euros(cents)))
        return happened

    def ship_order(self, order_id: str, name: str, carrier: str, *, rollback: bool = False) -> Happened:
        """An order that was placed leaves the house. Raises LookupError when there is no such order."""
        found = self._db.execute("SELECT user_id FROM orders WHERE id = %s", (order_id,)).fetchone()
        if found is None:
            raise LookupError(f"no order {order_id}")
        fields = {"order_id": order_id, "user_id": found[0], "name": name, "carrier": carrier}
        with self._event("order.shipped", order_id, fields, rollback) as happened:
            self._db.execute("UPDATE orders SET carrier = %s, shipped_at = now() WHERE id = %s", (carrier, order_id))
        return happened

    def like_item(self, item: str, owner_id: str, actor_id: str, actor: str, *, rollback: bool = False) -> Happened:
        """`actor` likes an item; its owner is told."""
        fields = {"item": item, "owner_id": owner_id, "actor_id": actor_id, "actor": actor}
        with self._event("item.liked", item, fields, rollback) as happened:
            self._db.execute("INSERT INTO likes (item, owner_id, actor_id) VALUES (%s, %s, %s)", (item, owner_id, actor_id))
        return happened

    def start_sale(self, sale: str, percent: int, audience: str, *, rollback: bool = False) -> Happened:
        """A sale begins, and an audience (`all`, `tag:flash-sale`) is told."""
        sale_id = f"s-{uuid4().hex[:12]}"
        fields = {"sale_id": sale_id, "sale": sale, "percent": percent, "audience": audience}
        with self._event("sale.started", sale_id, fields, rollback) as happened:
            self._db.execute("INSERT INTO sales (id, name, percent, audience) VALUES (%s, %s, %s, %s)", (sale_id, sale, percent, audience))
        return happened

    def request_code(self, user_id: str, code: str, *, rollback: bool = False) -> Happened:
        """A customer who logs in wants a code."""
        with self._event("login.code_requested", user_id, {"user_id": user_id, "code": code}, rollback) as happened:
            self._db.execute("INSERT INTO login_codes (user_id, code) VALUES (%s, %s)", (user_id, code))
        return happened

    def place_orders(self, orders: Iterable[tuple[str, str, int]]) -> Iterator[Happened]:
        """Many orders of (user_id, name, cents), 500 a transaction, as they are committed. Consume it: it is lazy."""
        remaining = iter(orders)
        while chunk := list(islice(remaining, ORDERS_PER_TRANSACTION)):
            placed = [(str(uuid4()), *_order(*order)) for order in chunk]
            with self._db.transaction(), self._db.cursor() as cursor:
                cursor.executemany(
                    _ORDER, [(order_id, user, _euros(cents)) for (_, order_id, _), (user, _, cents) in zip(placed, chunk, strict=True)]
                )
                cursor.executemany(
                    _OUTBOX, [self._row(event_id, "order.placed", order_id, fields) for event_id, order_id, fields in placed]
                )
            yield from (Happened(event_id, order_id) for event_id, order_id, _ in placed)

    def prune(self, hours: int = 24) -> int:
        """Delete outbox rows older than that; returns how many. Fewer hours than Carillon's idempotency window, so that a new
        snapshot of the outbox repeats nothing that is forgotten."""
        old = self._db.execute("DELETE FROM outbox WHERE created_at < (now() AT TIME ZONE 'utc') - make_interval(hours => %s)", (hours,))
        return old.rowcount

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def _event(self, event_type: str, aggregate_id: str, fields: dict[str, Any], rollback: bool) -> Iterator[Happened]:
        """One transaction: what is done inside it, then the outbox row."""
        happened = Happened(str(uuid4()), aggregate_id)
        with self._db.transaction():
            yield happened
            self._db.execute(_OUTBOX, self._row(happened.event_id, event_type, aggregate_id, fields))
            if rollback:
                raise RolledBack(happened.event_id)

    def _row(self, event_id: str, event_type: str, aggregate_id: str, fields: dict[str, Any]) -> tuple[str, str, str, str, bytes]:
        return event_id, aggregate_of(event_type), aggregate_id, event_type, self._write.encode(event_type, fields)


def _order(user_id: str, name: str, cents: int) -> tuple[str, dict[str, Any]]:
    order_id = f"o-{uuid4().hex[:12]}"
    return order_id, {"order_id": order_id, "user_id": user_id, "name": name, "total": f"{_euros(cents)} EUR"}


def _euros(cents: int) -> Decimal:
    return Decimal(cents).scaleb(-2)
