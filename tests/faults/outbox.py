"""Orders that come through the shop's outbox: rows of Postgres that Debezium carries to Kafka, whatever of it is down."""

import random
import threading

import psycopg

from ops.demo.upstream.connector import NAME, outbox_connector
from ops.demo.upstream.shop import RolledBack, Shop
from ops.endpoints import Endpoints
from ops.local.connectors import connector_status, put_connector
from schemas.registry import ConfluentRegistry
from tests.faults.asked import Asked
from tests.faults.load import ORDER

PACE_S, ROWS = 0.02, 200
"""Between two transactions; how many rows are committed before anything breaks, and again when it is whole."""
UNDONE = 1 / 7
"""Share of the transactions that are rolled back: nobody may hear of them."""
COMMITTED = "SELECT outbox.id::text, orders.user_id FROM outbox JOIN orders ON orders.id = outbox.aggregateid"


class Outbox:
    """A shop with a thread of its own. What it committed is asked of Postgres in the end, for the answer to a commit may be lost."""

    def __init__(self, endpoints: Endpoints, users: list[str], seed: int) -> None:
        self._endpoints, self._users, self._random = endpoints, users, random.Random(seed)
        self._registry = ConfluentRegistry(endpoints.registry)
        self._shop: Shop | None = Shop(endpoints.postgres, self._registry)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sell, daemon=True)
        self.sold = self.refused = 0
        """Orders that are known to be committed; transactions that Postgres did not take."""
        self.said: dict[str, object] = {}
        """Rows that were committed, transactions that were refused, and how the connector is in the end."""

    def begin(self) -> None:
        """From now on orders are placed."""
        put_connector(NAME, outbox_connector(self._endpoints.postgres), connect=self._endpoints.connect)
        self._thread.start()

    def stop(self, asked: Asked) -> None:
        """Place no more; note in `asked` what was committed."""
        self._stop.set()
        self._thread.join()
        with psycopg.connect(self._endpoints.postgres, connect_timeout=10) as database:
            rows = dict(database.execute(COMMITTED).fetchall())
        for event_id, user in rows.items():
            asked.users[event_id], asked.channels[event_id] = frozenset({user}), ORDER
        self.said = {"rows": len(rows), "refused": self.refused, "connector": self._connector()}

    def _connector(self) -> str:
        status = connector_status(NAME, connect=self._endpoints.connect)
        return f"{status.state} {status.tasks} {status.trace[:200]}" if status else "not there"

    def close(self) -> None:
        """Let go of everything."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        self._leave()
        self._registry.close()

    def _sell(self) -> None:
        while not self._stop.wait(PACE_S):
            try:
                self._shop = self._shop or Shop(self._endpoints.postgres, self._registry)
                undone = self._random.random() < UNDONE
                self._shop.place_order(self._random.choice(self._users), "Ann", 999, rollback=undone)
                self.sold += 1
            except RolledBack:
                continue
            except psycopg.Error:  # down, going down or coming up: a shop tries with its next customer
                self.refused += 1
                self._leave()

    def _leave(self) -> None:
        if self._shop:
            self._shop.close()
        self._shop = None
