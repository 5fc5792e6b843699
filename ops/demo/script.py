"""What happens in the shop, and when. Pure: the same seed gives the same play."""

from random import Random
from typing import NamedTuple

ORDER, SHIP, LIKE, CODE, SALE, RESTART = "order", "ship", "like", "code", "sale", "restart"
WEIGHTS = {ORDER: 45, SHIP: 20, LIKE: 20, CODE: 15}
ROLLED_BACK = 0.1
SALE_AT, RESTART_AT = 0.2, 0.72
"""Shares of the play's length: the sale has room to run before the connector is restarted, and customers go on through both."""
ITEMS = ("a bicycle bell", "a carillon", "a tuning fork", "brass polish", "a music box", "church mouse slippers")
CARRIERS = ("DHL", "PostNL", "UPS", "Hermes")


class Act(NamedTuple):
    """One thing that happens `at_s` seconds into the play; `number` makes its details."""

    at_s: float
    kind: str
    person: int
    number: int
    rollback: bool


def script(seconds: float, per_second: int, people: int, seed: int = 7) -> list[Act]:
    """All acts, in order of time."""
    dice = Random(seed)
    kinds, weights = list(WEIGHTS), list(WEIGHTS.values())
    acts = [Act(seconds * SALE_AT, SALE, 0, 0, False), Act(seconds * RESTART_AT, RESTART, 0, 0, False)]
    for number in range(int(seconds * per_second)):
        kind = dice.choices(kinds, weights)[0]
        acts.append(Act(dice.uniform(0, seconds), kind, dice.randrange(people), number, dice.random() < ROLLED_BACK))
    return sorted(acts)
