"""The play, and a player with a shop that only pretends."""

from collections import Counter

import pytest

from ops.demo.player import Player
from ops.demo.script import CODE, LIKE, ORDER, RESTART, ROLLED_BACK, SALE, SHIP, script
from ops.demo.upstream.shop import Happened, RolledBack


def test_the_same_seed_gives_the_same_play_in_order_of_time() -> None:
    acts = script(20, 40, 1000)
    assert acts == script(20, 40, 1000) == sorted(acts)
    assert acts != script(20, 40, 1000, seed=8)
    kinds = Counter(act.kind for act in acts)
    assert kinds[SALE] == kinds[RESTART] == 1
    assert sum(kinds.values()) == 802
    assert min(kinds[kind] for kind in (ORDER, SHIP, LIKE, CODE)) > 50
    assert abs(sum(act.rollback for act in acts) / len(acts) - ROLLED_BACK) < 0.03
    assert next(act.at_s for act in acts if act.kind == SALE) < next(act.at_s for act in acts if act.kind == RESTART) < 20


class PretendShop:
    """Hands out ids; rolls back when told."""

    def __init__(self, fails: bool = False) -> None:
        self.count, self.fails, self.shipped = 0, fails, list[str]()

    def place_order(self, user_id: str, name: str, cents: int, *, rollback: bool) -> Happened:
        return self._do(rollback)

    def ship_order(self, order_id: str, name: str, carrier: str, *, rollback: bool) -> Happened:
        self.shipped.append(order_id)
        return self._do(rollback)

    def like_item(self, item: str, owner: str, actor_id: str, actor: str, *, rollback: bool) -> Happened:
        return self._do(rollback)

    def request_code(self, user_id: str, code: str, *, rollback: bool) -> Happened:
        if self.fails:
            raise ConnectionError("the database is gone")
        return self._do(rollback)

    def start_sale(self, sale: str, percent: int, audience: str) -> Happened:
        return self._do(False)

    def _do(self, rollback: bool) -> Happened:
        self.count += 1
        if rollback:
            raise RolledBack(f"e{self.count}")
        return Happened(f"e{self.count}", f"a{self.count}")


def played(shop: PretendShop) -> Player:
    restarts: list[int] = []
    player = Player(shop, script(0.2, 1000, 100), "Autumn", lambda: restarts.append(1))  # type: ignore[arg-type]
    player.thread.start()
    player.thread.join(10)
    assert player.error is not None or restarts
    return player


def test_every_act_is_committed_or_rolled_back_and_no_order_ships_twice() -> None:
    shop = PretendShop()
    player = played(shop)
    assert player.error is None
    assert player.done
    assert len(player.event_ids) + len(player.rolled_back) == shop.count
    assert set(player.event_ids).isdisjoint(player.rolled_back)
    assert sum(player.committed.values()) == len(player.event_ids)
    assert sum(player.undone.values()) == len(player.rolled_back) > 0
    assert player.sale is not None
    assert player.restarted is not None
    assert len(shop.shipped) == len(set(shop.shipped)) > 0


def test_a_database_that_is_gone_ends_the_play_and_says_so() -> None:
    player = played(PretendShop(fails=True))
    assert isinstance(player.error, ConnectionError)


@pytest.mark.parametrize("seconds", [5.0, 20.0])
def test_acts_are_within_the_play(seconds: float) -> None:
    assert all(0 <= act.at_s <= seconds for act in script(seconds, 10, 10))
