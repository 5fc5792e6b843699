"""Who is struck, when and how: drawn from the seed before the run, so that a seed is a schedule.

In flight: the process had said that it was ready, and of the records that were on its topics before it was struck some were not committed
after it (`left`): it was working on them, or had done so and must do it again. One struck in start-up or recovery is not counted, whatever
waited for it.
"""

import random
import time
from dataclasses import dataclass

from confluent_kafka import KafkaException

from schemas.clock import now_ms
from tests.faults.meter import Ends, Meter
from tests.faults.plan import Plan, Report
from tests.faults.workers import STALL_S, Workers

TWICE, TOGETHER = 0.25, 0.1
"""How likely a role is struck again within AGAIN_S, in start-up, rebalance or recovery; how likely two are struck at once."""
AGAIN_S = 3.0
AIMED, AIM_S, LOOK_S = 0.9, 20.0, 0.05
"""How many of the others are aimed: they wait until the role is ready and has something to do, but no longer than AIM_S."""
SLOW = {"kill": 1.0, "restart": 3.0, "stall": 1.2 * STALL_S}
"""By how much longer than for kills the gaps between strikes are."""


@dataclass(frozen=True)
class Strike:
    """So long after the one before it, these roles at once; `number`: which of a role's workers, as a share of them."""

    gap_s: float
    roles: tuple[str, ...]
    number: float
    aimed: bool = False


def draw(plan: Plan) -> list[Strike]:
    """Strikes for exactly `plan.kills` workers."""
    dice, left, strikes = random.Random(plan.seed), plan.kills, list[Strike]()
    again: tuple[str, ...] = ()
    while left:
        slow = SLOW[plan.how]
        if again:
            strikes.append(Strike(dice.uniform(0, AGAIN_S), again, dice.random()))
            again = ()
        else:
            count = 2 if left > 1 and len(plan.roles) > 1 and dice.random() < TOGETHER else 1
            roles = tuple(dice.sample(plan.roles, count))
            strikes.append(Strike(dice.uniform(0.2, 2 * plan.pace_s) * slow, roles, dice.random(), dice.random() < AIMED))
            again = roles[:1] if plan.how == "kill" and left > count and dice.random() < TWICE else ()
        left -= len(strikes[-1].roles)
    return strikes


class Striker:
    """Carries the strikes out when they are due."""

    def __init__(self, plan: Plan, workers: Workers, meter: Meter, report: Report) -> None:
        self._plan, self._workers, self._meter, self._report = plan, workers, meter, report
        self._strikes = draw(plan)
        self._due = time.monotonic() + (self._strikes[0].gap_s if self._strikes else 0.0)
        self._look = 0.0

    @property
    def done(self) -> bool:
        """No strike is left."""
        return not self._strikes

    def stop(self) -> None:
        """Leave out the strikes that are left."""
        self._strikes.clear()

    def tick(self) -> None:
        """To be called often."""
        now = time.monotonic()
        if not self._strikes or now < max(self._due, self._look):
            return
        self._look = now + LOOK_S
        if self._strikes[0].aimed and now < self._due + AIM_S and not self._busy(self._strikes[0]):
            return
        self._strike(self._strikes.pop(0))
        self._due = time.monotonic() + (self._strikes[0].gap_s if self._strikes else 0.0)

    def _busy(self, strike: Strike) -> bool:
        return all(self._workers.ready(name) and self._lag(name) for name in self._names(strike))

    def _names(self, strike: Strike) -> list[str]:
        there = self._workers.names
        return [_pick([name for name in there if name.partition("-")[0] == role], strike.number) for role in strike.roles]

    def _strike(self, strike: Strike) -> None:
        names = self._names(strike)
        ready = {name: self._workers.ready(name) for name in names}
        ends = {name: self._ends(name) for name in names}
        at_ms = now_ms()
        if self._plan.how == "kill":
            self._workers.end(names)
        hits = [
            dict[str, object](role=name, at_ms=at_ms, ready=ready[name], left=self._left(name, ends[name]), recovery_s=None)
            for name in names
        ]
        for hit, name in zip(hits, names, strict=True):
            self._meter.watch(hit, name.partition("-")[0])
        if self._plan.how == "kill":
            self._workers.start(names)
        else:
            for name in names:
                getattr(self._workers, self._plan.how)(name)
        self._report.kills += hits

    def _lag(self, name: str) -> int | None:
        return self._left(name, self._ends(name))

    def _ends(self, name: str) -> Ends:
        try:
            return self._meter.ends(name.partition("-")[0])
        except KafkaException:
            return {}

    def _left(self, name: str, ends: Ends) -> int | None:
        try:
            return self._meter.left(name.partition("-")[0], ends)
        except KafkaException:
            return None


def _pick(names: list[str], share: float) -> str:
    return names[int(share * len(names))]
