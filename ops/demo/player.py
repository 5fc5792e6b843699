"""Plays the script on the upstream shop: every act but the restart is one Postgres transaction."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

from ops.demo.people import TAG, first_name, user_id
from ops.demo.script import CARRIERS, ITEMS, RESTART, Act
from ops.demo.upstream.shop import Happened, RolledBack, Shop

SALE_PERCENT = 25


class Placed(NamedTuple):
    """An order that can be shipped."""

    order_id: str
    name: str


class Player:
    """Runs in a thread of its own. `committed` and `undone` (by kind) grow as it goes; `error` is what ended it too early."""

    def __init__(self, shop: Shop, acts: Sequence[Act], sale: str, restart: Callable[[], object]) -> None:
        """`sale`: its name. `restart` restarts the connector; it is called beside the play, which goes on."""
        self._shop, self._acts, self._sale_name, self._restart = shop, acts, sale, restart
        self._orders: list[Placed] = []
        self.committed: Counter[str] = Counter()
        self.event_ids: list[str] = []
        self.undone: Counter[str] = Counter()
        self.rolled_back: list[str] = []
        self.sale: Happened | None = None
        self.sale_at = 0.0
        self.restarted: tuple[float, float] | None = None
        self.error: BaseException | None = None
        self.thread = threading.Thread(target=self._play, name="shop", daemon=True)
        self._restarter = threading.Thread(target=self._restart_once, name="restart", daemon=True)

    @property
    def done(self) -> bool:
        """Whether the last act is played and the connector is back."""
        return not self.thread.is_alive() and not self._restarter.is_alive()

    def _play(self) -> None:
        began = time.monotonic()
        try:
            for act in self._acts:
                time.sleep(max(0.0, began + act.at_s - time.monotonic()))
                self._one(act)
        except Exception as error:
            self.error = error

    def _one(self, act: Act) -> None:
        if act.kind == RESTART:
            self._restarter.start()
            return
        try:
            happened = self._do(act)
        except RolledBack as undone:
            self.undone[act.kind] += 1
            self.rolled_back.append(undone.event_id)
            return
        if happened is not None:
            self.committed[act.kind] += 1
            self.event_ids.append(happened.event_id)

    def _do(self, act: Act) -> Happened | None:
        user, name = user_id(act.person), first_name(act.person)
        match act.kind:
            case "order":
                return self._order(act, user, name)
            case "ship":
                return self._ship(act)
            case "like":
                actor = act.number % 1000
                return self._shop.like_item(_pick(ITEMS, act), user, user_id(actor), first_name(actor), rollback=act.rollback)
            case "code":
                return self._shop.request_code(user, f"{act.number * 7919 % 1_000_000:06d}", rollback=act.rollback)
            case _:
                return self._start_sale()

    def _order(self, act: Act, user: str, name: str) -> Happened:
        happened = self._shop.place_order(user, name, 500 + act.number * 37 % 20_000, rollback=act.rollback)
        self._orders.append(Placed(happened.aggregate_id, name))
        return happened

    def _ship(self, act: Act) -> Happened | None:
        if not self._orders:
            return None
        order = self._orders.pop(0)
        return self._shop.ship_order(order.order_id, order.name, _pick(CARRIERS, act), rollback=act.rollback)

    def _start_sale(self) -> Happened:
        self.sale_at = time.time()
        self.sale = self._shop.start_sale(self._sale_name, SALE_PERCENT, f"tag:{TAG}")
        return self.sale

    def _restart_once(self) -> None:
        began = time.time()
        try:
            self._restart()
        except Exception as error:
            self.error = error
        self.restarted = (began, time.time())


def _pick(choices: Sequence[str], act: Act) -> str:
    return choices[act.number % len(choices)]
