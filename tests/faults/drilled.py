"""One outage drill: a campaign is under way at the limit of a provider when that goes down; what is left is sent when it is back.

Singles go on beside it all the time, on that channel and on one whose provider is well.
"""

import math
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict

from confluent_kafka import KafkaException

from schemas.topics import EXPANSIONS, PROFILES, STATUS
from tests.faults.drill_judge import Drilled, judge_drill
from tests.faults.drill_load import DrillLoad
from tests.faults.judge import judge
from tests.faults.memory import Memory
from tests.faults.oracle import DEFERRED
from tests.faults.outage import Outage
from tests.faults.plan import Plan, Report
from tests.faults.stage import Stage, keep_logs, staged

START_S, USERS_A_SECOND = 180.0, 1000
STEADY, MOST_STEADY_S = 0.15, 20.0
"""For what share of the time that a campaign takes, and how long at most, it is watched before the outage."""
FLASH, MOST_FLASH = 0.05, 2_000
"""What share of the people the sale is for that ends in the middle of the outage, and how many at most."""
WORKERS = 4
"""Of `bulk`."""


def run(plan: Plan) -> Report:
    """Play it on a stack of its own; `plan.fault_s`: how long the outage lasts."""
    with staged(plan) as stage:
        return Drill(stage).play()


class Drill:
    """One run."""

    def __init__(self, stage: Stage) -> None:
        self._stage, self._plan = stage, stage.plan
        self._report = Report(asdict(stage.plan))
        self._load = DrillLoad(stage.load, stage.plan.per_s, stage.plan.scale, stage.plan.seed)
        self._memory = Memory(lambda: {name: stage.workers.pid(name) for name in stage.workers.names})
        self._seen = self._expanded = 0
        self._chunks = 0
        self._ended: Counter[str] = Counter()
        """Recipients that have a terminal status, by notification."""

    def play(self) -> Report:
        """Everything, from the first profile to the verdict."""
        self._prepare()
        campaign = self._go_down()
        self._drain(campaign)
        workers = self._stage.workers
        self._report.deaths = [asdict(death) for death in workers.deaths]
        self._report.exit_codes = workers.stop()
        self._stage.view.read_to_end()
        drilled = Drilled(self._load.singles, self._memory.series)
        judge(self._stage, self._report, lambda verdict: judge_drill(self._stage, drilled, self._report, verdict))
        self._report.line |= drilled.line
        if not self._report.holds:
            keep_logs(self._stage)
        return self._report

    def _prepare(self) -> None:
        workers, load, entries = self._stage.workers, self._stage.load, self._stage.view.entries
        workers.start([*self._plan.everyone, *(f"bulk-{number}" for number in range(2, WORKERS + 1))])
        load.people()
        load.flush()
        patience_s = START_S + self._plan.users / USERS_A_SECOND
        self._until(lambda: len(entries[PROFILES]) >= self._plan.users and not any(workers.starting().values()), patience_s, "the people")

    def _go_down(self) -> str:
        """The campaign, and the outage in the middle of it; returns the campaign's id."""
        takes_s = self._plan.users / self._plan.per_s
        campaign = self._load.campaign()
        self._until(lambda: self._decided() >= self._plan.users, START_S + takes_s, "the campaign's decisions")
        self._load.begin()
        self._stage.phases["steady"] = round(time.time() * 1000)
        self._for(min(MOST_STEADY_S, STEADY * takes_s))
        self._report.fault |= {"name": "outage", "sent_before": self._ended[campaign]}
        outage = Outage(self._stage, self._plan.fault_s)
        some = self._stage.load.users[: min(MOST_FLASH, int(FLASH * self._plan.users))]
        outage.tick()
        self._load.flash(some, self._plan.fault_s / 2)
        self._until(lambda: outage.over, 2 * self._plan.fault_s + START_S, "the end of the outage", outage.tick)
        self._report.fault["left"] = self._plan.users - self._ended[campaign]
        return campaign

    def _drain(self, campaign: str) -> None:
        """Until everybody has a status that is the end; singles go on until the campaign's recipients have."""
        self._settled(lambda: self._plan.users - self._ended[campaign], self._load.tick)
        self._stage.load.flush()
        asked = self._stage.load.asked
        expected = sum(len(users) * len(asked.channels[event]) for event, users in asked.users.items())
        self._settled(lambda: expected - self._ended.total())
        self._settled(self._lag)

    def _lag(self) -> int:
        """What is not committed: offsets follow the statuses by a moment."""
        self._report.lag = self._stage.unasked() | self._stage.meter.lags()
        return sum(self._report.lag.values())

    def _settled(self, left: Callable[[], int], meanwhile: Callable[[], None] = lambda: None) -> None:
        """Until nobody is left, or nothing changed for `settle_s`."""
        deadline, least = time.monotonic() + self._plan.settle_s, math.inf
        while (now := left()) and time.monotonic() < deadline:
            meanwhile()
            self._once_round(0.1)
            if now < least:
                deadline, least = time.monotonic() + self._plan.settle_s, now

    def _for(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._load.tick()
            self._once_round(0.02)

    def _until(self, reached: Callable[[], bool], within_s: float, what: str, meanwhile: Callable[[], None] | None = None) -> None:
        """`meanwhile`: called all the time, and singles go on."""
        deadline = time.monotonic() + within_s
        while not reached():
            if meanwhile is not None:
                meanwhile()
                self._load.tick()
            self._once_round(0.02)
            if time.monotonic() > deadline:
                raise TimeoutError(f"{what}: not within {within_s:.0f} s; {self._said()}")

    def _said(self) -> str:
        there = {topic: len(entries) for topic, entries in self._stage.view.entries.items() if entries}
        try:
            lags = self._stage.meter.lags()
        except KafkaException as error:
            lags = {str(error): 1}
        return f"lag {lags}, read {there}, deaths {self._stage.workers.deaths}"

    def _once_round(self, wait_s: float) -> None:
        self._stage.workers.supervise()
        self._stage.view.poll(wait_s)
        self._memory.tick()
        entries = self._stage.view.entries[STATUS]
        for entry in entries[self._seen :]:
            self._note(entry.record)
        self._seen = len(entries)

    def _note(self, status: object) -> None:
        held = {number for number, outcome in enumerate(status.outcomes) if outcome.status == DEFERRED}  # type: ignore[attr-defined]
        ended = sum(number not in held for number in status.outcome_of) if held else len(status.users)  # type: ignore[attr-defined]
        self._ended[status.notification.notification_id] += ended  # type: ignore[attr-defined]

    def _decided(self) -> int:
        """How many of the campaign were decided on: it is the first that is asked for."""
        entries = self._stage.view.entries[EXPANSIONS]
        self._expanded += sum(entry.record.users for entry in entries[self._chunks :])  # type: ignore[union-attr]
        self._chunks = len(entries)
        return self._expanded
